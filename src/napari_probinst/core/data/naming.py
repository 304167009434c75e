"""Names of folders, and of what a prediction and a correction leave beside an image's NAME."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: Folders of the images and, beside it, of their masks in a training folder.
IMAGE_FOLDER, INSTANCE_FOLDER = "images", "instances"
PREDICTION_SUFFIX = ".prediction.npz"
LABELS_SUFFIX = ".labels.tif"
PROBABILITY_SUFFIX = ".probability.tif"
ENTROPY_SUFFIX = ".entropy.tif"
PEAKS_SUFFIX = ".peaks.csv"
INSTANCES_SUFFIX = ".instances.tif"
COUNTS_SUFFIX = ".counts.tif"
ZARR_SUFFIX = ".prediction.ome.zarr"
COCO_NAME = "predictions.json"

_RESULT_IMAGES = (
    LABELS_SUFFIX,
    PROBABILITY_SUFFIX,
    ENTROPY_SUFFIX,
    INSTANCES_SUFFIX,
    COUNTS_SUFFIX,
)


#: Numbers of a plane at the end of a name: what `plane_name` adds.
_NUMBERS = re.compile(r"_(0\d\d|[1-9]\d{2,})$")


def plane_name(name: str, plane: Sequence[int]) -> str:
    """Name of the image that is a plane of the stack ``name``: "film_003"."""
    return "_".join((name, *(f"{index:03d}" for index in plane)))


def plane_words(plane: Sequence[int]) -> str:
    """What follows the name of a file for a plane of it: " (its plane 3)"."""
    return f" (its plane {', '.join(map(str, plane))})" if plane else ""


def stacks_of(name: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each stack and plane of it that an image may be by its name: see `plane_name`."""
    plane: tuple[int, ...] = ()
    while (match := _NUMBERS.search(name)) and match.start():
        name, plane = name[: match.start()], (int(match[1]), *plane)
        yield name, plane


def is_result(path: Path) -> bool:
    """Whether a file is a result of this program, by its name: no image to predict."""
    return path.name.lower().endswith(_RESULT_IMAGES)


def is_file_name(name: str) -> bool:
    """Whether an image's name can be the beginning of a file name on every system."""
    return (
        name not in ("", ".", "..")
        and not any(c in name for c in "/\\:\0\n\r")
        # Bytes that are no text, which Linux allows in a name, can't stand in a table or JSON.
        and name.encode(errors="ignore").decode() == name
    )
