"""Read the instances of a COCO data set, written by this or by any other program."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path  # noqa: TC003  (pydantic's models below are checked at runtime)
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from pycocotools import mask as coco_mask
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from napari_probinst.core.data.coco import CocoImage
from napari_probinst.core.data.files import IMAGE_SUFFIXES
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_probinst.core.boxes import Shape

_Parsed = TypeVar("_Parsed")

#: A run length is at most an image's area; more characters than these are no number.
_LONGEST_NUMBER = 12


class _RunLengths(BaseModel):
    size: tuple[int, int]
    counts: str | list[int]


class _Annotation(BaseModel):
    id: int | str | None = None
    image_id: int | str
    segmentation: Any = None  # read later, to say which one is wrong
    # Some exporters set iscrowd for every run-length mask, so that it tells nothing.
    score: Annotated[float, Field(allow_inf_nan=False)] | None = None


class _Image(BaseModel):
    id: int | str
    file_name: Annotated[str, Field(min_length=1)]
    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]


class _Dataset(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]


class _Listing(BaseModel):
    images: list[_Image]


_RESULTS: TypeAdapter[list[_Annotation]] = TypeAdapter(list[_Annotation])
_MASK: TypeAdapter[_RunLengths | list[list[float]]] = TypeAdapter(_RunLengths | list[list[float]])


def is_coco(path: Path) -> bool:
    """Whether a path is taken for a COCO file: a file, but none of images."""
    return path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES


def read_coco(path: Path, listing: Path | None = None) -> tuple[CocoImage, ...]:
    """Read the images of a data set with their instances.

    Masks may be run lengths, compressed or not, or polygons. Empty masks are left out. An
    annotation without a score has the score 1, and all categories count alike.

    Parameters
    ----------
    path : Path
        JSON file with the lists ``images`` and ``annotations``; or with the latter alone, as
        COCO's results have them.
    listing : Path, optional
        Data set that lists the images of results: their identifiers, names and sizes.

    Returns
    -------
    tuple of CocoImage
        In the order of ``images``, images without an annotation included.

    Raises
    ------
    InputError
        If the file can't be read, is of another kind, uses an identifier or a file name twice,
        holds a mask that doesn't fit its image, or lists no images and no ``listing`` does.
    """
    dataset, listed_in = _parsed(path, listing)
    _refuse_twice(listed_in, "image id", (image.id for image in dataset.images))
    _refuse_twice(listed_in, "file name", (image.file_name for image in dataset.images))
    _refuse_twice(path, "annotation id", (a.id for a in dataset.annotations if a.id is not None))
    shapes = {image.id: (image.height, image.width) for image in dataset.images}
    file_names = {image.id: image.file_name for image in dataset.images}
    found: dict[int | str, list[tuple[Instance, float]]] = {key: [] for key in shapes}
    for number, annotation in enumerate(dataset.annotations, start=1):
        where = f"annotation {number if annotation.id is None else annotation.id} of {path}"
        if annotation.image_id not in shapes:
            raise InputError(
                f"The {where} belongs to the image {annotation.image_id!r}, which 'images' of "
                f"{listed_in} doesn't list; add it there."
            )
        where = f"{where} (image {file_names[annotation.image_id]})"
        mask = _mask_of(annotation, where)
        instance = decode(mask, shapes[annotation.image_id], where)
        if instance.mask.size:
            score = 1.0 if annotation.score is None else annotation.score
            found[annotation.image_id].append((instance, score))
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
    # No runs at all stand for an empty mask; others fill the page.
    fill = runs is not None and sum(runs) == (shape[0] * shape[1] if runs else 0)
    if runs is None or not fill or min(runs, default=0) < 0:
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


def _parsed(path: Path, listing: Path | None) -> tuple[_Dataset, Path]:
    """Data set of a file, and the file that lists its images."""
    content = _content(path)
    if not content.lstrip().startswith(b"["):
        return _checked(path, partial(_Dataset.model_validate_json, content)), path
    if listing is None:
        raise InputError(
            f"{path} is no COCO data set with 'images' and 'annotations', but a list as of COCO's "
            "results: its images are known only where the truth is a COCO file, so give such a "
            "truth, or export a data set."
        )
    annotations = _checked(path, partial(_RESULTS.validate_json, content))
    listed = _checked(listing, partial(_Listing.model_validate_json, _content(listing)))
    return _Dataset(images=listed.images, annotations=annotations), listing


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}; check the file.") from error


def _checked(path: Path, parse: Callable[[], _Parsed]) -> _Parsed:
    try:
        return parse()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(
            f"{path} is no COCO data set with 'images' and 'annotations': {place}: "
            f"{first['msg'].rstrip('.')}; export it as one."
        ) from error


def _mask_of(annotation: _Annotation, where: str) -> _RunLengths | list[list[float]]:
    try:
        return _MASK.validate_python(annotation.segmentation)
    except ValidationError as error:
        kind = "no mask" if annotation.segmentation is None else "a mask of an unknown kind"
        raise InputError(
            f"The {where} has {kind}; expected COCO's run lengths ('size' and 'counts') or "
            "polygons, so export it as one of these."
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
