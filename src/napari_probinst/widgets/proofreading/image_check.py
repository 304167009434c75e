"""Whether an image has the pixels that a prediction was made from, as its checksum tells.

The checksum is that of all pixels, also of images that are read lazily: a second for some
hundred megabytes, in a thread of its own and in bounded memory. One of samples alone would be
quicker, and blind to what changed between them.
"""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.qt.threading import create_worker
from napari.utils.notifications import show_warning

from napari_probinst.core.curation.image_files import files_of, find_image_files
from napari_probinst.core.data.checksum import checksum_steps
from napari_probinst.core.data.lazy import ChannelStack, open_image
from napari_probinst.core.data.planes import Plane
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.finding import is_result
from napari_probinst.widgets.image_axes import plane_axes
from napari_probinst.widgets.pages import page_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from napari_probinst.core.pixels import Pixels
    from napari_probinst.core.prediction import Prediction

#: Bytes in memory that are looked at at once, which takes a fraction of a second; what is beyond,
#: and what is on the disk, is looked at in a thread of its own.
AT_ONCE = 2**28
#: Channels that are tried in every order; more are tried in the order that they are in.
_MOST_PLANES = 3
#: Ways to put large channels together that are tried: two channels have no more.
_MOST_STACKS = 12


def check_pixels(
    viewer: Any,
    prediction: Prediction,
    image: Image,
    plane: tuple[int, ...],
    folders: Iterable[Path],
) -> None:
    """Warn if an image isn't the one that was predicted: now, or as soon as all of it is read.

    Parameters
    ----------
    viewer, prediction, image, plane, folders
        As for `compare_pixels`. An image that leaves the viewer isn't read any further.
    """
    steps = compare_pixels(viewer, prediction, image, plane, folders)

    def tell(differs: bool) -> None:
        if differs and image in viewer.layers:
            show_warning(
                f"'{image.name}' doesn't have the pixels that '{prediction.name}' was predicted "
                "from: check that it is the right image."
            )

    def go_on() -> Generator[None, None, bool]:
        while image in viewer.layers:
            try:
                next(steps)
            except StopIteration as end:
                return bool(end.value)
            yield
        return False

    left = AT_ONCE if isinstance(page_of(image), np.ndarray) else 0
    try:
        while left > 0:
            left -= next(steps)
    except StopIteration as end:
        tell(end.value)
        return
    create_worker(go_on, _connect={"returned": tell})


def compare_pixels(
    viewer: Any,
    prediction: Prediction,
    image: Image,
    plane: tuple[int, ...],
    folders: Iterable[Path],
) -> Generator[int, None, bool]:
    """Find out whether no channels that there are give the checksum of the prediction.

    The checksum is that of all channels in the model's order, zeros for one that was absent; a
    layer may hold one of them or all. The others are looked for among the layers of its size,
    then among the files of its name. Only the size is compared (by `find_image`) where no
    checksum is known, and where large channels can be put together in more than `_MOST_STACKS`
    ways and none of so many fits.

    Parameters
    ----------
    viewer : napari.Viewer
        With the layers.
    prediction : Prediction
        What was predicted.
    image : Image
        The layer that is taken for its image, of its size.
    plane : tuple of int
        Which plane of a stack it is.
    folders : iterable of Path
        Where files of its other channels may be.

    Yields
    ------
    int
        Bytes that were read since the last time.
    """
    own = _planes(image, plane, prediction)
    beside = _in_layers(viewer, prediction, image, plane)
    return _compare(prediction, own, beside, folders)


def _compare(
    prediction: Prediction, own: Sequence[Plane], beside: Sequence[Plane], folders: Iterable[Path]
) -> Generator[int, None, bool]:
    wanted = prediction.provenance.image_checksum
    if not wanted or not own:
        return False
    n_read = n_tried = 0
    for others in _others(prediction, beside, folders):
        for stack in _stacks(own, others):
            if n_read > AT_ONCE and n_tried >= _MOST_STACKS:
                return False
            n_tried += 1
            if (yield from checksum_steps(stack)) == wanted:
                return False
            n_read += math.prod(stack.shape) * stack.dtype.itemsize
    for picture, luminance in _coloured_files(prediction, folders):
        if (yield from checksum_steps(picture)) == wanted:
            shown = yield from checksum_steps(_stack(own))
            return (yield from checksum_steps(luminance)) != shown
    return True


