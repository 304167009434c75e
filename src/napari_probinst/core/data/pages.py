"""Greyscale TIFFs of one page or many, as all results are written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import tifffile

from napari_probinst.core.data.atomic import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray


def write_pages(
    path: Path,
    pages: Iterable[NDArray[Any]],
    description: dict[str, Any],
    pixel_size: tuple[float, float] | None = None,
) -> None:
    """Write pages one by one.

    Parameters
    ----------
    path : Path
        File to write.
    pages : iterable of ndarray of shape (height, width)
        At least one; taken one after the other, so that they need not be in memory together.
    description : dict
        Written as JSON into the first page's description.
    pixel_size : (float, float), optional
        y and x size of a pixel, micrometres.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    resolution: dict[str, Any] = {}
    if pixel_size is not None:
        y, x = pixel_size
        resolution = {"resolution": (1e4 / x, 1e4 / y), "resolutionunit": "CENTIMETER"}
    text: str | None = json.dumps(description)
    with atomic_file(path) as file, tifffile.TiffWriter(file) as writer:
        for page in pages:
            # Without minisblack, three or four pages would be taken for colours.
            writer.write(
                page,
                photometric="minisblack",
                compression="zlib",
                metadata=None,
                description=text,
                contiguous=False,
                **resolution,
            )
            text = None
