"""The native file of corrected instances, ``NAME.corrected.npz``: boxes, crops, JSON header."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.data.packing import packed_boxes, packed_masks, unpacked
from napari_probinst.core.data.raster import check_size, default_memory_limit, refusing_damage
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_probinst.core.curation.session import CurationSession

FORMAT = "napari-probinst corrected instances"
VERSION = 1


def write_corrected(session: CurationSession, path: Path) -> None:
    """Write the current instances in full; `load_corrected` gives them back exactly.

    A NumPy archive without pickles: a JSON header with the ids and the checksum of the prediction,
    boxes, and bit-packed masks one after the other. The same instances give the same bytes.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    ids = sorted(session.instances)
    masks = session.current().instances
    header = {
        "format": FORMAT,
        "version": VERSION,
        "name": session.prediction.name,
        "shape": list(map(int, session.shape)),
        "pixel_size": session.prediction.pixel_size,
        "curated": True,
        "ids": ids,
        "prediction": session.header.prediction,
        "image": session.prediction.provenance.image_checksum,
    }
    arrays = {
        "header": np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8),
        "boxes": packed_boxes(instance.bbox for instance in masks),
        "masks": packed_masks(masks),
    }
    with atomic_file(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_corrected(path: Path) -> InstanceSet:
    """Read the instances of ``NAME.corrected.npz``, in the order of their ids.

    Raises
    ------
    InputError
        If the file can't be read, is none of ours, is damaged, or was written by a newer version.
    """
    with refusing_damage(path, "corrected instances"):
        return _parse(path)


def corrects(path: Path, prediction: str) -> bool:
    """Whether a file holds corrected instances of the prediction with a checksum."""
    try:
        with refusing_damage(path, "corrected instances"), _opened(path) as (_, header):
            return bool(header["prediction"] == prediction)
    except InputError:
        return False


def _parse(path: Path) -> InstanceSet:
    with _opened(path) as (archive, header):
        boxes, masks = archive["boxes"], archive["masks"]
    height, width = header["shape"]
    check_size(path, (height, width), 1)
    return InstanceSet((height, width), unpacked(boxes, masks, (height, width)))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Archive with its header, which is one of ours."""
    # Opened here: NumPy leaves a file open that turns out to be no archive.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        claimed = sum(member.file_size for member in archive.zip.infolist())
        if claimed > default_memory_limit():
            raise InputError(f"{path} claims {claimed / 1e9:.3g} GB: check whether it is damaged.")
        header: dict[str, Any] = json.loads(archive["header"].tobytes())
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ValueError("it holds no corrected instances")
        if header["version"] > VERSION:
            raise InputError(
                f"{path} was written by a newer version (format {header['version']}, this one "
                f"reads up to {VERSION}); update napari-probinst."
            )
        yield archive, header
