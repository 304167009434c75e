"""Segmentations of any program: one image's file, a folder of files, or a COCO data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_probinst.core.data.coco_reader import read_coco
from napari_probinst.core.data.files import IMAGE_SUFFIXES, image_name
from napari_probinst.core.data.masks import read_instances
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: What programs append to an image's name, the one to prefer first: stacks state overlaps.
CORRECTED_ENDINGS = (".corrected.instances", ".corrected.labels")
ENDINGS = (*CORRECTED_ENDINGS, ".instances", ".labels", "_cp_masks")


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """A segmentation that can be read when its turn comes.

    Parameters
    ----------
    name : str
        Name of the image.
    file_name : str
        Name of the file, or of the image that a COCO data set states.
    read : callable
        Returns the InstanceSet; raises InputError.
    """

    name: str
    file_name: str
    read: Callable[[], InstanceSet]


def find_segmentations(
    path: Path, name_of: Callable[[str], str] = lambda file_name: image_name(Path(file_name))
) -> tuple[Segmentation, ...]:
    """Segmentations at a path, one an image.

    Parameters
    ----------
    path : Path
        A label image or stack of masks, a COCO data set (``.json``), or a folder with one label
        image or stack an image. In a folder, files whose names say that they are segmentations
        (`ENDINGS`) count alone if there are any: programs write them beside their images.
    name_of : callable, optional
        Name of the image that a file name stands for; by default without folder and suffix.

    Returns
    -------
    tuple of Segmentation
        Sorted by name, each name once; not empty.

    Raises
    ------
    InputError
        If there is no segmentation, two are of one image, or the data set can't be read.
    """
    if path.is_dir():
        found = _in_folder(path, name_of)
    elif not path.exists():
        raise InputError(
            f"{path} doesn't exist; expected a label image, a stack of masks, a COCO file or a "
            "folder of segmentations."
        )
    elif path.suffix.lower() == ".json":
        found = [
            Segmentation(
                name_of(plain_name(image.file_name)),
                image.file_name,
                partial(InstanceSet, image.shape, tuple(image.instances)),
            )
            for image in read_coco(path)
        ]
    else:
        found = [_of_file(path, name_of)]
    if not found:
        raise InputError(
            f"{path} holds no segmentation; expected label images or stacks of masks that end in "
            f"{', '.join(IMAGE_SUFFIXES)}, or the images of a COCO data set."
        )
    by_name: dict[str, Segmentation] = {}
    for one in found:
        other = by_name.setdefault(one.name, one)
        if other is not one:
            raise InputError(
                f"{path} holds two segmentations of {one.name}, {other.file_name} and "
                f"{one.file_name}; keep one of them."
            )
    return tuple(by_name[name] for name in sorted(by_name))


def check_same_images(draws: Sequence[tuple[Path, Iterable[Segmentation]]]) -> None:
    """Refuse draws that are not all of the same images.

    Parameters
    ----------
    draws : sequence of (Path, iterable of Segmentation)
        Where each draw comes from, and its segmentations.

    Raises
    ------
    InputError
        That names what is missing, and where.
    """
    names = [(path, {one.name for one in found}) for path, found in draws]
    every = set().union(*(found for _, found in names))
    for path, found in names:
        missing = sorted(every - found)
        if missing:
            shown = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
            other = next(where for where, held in names if missing[0] in held)
            raise InputError(
                f"{path} holds no segmentation of {shown}, which {other} has; give every draw the "
                "same images (one without an object is an empty label image)."
            )


def mask_files(folder: Path) -> list[Path]:
    """Files of a folder that could be masks, sorted: TIFF and PNG, none of them hidden."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    ]


def is_marked(path: Path) -> bool:
    """Whether a file's name says that it is a segmentation."""
    return _ending(path.name) is not None


def of_marked_files(
    paths: Iterable[Path], name_of: Callable[[str], str], endings: Sequence[str] = ENDINGS
) -> dict[str, Segmentation]:
    """Segmentations in files whose names say so, by the names of their images.

    Parameters
    ----------
    paths : iterable of Path
        Files; those without such a name don't count.
    name_of : callable
        Name of the image that a file name stands for.
    endings : sequence of str, default `ENDINGS`
        Those that count; of several files of one image the one with the first ending does.
    """
    best: dict[str, tuple[int, Path]] = {}
    for path in paths:
        ending = _ending(path.name)
        if ending is None or ending not in endings:
            continue
        place, name = endings.index(ending), name_of(plain_name(path.name))
        if name not in best or place < best[name][0]:
            best[name] = place, path
    return {name: _of_file(path, name_of) for name, (_, path) in best.items()}


def _in_folder(folder: Path, name_of: Callable[[str], str]) -> list[Segmentation]:
    paths = mask_files(folder)
    marked = of_marked_files(paths, name_of)
    return list(marked.values()) or [_of_file(path, name_of) for path in paths]


def _of_file(path: Path, name_of: Callable[[str], str]) -> Segmentation:
    return Segmentation(name_of(plain_name(path.name)), path.name, partial(read_instances, path))


def plain_name(file_name: str) -> str:
    """File name without what a program appended to the image's."""
    ending = _ending(file_name)
    if ending is None:
        return file_name
    suffix = Path(file_name).suffix
    return image_name(Path(file_name))[: -len(ending)] + suffix


def _ending(file_name: str) -> str | None:
    stem = image_name(Path(file_name)).lower()
    return next((e for e in ENDINGS if stem.endswith(e) and len(stem) > len(e)), None)