def _coloured_files(
    prediction: Prediction, folders: Iterable[Path]
) -> Iterator[tuple[Pixels, Pixels]]:
    """Colours, and luminance, of the pictures of an image's name: a layer may show the latter."""
    files = files_of(prediction.name, find_image_files(folders))
    for path in files.paths:
        try:
            grey = open_image(path, plane=files.plane)
            if grey.from_colours:
                coloured = open_image(path, colours=True, plane=files.plane)
                yield coloured.channels, grey.channels
        except InputError:
            continue


def _others(
    prediction: Prediction, beside: Sequence[Plane], folders: Iterable[Path]
) -> Iterator[Sequence[Plane]]:
    """Where the other channels may be: in layers, else in files, which are opened only then."""
    yield beside
    yield _in_files(prediction, folders)


def _in_layers(
    viewer: Any, prediction: Prediction, image: Image, plane: tuple[int, ...]
) -> list[Plane]:
    """Channels that other layers hold."""
    return [
        found
        for layer in viewer.layers
        if isinstance(layer, Image) and layer is not image and not is_result(layer)
        for found in _planes(layer, plane, prediction)
    ]


def _planes(layer: Image, plane: tuple[int, ...], prediction: Prediction) -> tuple[Plane, ...]:
    """Channels of a layer, each of the prediction's shape, unread; none where it has another."""
    page = page_of(layer)
    sizes = tuple(int(size) for size in page.shape)
    if layer.rgb or sizes[-2:] != prediction.shape or np.dtype(page.dtype).kind not in "buif":
        return ()
    axes = plane_axes(layer, len(plane), prediction.provenance.n_channels)
    inside = all(index < sizes[axis] for axis, index in zip(axes, plane, strict=False))
    if len(axes) != len(plane) or not inside:
        return ()
    fixed = dict(zip(axes, plane, strict=True))
    ranges = (1 if axis in fixed else size for axis, size in enumerate(sizes[:-2]))
    return tuple(
        Plane(
            str(layer.name),
            page,
            (*(fixed.get(axis, index) for axis, index in enumerate(place)), None, None),
        )
        for place in np.ndindex(*ranges)
    )


def _in_files(prediction: Prediction, folders: Iterable[Path]) -> list[Plane]:
    """Channels of the files of an image's name, as far as they can be read."""
    found: list[Plane] = []
    files = files_of(prediction.name, find_image_files(folders))
    for path in files.paths:
        try:
            channels = open_image(path, plane=files.plane).channels
        except InputError:
            continue
        if channels.shape[1:] == prediction.shape:
            n_channels = channels.shape[0]
            found += [Plane(path.name, channels, (i, None, None)) for i in range(n_channels)]
    return found


def _stacks(own: Sequence[Plane], others: Sequence[Plane]) -> Iterator[ChannelStack]:
    """Channels that an image may have been predicted from, the likeliest first.

    Some of the planes in some order, one of the image's own among them; then with one absent.
    """
    yield _stack(own)
    planes = [*own, *others]
    if len(planes) > _MOST_PLANES:
        yield _stack(planes)
        planes = planes[:_MOST_PLANES]
    chosen = [
        order
        for number in range(1, len(planes) + 1)
        for order in permutations(range(len(planes)), number)
        if min(order) < len(own)
    ]
    for order in chosen:
        if order != tuple(range(len(own))):
            yield _stack([planes[index] for index in order])
    for order in chosen:
        given = [planes[index] for index in order]
        for absent in range(len(given) + 1):
            yield _stack([*given[:absent], None, *given[absent:]])


def _stack(planes: Sequence[Plane | None]) -> ChannelStack:
    """Planes as the channels of one image; None is an absent one."""
    given = [plane for plane in planes if plane is not None]
    return ChannelStack(
        tuple(None if plane is None else (plane, 0) for plane in planes),
        (len(planes), *given[0].shape[1:]),
        np.result_type(*(plane.dtype for plane in given)),
    )
