"""Where the images of a folder of predictions are: files of their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.data.bbbc010 import find_wells
from napari_probinst.core.data.files import IMAGE_SUFFIXES, image_name
from napari_probinst.core.data.naming import is_result, stacks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: How a file that holds one channel of an image ends: ``NAME_w2.tif``.
_CHANNEL = re.compile(r"(?P<name>.+)_w\d+")


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """Where the pixels of an image are.

    Parameters
    ----------
    paths : tuple of Path
        Its file, or one for each of its channels; none if they are unknown.
    plane : tuple of int, default ()
        Which plane of the stack in these files it is.
    """

    paths: tuple[Path, ...]
    plane: tuple[int, ...] = ()


def files_of(name: str, found: Mapping[str, tuple[Path, ...]]) -> ImageFiles:
    """Files of an image, or of the stack that it is a plane of by its name.

    Parameters
    ----------
    name : str
        Name of the image.
    found : mapping of str to tuple of Path
        What `find_image_files` has found.
    """
    if name in found:
        return ImageFiles(found[name])
    stacks = (ImageFiles(found[stack], plane) for stack, plane in stacks_of(name) if stack in found)
    return next(stacks, ImageFiles(()))


def find_image_files(folders: Iterable[Path]) -> dict[str, tuple[Path, ...]]:
    """Files of the images in folders, by the images' names.

    Parameters
    ----------
    folders : iterable of Path
        The preferred one first; sub-folders are not searched, and what can't be listed is passed
        over.

    Returns
    -------
    dict of str to tuple of Path
        One file that holds all of the image, or one for each of its channels: of BBBC010's wells
        the bright field first, else in the order of their names.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        wholes: dict[str, tuple[Path, ...]] = {}
        channels: dict[str, tuple[Path, ...]] = {}
        for path in sorted(path for path in folder.iterdir() if _is_image(path)):
            wholes.setdefault(image_name(path), (path,))
            match = _CHANNEL.fullmatch(image_name(path))
            if match is not None:
                channels[match["name"]] = (*channels.get(match["name"], ()), path)
        wells = {well: (files["w2"], files["w1"]) for well, files in find_wells(folder).items()}
        found = channels | wells | wholes | found
    return found


def _is_image(path: Path) -> bool:
    return (
        path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and not is_result(path)
    )
