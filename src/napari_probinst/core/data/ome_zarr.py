"""Instances as OME-Zarr 0.5: label images that together lose no overlap.

J. Moore et al., "OME-NGFF: a next-generation file format for expanding bioimaging
data-access strategies", Nature Methods 18, 2021, doi:10.1038/s41592-021-01326-w; the format is
specified at ngff.openmicroscopy.org/0.5.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst import __version__
from napari_probinst.core.data.atomic_folder import atomic_folder
from napari_probinst.core.data.flattening import label_type
from napari_probinst.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import zarr
    from numpy.typing import NDArray

    from napari_probinst.core.data.exported import ExportedImage, ExportedInstance

OME_VERSION = "0.5"
#: Key of what this program says about its own files.
OWN_KEY = "napari-probinst"
#: Side of a chunk, pixels.
CHUNK = 1024


def write_ome_zarr(image: ExportedImage, path: Path) -> None:
    """Write a folder ``*.ome.zarr``.

    The image is how many instances hold each pixel (2 and more: an overlap). Under ``labels/``,
    instances that overlap lie on different label images, ``instances-1``, ``instances-2`` and so
    on, each instance whole and on one of them; without overlaps there is one. A label is an id;
    ``image-label/properties`` has what is known about it.

    Parameters
    ----------
    image : ExportedImage
        What to export.
    path : Path
        Folder to write; one that this program wrote is replaced.

    Raises
    ------
    OutputError
        If there is something else at ``path``, the folder can't be written, or zarr is missing.
    """
    try:
        import zarr
    except ImportError as error:
        raise OutputError(
            "Writing OME-Zarr needs the package zarr: install it with pip install 'zarr>=3'."
        ) from error
    if path.exists() and not _is_ours(path):
        raise OutputError(
            f"{path} exists and is no export of napari-probinst: choose another name, it would "
            "be replaced."
        )
    layers = overlap_free_layers(image)
    with atomic_folder(path) as folder:
        root = zarr.open_group(folder, mode="w", zarr_format=3)
        _write_pyramid(root, image.name, image.cover(), image.pixel_size, {})
        root.attrs[OWN_KEY] = {
            "program": f"napari-probinst {__version__}",
            "n_instances": len(image.instances),
            "n_overlap_pixels": image.flat.n_overlap,
            **image.metadata,
        }
        labels = root.create_group("labels")
        names = [f"instances-{number}" for number in range(1, len(layers) + 1)]
        labels.attrs["ome"] = {"version": OME_VERSION, "labels": names}
        for name, (page, held) in zip(names, layers, strict=True):
            about: dict[str, Any] = {"source": {"image": "../../"}}
            if held:  # the format's schema allows no empty list
                about["properties"] = _properties(held)
            group = labels.create_group(name)
            _write_pyramid(group, name, page, image.pixel_size, {"image-label": about})


def overlap_free_layers(
    image: ExportedImage,
) -> list[tuple[NDArray[np.unsignedinteger[Any]], list[ExportedInstance]]]:
    """Distribute the instances over label images on which none overlaps another.

    Each goes, in the order of the ids, to the first that is still empty at all its pixels.

    Returns
    -------
    list of (ndarray of uint16 or uint32, shape (height, width), list of ExportedInstance)
        Label images with the instances on them; at least one.
    """
    dtype = label_type(max(image.ids, default=0))
    layers: list[tuple[NDArray[np.unsignedinteger[Any]], list[ExportedInstance]]] = [
        (np.zeros(image.shape, dtype), [])
    ]
    for one in image.instances:
        y0, x0, y1, x1 = one.instance.bbox
        inside = one.instance.mask
        free = next((la for la in layers if not la[0][y0:y1, x0:x1][inside].any()), None)
        if free is None:
            free = (np.zeros(image.shape, dtype), [])
            layers.append(free)
        page, held = free
        one.instance.paint(page, one.id)
        held.append(one)
    return layers


def _write_pyramid(
    group: zarr.Group,
    name: str,
    page: NDArray[Any],
    pixel_size: tuple[float, float] | None,
    more: dict[str, Any],
) -> None:
    """Write a page at full resolution, and every second pixel of it, until it fits a chunk."""
    size = pixel_size or (1.0, 1.0)
    unit = {} if pixel_size is None else {"unit": "micrometer"}
    datasets = []
    level = 0
    while True:
        group.create_array(
            str(level),
            data=np.ascontiguousarray(page),
            chunks=tuple(min(CHUNK, length) for length in page.shape),
            dimension_names=("y", "x"),
        )
        scale = {"type": "scale", "scale": [float(side) * 2**level for side in size]}
        datasets.append({"path": str(level), "coordinateTransformations": [scale]})
        if max(page.shape) <= CHUNK:
            break
        # Labels can't be averaged. Centres of pixels stay where they are.
        page = page[::2, ::2]
        level += 1
    pyramid: dict[str, Any] = {
        "name": name,
        "axes": [{"name": axis, "type": "space", **unit} for axis in "yx"],
        "datasets": datasets,
    }
    group.attrs["ome"] = {"version": OME_VERSION, "multiscales": [pyramid], **more}


def _properties(instances: Sequence[ExportedInstance]) -> list[dict[str, Any]]:
    known = [
        {
            "label-value": one.id,
            "area": one.instance.area,
            "state": one.state,
            "probability": one.probability,
            "score": one.score,
        }
        for one in instances
    ]
    return [{key: value for key, value in one.items() if value is not None} for one in known]


def _is_ours(path: Path) -> bool:
    """Whether a folder was written here, so that replacing it loses nobody's image."""
    try:
        content = json.loads((path / "zarr.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and OWN_KEY in content.get("attributes", {})
