"""Instances as OME-Zarr 0.5: label images that together lose no overlap.

J. Moore et al., "OME-NGFF: a next-generation file format for expanding bioimaging
data-access strategies", Nature Methods 18, 2021, doi:10.1038/s41592-021-01326-w; the format is
specified at ngff.openmicroscopy.org/0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_probinst import __version__
from napari_probinst.core.box_pairs import meeting_boxes
from napari_probinst.core.boxes import sampled_shape, sampled_windows
from napari_probinst.core.data.atomic_folder import atomic_folder
from napari_probinst.core.data.flattening import label_type
from napari_probinst.core.data.ome_zarr_reader import OWN_KEY, is_own_export
from napari_probinst.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import zarr
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape
    from napari_probinst.core.data.exported import ExportedImage, ExportedInstance

#: Makes a part of an image, y0, x0, y1, x1, of which every n-th row and column is kept.
Render: TypeAlias = "Callable[[BBox, int], NDArray[Any]]"

OME_VERSION = "0.5"
#: Side of a chunk, pixels.
CHUNK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image that is made chunk by chunk, so that none of its levels is ever in memory.

    Parameters
    ----------
    dtype : type
        Of its pixels.
    render : Render
        Makes a part of it, shape (height, width), or (n_channels, height, width) with channels.
    n_channels : int, default 0
        Channels of a first axis; 0 for an image without that axis.
    about : mapping, optional
        More of the format's own attributes.
    """

    dtype: type[np.generic]
    render: Render
    n_channels: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)


def write_ome_zarr(image: ExportedImage, path: Path) -> None:
    """Write a folder ``*.ome.zarr`` whose image is how many instances hold each pixel.

    2 and more is an overlap. The rest is `write_labelled`.

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
    picture = Picture(np.uint16, _counted(image.instances))
    about = {"n_overlap_pixels": image.flat.n_overlap, **image.metadata}
    write_labelled(
        path, picture, image.instances, image.shape, image.name, image.pixel_size, about=about
    )


def write_labelled(  # noqa: PLR0917  (what an image is)
    path: Path,
    picture: Picture,
    instances: Sequence[ExportedInstance],
    shape: Shape,
    name: str,
    pixel_size: tuple[float, float] | None,
    *,
    about: Mapping[str, Any],
) -> None:
    """Write an image with instances as its label images, chunk by chunk.

    Under ``labels/``, instances that overlap lie on different label images, ``instances-1``,
    ``instances-2`` and so on, each instance whole and on one of them; without overlaps there is
    one. A label is an id; ``image-label/properties`` has what is known about it.

    Parameters
    ----------
    path : Path
        Folder to write; one that this program wrote is replaced.
    picture : Picture
        The image.
    instances : sequence of ExportedInstance
        Its instances.
    shape : (int, int)
        Height and width, pixels.
    name : str
        Name of the image.
    pixel_size : (float, float) or None
        y and x size of a pixel, micrometres.
    about : mapping
        What the attribute `OWN_KEY` says beside the number of instances.

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
    if path.exists() and not is_own_export(path):
        raise OutputError(
            f"{path} exists and is no export of napari-probinst: choose another name, it would "
            "be replaced."
        )
    layers = overlap_free_layers(instances)
    dtype = label_type(max((one.id for one in instances), default=0))
    with atomic_folder(path) as folder:
        root = zarr.open_group(folder, mode="w", zarr_format=3)
        _write_pyramid(root, name, picture, shape, pixel_size)
        root.attrs[OWN_KEY] = {
            "program": f"napari-probinst {__version__}",
            "n_instances": len(instances),
            **about,
        }
        labels = root.create_group("labels")
        names = [f"instances-{number}" for number in range(1, len(layers) + 1)]
        labels.attrs["ome"] = {"version": OME_VERSION, "labels": names}
        for label, held in zip(names, layers, strict=True):
            told: dict[str, Any] = {"source": {"image": "../../"}}
            if held:  # the format's schema allows no empty list
                told["properties"] = _properties(held)
            page = Picture(dtype, _painted(held, dtype), about={"image-label": told})
            _write_pyramid(labels.create_group(label), label, page, shape, pixel_size)


