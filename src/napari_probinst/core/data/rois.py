"""Instances as a zip of ImageJ regions of interest: one outline an instance, overlaps survive."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
from roifile import ROI_TYPE, ImagejRoi

from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.data.pixel_edges import outlines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.data.exported import ExportedImage, ExportedInstance

#: Largest coordinate that ImageJ reads from a polygon; a path has floating point numbers.
_LARGEST_INTEGER = 60535
#: Segments of a path, as java.awt.geom.PathIterator numbers them.
_MOVE_TO, _LINE_TO, _CLOSE = 0.0, 1.0, 4.0


def write_rois(image: ExportedImage, path: Path) -> None:
    """Write a zip for ImageJ's ROI Manager, one region an instance, named by its id.

    An existing file is replaced: regions of another state never stay in it. The same instances
    give the same bytes.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for one in image.instances:
            roi = as_roi(one)
            # An entry without a date of its own has the archive format's first one.
            entry = zipfile.ZipInfo(f"{roi.name}.roi")
            archive.writestr(entry, roi.tobytes(), zipfile.ZIP_DEFLATED)


def as_roi(one: ExportedInstance) -> ImagejRoi:
    """Region that fills exactly the pixels of an instance.

    A single outline becomes a traced polygon, as ImageJ's wand makes it. Several pieces, or
    holes, become one composite region.

    Returns
    -------
    ImagejRoi
        Its name is the id with at least four digits; state and, if known, score and probability
        are its properties.
    """
    polygons = outlines(one.instance)
    y0, x0, y1, x1 = one.instance.bbox
    roi = ImagejRoi(
        name=f"{one.id:04}", props=_properties(one), top=y0, left=x0, bottom=y1, right=x1
    )
    if len(polygons) == 1 and max(y1, x1) <= _LARGEST_INTEGER:
        roi.roitype = ROI_TYPE.TRACED
        roi.integer_coordinates = (polygons[0] - (x0, y0)).astype(np.int32)
        roi.n_coordinates = len(polygons[0])
    else:
        roi.roitype = ROI_TYPE.RECT
        roi.multi_coordinates = _path(polygons)
        roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _path(polygons: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
    """Segments of all polygons one after the other, each its kind and where it goes."""
    parts = []
    for polygon in polygons:
        kinds = np.full((len(polygon), 1), _LINE_TO)
        kinds[0] = _MOVE_TO
        parts += [np.hstack((kinds, polygon)).ravel(), np.array([_CLOSE])]
    return np.concatenate(parts).astype(np.float32)


def _properties(one: ExportedInstance) -> str:
    values = {"state": one.state, "score": one.score, "probability": one.probability}
    return "".join(
        f"{key}: {value if isinstance(value, str) else f'{value:.6g}'}\n"
        for key, value in values.items()
        if value is not None
    )
