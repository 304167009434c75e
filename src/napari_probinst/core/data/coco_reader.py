"""Read the instances of a COCO data set, written by this or by any other program."""

from __future__ import annotations

import math
from pathlib import Path  # noqa: TC003  (pydantic's models below are checked at runtime)
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pycocotools import mask as coco_mask
from pydantic import BaseModel, Field, ValidationError

from napari_probinst.core.data.coco import CocoImage
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_probinst.core.boxes import Shape

#: A run length is at most an image's area; more characters than these are no number.
_LONGEST_NUMBER = 12


class _RunLengths(BaseModel):
    size: tuple[int, int]
    counts: str | list[int]


class _Annotation(BaseModel):
    id: int | str | None = None
    image_id: int | str
    segmentation: _RunLengths | list[list[float]]
    # Some exporters set iscrowd for every run-length mask, so that it tells nothing.
    score: Annotated[float, Field(ge=0, le=1)] = 1.0


class _Image(BaseModel):
    id: int | str
    file_name: Annotated[str, Field(min_length=1)]
    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]


class _Dataset(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]


def read_coco(path: Path) -> tuple[CocoImage, ...]:
    """Read the images of a data set with their instances.

    Masks may be run lengths, compressed or not, or polygons. Empty masks are left out. An
    annotation without a score has the score 1, and all categories count alike.

    Parameters
    ----------
    path : Path
        JSON file with the lists ``images`` and ``annotations``.

    Returns
    -------
    tuple of CocoImage
        In the file's order, images without an annotation included.

    Raises
    ------
    InputError
        If the file can't be read, is of another kind, uses an identifier or a file name twice,
        or holds a mask that doesn't fit its image.
    """
    dataset = _parsed(path)
    _refuse_twice(path, "image id", (image.id for image in dataset.images))
    _refuse_twice(path, "file name", (image.file_name for image in dataset.images))
    _refuse_twice(path, "annotation id", (a.id for a in dataset.annotations if a.id is not None))
    shapes = {image.id: (image.height, image.width) for image in dataset.images}
    found: dict[int | str, list[tuple[Instance, float]]] = {key: [] for key in shapes}
    for number, annotation in enumerate(dataset.annotations, start=1):
        where = f"annotation {number if annotation.id is None else annotation.id} of {path}"
        if annotation.image_id not in shapes:
            raise InputError(
                f"The {where} belongs to the image {annotation.image_id!r}, which 'images' doesn't "
                "list; add it there."
            )
        instance = decode(annotation.segmentation, shapes[annotation.image_id], where)
        if instance.mask.size:
            found[annotation.image_id].append((instance, annotation.score))
    return tuple(
        CocoImage(
            file_name=image.file_name,
            shape=shapes[image.id],
            instances=tuple(instance for instance, _ in found[image.id]),
            scores=tuple(score for _, score in found[image.id]),
        )
        for image in dataset.images
    )


def decode(segmentation: _RunLengths | list[list[float]], shape: Shape, where: str) -> Instance:
    """Tight instance of a segmentation on a page of ``shape``; ``where`` names it in errors.

    The runs become pixels inside the instance's box, so that a page is never filled.

    Raises
    ------
    InputError
        If it is damaged, or of another size than the page.
    """
    if isinstance(segmentation, list):
        segmentation = _rasterised(segmentation, shape, where)
    if segmentation.size != tuple(shape):
        height, width = segmentation.size
        raise InputError(
            f"The {where} is a mask of {height} x {width} pixels, but its image is "
            f"{shape[0]} x {shape[1]}; write masks at the image's size."
        )
    counts = segmentation.counts
    runs = _numbers(counts) if isinstance(counts, str) else counts
    if runs is None or min(runs, default=0) < 0 or sum(runs) > shape[0] * shape[1]:
        raise InputError(
            f"The {where} holds damaged run lengths; expected COCO's for {shape[0]} x {shape[1]} "
            "pixels, so write the file again."
        )
    edges = np.cumsum(np.array(runs, dtype=np.int64))
    starts, ends = edges[: len(edges) // 2 * 2 : 2], edges[1::2]
    lengths = ends - starts
    # Pixels count column by column from the top left one.
    first = np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    x, y = np.divmod(first + np.arange(lengths.sum()), shape[0])
    if not y.size:
        return Instance((0, 0, 0, 0), np.zeros((0, 0), dtype=bool))
    y0, x0, y1, x1 = int(y.min()), int(x.min()), int(y.max()) + 1, int(x.max()) + 1
    mask = np.zeros((y1 - y0, x1 - x0), dtype=bool)
    mask[y - y0, x - x0] = True
    return Instance((y0, x0, y1, x1), mask)


def _parsed(path: Path) -> _Dataset:
    try:
        return _Dataset.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}; check the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(
            f"{path} is no COCO data set with 'images' and 'annotations': {place}: "
            f"{first['msg'].rstrip('.')}; export it as one."
        ) from error


def _refuse_twice(path: Path, what: str, values: Iterable[Any]) -> None:
    seen = set()
    for value in values:
        if value in seen:
            raise InputError(f"{path} holds the {what} {value!r} twice; give each its own.")
        seen.add(value)


def _rasterised(polygons: list[list[float]], shape: Shape, where: str) -> _RunLengths:
    """Run lengths of the union of polygons, each x0, y0, x1, y1, ..."""
    height, width = shape
    # The library draws what lies outside too, at a cost that grows with the distance.
    farthest = 2.0 * max(shape)
    for polygon in polygons:
        if len(polygon) < 6 or len(polygon) % 2:
            raise InputError(
                f"The {where} has a polygon of {len(polygon)} numbers; expected x and y of at "
                "least three points."
            )
        if not all(math.isfinite(value) and abs(value) <= farthest for value in polygon):
            raise InputError(
                f"The {where} has a polygon far outside its image of {height} x {width} pixels; "
                "expected coordinates in pixels."
            )
    if not polygons:
        return _RunLengths(size=shape, counts=[])
    merged = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return _RunLengths(size=shape, counts=merged["counts"].decode("ascii"))


def _numbers(text: str) -> list[int] | None:
    """Run lengths of COCO's compressed text, or None where it is damaged.

    Each character carries five bits, low ones first, and whether more follow; from the third
    number on they are differences from the last but one. pycocotools, whose format this is,
    trusts the text and would read beyond its end.
    """
    runs: list[int] = []
    value = n_read = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or n_read == _LONGEST_NUMBER:
            return None
        value |= (bits & 31) << (5 * n_read)
        n_read += 1
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << (5 * n_read)
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = n_read = 0
    return None if n_read else runs
