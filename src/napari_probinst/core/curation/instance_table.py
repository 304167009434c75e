"""A table of instances: where each is, how large, how certain, and how long a worm."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.sparse import csgraph

from napari_probinst.core.curation.geometry import neighbours
from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.data.spreadsheet import as_text
from napari_probinst.core.instances import Instance
from napari_probinst.core.neighbourhood import EIGHT_NEIGHBOURS

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.data.exported import ExportedImage, ExportedInstance

COLUMNS = (
    "image",
    "id",
    "state",
    "y0",
    "x0",
    "y1",
    "x1",
    "centroid_y",
    "centroid_x",
    "area_px",
    "overlap_px",
    "touches_border",
    "length_px",
    "width_px",
    "probability",
    "score",
    "pixel_size_y_um",
    "pixel_size_x_um",
    "area_um2",
    "length_um",
    "width_um",
)


def write_instance_table(image: ExportedImage, path: Path) -> None:
    """Write one line an instance as CSV, the columns being `COLUMNS`.

    ``y1`` and ``x1`` are exclusive; the centroid is the mean of the pixels' indices;
    ``overlap_px`` are pixels that other instances hold too; ``length`` is that of
    `geodesic_length` and ``width`` area / length, its mean, both of the largest piece. A cell is
    empty where a value is not known: ``probability`` and ``score`` of instances that a curator
    changed, micrometres of an image without a pixel size, and length and width in them where
    pixels are not square.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in instance_rows(image):
        cells = {
            key: f"{value:.9g}" if isinstance(value, float) else value for key, value in row.items()
        }
        writer.writerow(cells)
    with atomic_file(path) as file:
        file.write(text.getvalue().encode())


def instance_rows(image: ExportedImage) -> list[dict[str, Any]]:
    """Values of the table by column, one mapping an instance; unknown ones are left out."""
    cover = image.cover()
    rows = []
    for one in image.instances:
        y0, x0, y1, x1 = one.instance.bbox
        shared = cover[y0:y1, x0:x1][one.instance.mask] > 1
        rows.append(
            {
                "image": as_text(image.name),
                **_measures(one, image),
                "overlap_px": int(np.count_nonzero(shared)),
            }
        )
    return rows


def largest_piece(instance: Instance) -> Instance:
    """Largest of the pieces that an instance lies in, of equal ones the first, in the same box."""
    pieces, n_pieces = ndimage.label(instance.mask, structure=EIGHT_NEIGHBOURS)
    if n_pieces < 2:
        return instance
    return Instance(instance.bbox, pieces == 1 + np.bincount(pieces[pieces > 0] - 1).argmax())


def geodesic_length(instance: Instance) -> float:
    """Length of the longest shortest path inside an instance, pixels, both end pixels included.

    Steps go to the 8 neighbours and cost 1 or √2, so that a path in neither direction is up to
    8 % too long. For a thin object it is the length from end to end along its bends. Of an
    instance of several pieces, it is that of the largest piece.

    Notes
    -----
    The farthest pixel from any is one end, and the farthest from there the other: exact on a
    tree, which a thin object without holes nearly is. C. Lantuéjoul and F. Maisonneuve,
    "Geodesic methods in quantitative image analysis", Pattern Recognition 17, 1984,
    doi:10.1016/0031-3203(84)90057-8.
    """
    graph = neighbours(instance.mask)
    _, pieces = csgraph.connected_components(graph, directed=False)
    start = int(np.flatnonzero(pieces == np.bincount(pieces).argmax())[0])
    for _ in range(2):
        distances = csgraph.dijkstra(graph, directed=False, indices=start)
        distances[~np.isfinite(distances)] = -1
        start = int(distances.argmax())
    return float(distances.max()) + 1


def _measures(one: ExportedInstance, image: ExportedImage) -> dict[str, Any]:
    y0, x0, y1, x1 = one.instance.bbox
    rows, columns = np.nonzero(one.instance.mask)
    area, piece = one.instance.area, largest_piece(one.instance)
    length = geodesic_length(piece)
    width = piece.area / length
    measures = {
        "id": one.id,
        "state": one.state,
        "y0": y0,
        "x0": x0,
        "y1": y1,
        "x1": x1,
        "centroid_y": float(rows.mean()) + y0,
        "centroid_x": float(columns.mean()) + x0,
        "area_px": area,
        "touches_border": int(min(y0, x0) == 0 or y1 == image.shape[0] or x1 == image.shape[1]),
        "length_px": length,
        "width_px": width,
    }
    optional = {"probability": one.probability, "score": one.score}
    measures.update({key: value for key, value in optional.items() if value is not None})
    if image.pixel_size is not None:
        size_y, size_x = (float(size) for size in image.pixel_size)
        measures |= {
            "pixel_size_y_um": size_y,
            "pixel_size_x_um": size_x,
            "area_um2": area * size_y * size_x,
        }
        if np.isclose(size_y, size_x, rtol=1e-3):
            measures |= {"length_um": length * size_y, "width_um": width * size_y}
    return measures
