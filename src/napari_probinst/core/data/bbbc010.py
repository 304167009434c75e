"""Layout and published splits of BBBC010, the C. elegans live/dead assay.

V. Ljosa, K. L. Sokolnicki, A. E. Carpenter, "Annotated high-throughput microscopy image sets
for validation", Nature Methods 9, 637, 2012. Channel ``w1`` is GFP, ``w2`` bright field; the
truth is one binary image a worm, since worms overlap.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_probinst.core.data.masks import read_instances
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from pathlib import Path

IMAGE_FOLDER = "BBBC010_v2_images"
MASK_FOLDER = "BBBC010_v1_foreground_eachworm"
CHANNELS = ("w1", "w2")
#: The published division, by file name of the list beside the folders.
TRAIN_LIST, VALIDATION_LIST = "train.txt", "validation.txt"

_IMAGE = re.compile(r"1649_1109_0003_Amp5-1_B_20070424_(?P<well>[A-P]\d{2})_(?P<channel>w[12])_.+")
_MASK = re.compile(r"(?P<well>[A-P]\d{2})_\d{2,}_ground_truth\.png$")


def find_wells(folder: Path) -> dict[str, dict[str, Path]]:
    """Images of each well that has both channels.

    Parameters
    ----------
    folder : Path
        The folder that holds `IMAGE_FOLDER`, or that folder itself.

    Returns
    -------
    dict of str to dict of str to Path
        Well (``"A01"``, sorted) to channel (``"w1"``, ``"w2"``) to file; empty where the
        folder is not of this layout.
    """
    images = folder / IMAGE_FOLDER
    wells: dict[str, dict[str, Path]] = {}
    for path in sorted((images if images.is_dir() else folder).glob("*.tif")):
        match = _IMAGE.match(path.name)
        if match:
            wells.setdefault(match["well"], {})[match["channel"]] = path
    return {well: wells[well] for well in sorted(wells) if set(wells[well]) == set(CHANNELS)}


def read_worm_masks(folder: Path, well: str) -> InstanceSet:
    """Worms of one well, one mask a worm.

    Raises
    ------
    InputError
        If there is no mask of that well, one can't be read, or the masks differ in shape.
    """
    paths = sorted(
        path
        for path in (folder / MASK_FOLDER).glob(f"{well}_*_ground_truth.png")
        if _MASK.match(path.name)
    )
    if not paths:
        raise InputError(
            f"{folder / MASK_FOLDER} holds no masks of well {well}; "
            f"expected files such as {well}_01_ground_truth.png."
        )
    first = read_instances(paths[0])
    others = (read_instances(path, first.shape) for path in paths[1:])
    worms = [worm for masks in (first, *others) for worm in masks.instances]
    return InstanceSet(first.shape, tuple(worms))


def read_list(path: Path) -> tuple[str, ...]:
    """Names in a list file, one a line; empty lines and lines after ``#`` don't count.

    Raises
    ------
    InputError
        If the file can't be read, is empty, or names something twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a readable list of names, one a line.") from error
    names = tuple(name for line in lines if (name := line.split("#")[0].strip()))
    if not names:
        raise InputError(f"{path} names nothing; expected one name a line.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path} lists {', '.join(twice)} more than once; list each name once.")
    return names
