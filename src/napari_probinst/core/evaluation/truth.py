"""Read the true instances of images that were predicted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_probinst.core.data.bbbc010 import MASK_FOLDER, read_worm_masks
from napari_probinst.core.data.coco_reader import is_coco, read_coco
from napari_probinst.core.data.files import IMAGE_SUFFIXES
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.instance_files import true_files
from napari_probinst.core.evaluation.names import listed, matched_names, named_once
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from napari_probinst.core.boxes import Shape


def read_truth(source: Path, shapes: Mapping[str, Shape]) -> dict[str, InstanceSet]:
    """Read the true instances of these images; truth of others is not looked at.

    Parameters
    ----------
    source : Path
        Folder of BBBC010's layout; a folder of stacks or label images (TIFF, PNG) named like
        the images, of corrected results or of sessions, or one with such a folder
        ``instances`` (see `true_files`); or a COCO file.
    shapes : mapping of str to (int, int)
        Height and width of each image by its name, pixels. A well also stands for the one image
        whose name contains it, and the other way round.

    Returns
    -------
    dict of str to InstanceSet
        By the names of ``shapes``, in their order. An image may have no instance at all.

    Raises
    ------
    InputError
        If there is no truth of images (which), or it is of another shape (whose), or can't be
        read.
    """
    readers = _readers(source)
    matched = matched_names(shapes, sorted(readers), source, "truth")
    truth = {name: readers[known]() for name, known in matched.items()}
    unlike = [name for name in truth if truth[name].shape != tuple(shapes[name])]
    if unlike:
        name, others = unlike[0], unlike[1:]
        (height, width), expected = truth[name].shape, shapes[name]
        raise InputError(
            f"The truth of {name} in {source} is {height} x {width} pixels, but its prediction is "
            f"{expected[0]} x {expected[1]}; both have to be of the image's size"
            + (f". Others of unlike size: {listed(others)}." if others else ".")
        )
    return truth


def unscored_truth(source: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Images that have a truth and aren't among those that were predicted.

    Parameters
    ----------
    source : Path
        As for `read_truth`.
    names : iterable of str
        Names of the images that were predicted; each has a truth.

    Raises
    ------
    InputError
        As for `read_truth`.
    """
    known = sorted(_readers(source))
    scored = set(matched_names(names, known, source, "truth").values())
    return tuple(name for name in known if name not in scored)


def _readers(source: Path) -> dict[str, Callable[[], InstanceSet]]:
    """Return what reads the truth of each image there is."""
    if not source.exists():
        raise InputError(f"{source} doesn't exist; give the folder or COCO file of the truth.")
    if is_coco(source):
        return _of_coco(source)
    root = source.parent if source.name == MASK_FOLDER else source
    if (root / MASK_FOLDER).is_dir():
        wells = {
            path.name.split("_")[0] for path in (root / MASK_FOLDER).glob("*_ground_truth.png")
        }
        return {well: partial(read_worm_masks, root, well) for well in wells}
    found = true_files(source)
    if not found:
        raise InputError(
            f"{source} holds no truth; expected the folder {MASK_FOLDER}, a stack of masks, a "
            f"label image ({', '.join(IMAGE_SUFFIXES)}) or a session for each image, or a COCO "
            "file (exports beside their prediction are no truth)."
        )
    return {name: one.read for name, one in found.items()}


def _of_coco(path: Path) -> dict[str, Callable[[], InstanceSet]]:
    records = {image.file_name: image for image in read_coco(path)}
    if not records:
        raise InputError(f"{path} lists no image; add those that were annotated to 'images'.")
    return {
        name: partial(InstanceSet, records[file_name].shape, tuple(records[file_name].instances))
        for name, file_name in named_once(records, path).items()
    }
