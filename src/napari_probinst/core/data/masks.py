"""Read true or corrected instances from a label image or a stack of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_probinst.core.data.axes import squeezed
from napari_probinst.core.data.files import read_raster
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.neighbourhood import EIGHT_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.data.raster import Raster

#: A label image with more instances than this whose boxes cover their pixels more than so many
#: times is none: a worm's box, of the thinnest lying across, covers it some ten times.
_MANY, _SCATTERED = 200, 100
#: Nor is one with more instances than this of which so many, evenly taken, mostly lie in more than
#: so many pieces: a worm below others lies in two or three, a grey value in dozens.
_SEVERAL, _SAMPLED, _PIECES = 10, 20, 10


def read_instances(path: Path, shape: tuple[int, int] | None = None) -> InstanceSet:
    """Read instances from a TIFF or PNG file.

    A single page is a label image: 0 is background and every other value one instance, so that
    a page of two values is one mask. Several pages are a stack of masks, one instance a page,
    which may overlap; pages without a pixel are left out. The values count as stored, whatever
    the file says about white and black; a palette stands for its entries, black for background.

    Parameters
    ----------
    path : Path
        Label image or stack of masks.
    shape : (int, int), optional
        Height and width of the image that they belong to.

    Returns
    -------
    InstanceSet
        In order of the labels or pages.

    Raises
    ------
    InputError
        If the file can't be read, is neither of the two, or is of another shape.
    """
    raster = read_raster(path)
    if raster.n_images > 1:
        raise InputError(
            f"{path} holds pages of {raster.n_images} different sizes or types; expected masks of "
            "one image, so save them alike."
        )
    pages = _pages(raster, path)
    if shape is not None and pages.shape[1:] != tuple(shape):
        raise InputError(
            f"{path} holds masks of {pages.shape[1]} x {pages.shape[2]} pixels, but the image "
            f"is {shape[0]} x {shape[1]}; save them at the image's size."
        )
    if len(pages) == 1:
        return from_labels(_whole_numbers(pages[0], path), str(path))
    masks = [_mask(page, number, path) for number, page in enumerate(pages, start=1)]
    return InstanceSet.from_masks([mask for mask in masks if mask.any()], pages.shape[1:])


def from_labels(labels: NDArray[Any], name: str = "The label image") -> InstanceSet:
    """Instances of a label image (height, width) of integers >= 0, in order of their labels.

    Raises
    ------
    InputError
        If its values lie scattered as the grey values of a picture do. It begins with ``name``.
    """
    values, compact = np.unique(labels, return_inverse=True)
    # Labels can be as large as their type allows; find_objects allocates for the largest.
    compact = compact.reshape(labels.shape) + (0 if values[0] == 0 else 1)
    boxes = ndimage.find_objects(compact)
    if _are_scattered(compact, boxes):
        raise InputError(
            f"{name} holds {len(boxes):,} values that lie scattered all over it, as the grey "
            "values of a picture do; expected one whole number an instance, so give the labels."
        )
    instances = []
    for index, box in enumerate(boxes, start=1):
        origin = (box[0].start, box[1].start)
        instances.append(Instance.from_mask(compact[box] == index, origin))
    return InstanceSet((labels.shape[0], labels.shape[1]), tuple(instances))


def _are_scattered(labels: NDArray[Any], boxes: Sequence[tuple[slice, slice]]) -> bool:
    """Whether labels, of these boxes from 1 up, lie about as the grey values of a picture do."""
    spanned = sum(
        (rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in boxes
    )
    if len(boxes) > _MANY and spanned > _SCATTERED * np.count_nonzero(labels):
        return True
    if len(boxes) <= _SEVERAL:
        return False
    sample = np.linspace(0, len(boxes) - 1, _SAMPLED, dtype=int)
    return float(np.median([_n_pieces(labels[boxes[i]] == i + 1) for i in sample])) > _PIECES


def _n_pieces(mask: NDArray[np.bool_]) -> int:
    return int(ndimage.label(mask, structure=EIGHT_NEIGHBOURS)[1])


def is_undivided(truth: InstanceSet) -> bool:
    """Whether all that is marked is one instance in separate pieces.

    A mask of many objects (0 and 255, say) that is read as a label image is so.
    """
    return len(truth) == 1 and _n_pieces(truth.instances[0].mask) > 1


def _pages(raster: Raster, path: Path) -> NDArray[Any]:
    """Pages, height, width."""
    pixels, axes = squeezed(raster.pixels, raster.axes)
    if raster.colour:
        pixels, axes = _without_colour(pixels, raster.palette, path), axes[:-1]
    if not {"Y", "X"} <= set(axes) or len(axes) > 3:
        raise InputError(
            f"{path} has {' x '.join(str(n) for n in pixels.shape)} values ({axes}); expected a "
            "label image or one mask a page, so save it as pages of height x width."
        )
    spare = [letter for letter in axes if letter not in "YX"]
    order = [axes.index(letter) for letter in [*spare, "Y", "X"]]
    pages = pixels.transpose(order)
    return pages if spare else pages[np.newaxis]


def _without_colour(pixels: NDArray[Any], palette: bool, path: Path) -> NDArray[Any]:
    red, green, blue = (pixels[..., i] for i in range(3))
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return red
    if not palette:
        raise InputError(
            f"{path} is a colour picture; expected a label image with one whole number an "
            "instance, or one mask a page, so export the labels themselves."
        )
    wide = pixels.astype(np.uint32)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]


def _whole_numbers(page: NDArray[Any], path: Path) -> NDArray[Any]:
    """Labels as integers; some programs save them as floats."""
    if page.dtype.kind == "b":
        return page.astype(np.uint8)
    if page.dtype.kind not in "uif" or not (np.isfinite(page).all() and (page >= 0).all()):
        raise InputError(
            f"{path} holds values that are no labels; expected whole numbers from 0 (background) "
            "up, so export the labels themselves."
        )
    if page.dtype.kind != "f":
        return page
    if (page != np.floor(page)).any() or page.max() > 2**53:
        raise InputError(
            f"{path} holds fractions; expected a label image of whole numbers, so export the "
            "labels, not a probability map."
        )
    return page.astype(np.int64)


def _mask(page: NDArray[Any], number: int, path: Path) -> NDArray[np.bool_]:
    values = np.unique(page)
    foreground = values[values != 0]
    if foreground.size > 1:
        raise InputError(
            f"{path} holds {foreground.size} values besides 0 on page {number}; expected one "
            "mask a page (0 and one other value), or a single page of labels."
        )
    return np.asarray(page != 0)