def overlap_free_layers(instances: Sequence[ExportedInstance]) -> list[list[ExportedInstance]]:
    """Distribute instances over label images on which none overlaps another.

    Each goes, in the order given, to the first that is still empty at all its pixels.

    Returns
    -------
    list of list of ExportedInstance
        The instances of each label image; at least one, which may be empty.
    """
    boxes = _boxes(instances)
    earlier: list[list[int]] = [[] for _ in instances]
    for index, other in meeting_boxes(boxes, boxes).tolist():
        if other < index:
            earlier[index].append(other)
    layer_of: list[int] = []
    for one, others in zip(instances, earlier, strict=True):
        taken = {
            layer_of[other]
            for other in others
            if one.instance.intersection(instances[other].instance)
        }
        layer_of.append(next(layer for layer in count() if layer not in taken))
    layers: list[list[ExportedInstance]] = [[] for _ in range(max(layer_of, default=0) + 1)]
    for one, layer in zip(instances, layer_of, strict=True):
        layers[layer].append(one)
    return layers


def _painted(instances: Sequence[ExportedInstance], dtype: type[np.generic]) -> Render:
    """Label image of instances that don't overlap."""
    boxes = _boxes(instances)

    def render(within: BBox, step: int) -> NDArray[Any]:
        page: NDArray[Any] = np.zeros(sampled_shape(within, step), dtype)
        for index in _meeting(boxes, within):
            one = instances[index]
            windows = sampled_windows(one.instance.bbox, within, step)
            if windows is not None:
                own, target = windows
                page[target][one.instance.mask[own]] = one.id
        return page

    return render


def _counted(instances: Sequence[ExportedInstance]) -> Render:
    """How many instances hold each pixel."""
    boxes = _boxes(instances)

    def render(within: BBox, step: int) -> NDArray[Any]:
        page = np.zeros(sampled_shape(within, step), np.uint16)
        for index in _meeting(boxes, within):
            instance = instances[index].instance
            windows = sampled_windows(instance.bbox, within, step)
            if windows is not None:
                own, target = windows
                page[target] += instance.mask[own]
        return page

    return render


def _boxes(instances: Sequence[ExportedInstance]) -> NDArray[np.int64]:
    return np.array([one.instance.bbox for one in instances], np.int64).reshape(-1, 4)


def _meeting(boxes: NDArray[np.int64], within: BBox) -> list[int]:
    """Which boxes share a pixel with another."""
    meets = (boxes[:, :2] < within[2:]).all(axis=1) & (boxes[:, 2:] > within[:2]).all(axis=1)
    found: list[int] = np.flatnonzero(meets).tolist()
    return found


def _write_pyramid(
    group: zarr.Group,
    name: str,
    picture: Picture,
    shape: Shape,
    pixel_size: tuple[float, float] | None,
) -> None:
    """Write an image at full resolution, and every second pixel of it, until it fits a chunk."""
    channels = (picture.n_channels,) if picture.n_channels else ()
    axes = [{"name": "c", "type": "channel"}] if channels else []
    unit = {} if pixel_size is None else {"unit": "micrometer"}
    axes += [{"name": axis, "type": "space", **unit} for axis in "yx"]
    size = pixel_size or (1.0, 1.0)
    datasets = []
    for level in count():
        # Labels can't be averaged. Centres of pixels stay where they are.
        step = 2**level
        sides = sampled_shape((0, 0, *shape), step)
        array = group.create_array(
            str(level),
            shape=(*channels, *sides),
            dtype=np.dtype(picture.dtype),
            chunks=(*(1 for _ in channels), *(min(CHUNK, side) for side in sides)),
            dimension_names=[axis["name"] for axis in axes],
        )
        for y in range(0, sides[0], CHUNK):
            for x in range(0, sides[1], CHUNK):
                low, high = (y * step, x * step), ((y + CHUNK) * step, (x + CHUNK) * step)
                part = (*low, min(high[0], shape[0]), min(high[1], shape[1]))
                array[..., y : y + CHUNK, x : x + CHUNK] = picture.render(part, step)
        scale = [*(1.0 for _ in channels), *(float(side) * step for side in size)]
        transformations = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
        if max(sides) <= CHUNK:
            break
    pyramid: dict[str, Any] = {"name": name, "axes": axes, "datasets": datasets}
    group.attrs["ome"] = {"version": OME_VERSION, "multiscales": [pyramid], **picture.about}


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
