"""Whether an image has the pixels that a prediction was made from, as its checksum tells."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_probinst.core.curation.image_files import find_image_files
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.io import read_image
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.finding import is_result
from napari_probinst.widgets.pages import page_of
from napari_probinst.widgets.prediction.channels import plane_axes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.prediction import Prediction

#: Bytes that are read to find out, about a second's; beyond, an image passes by its size alone.
_MOST_BYTES = 2**28
#: Channels that are tried in every order; more are tried in the order that they are in.
_MOST_PLANES = 3


def has_other_pixels(
    viewer: Any,
    prediction: Prediction,
    image: Image,
    plane: tuple[int, ...],
    folders: Iterable[Path],
) -> bool:
    """Whether no channels that there are give the checksum of the prediction.

    The checksum is that of all channels in the model's order, zeros for one that was absent; a
    layer may hold one of them or all. The others are looked for among the layers of its size,
    then among the files of its name. Only the size is compared (by `find_image`) of an image
    that is read lazily or is large, which would take long, and where no checksum is known.

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
    """
    wanted = prediction.provenance.image_checksum
    own = _planes(image, plane, prediction.shape)
    if not wanted or not own or sum(channel.nbytes for channel in own) > _MOST_BYTES:
        return False
    budget = _MOST_BYTES
    for beside in _others(viewer, prediction, image, plane, folders):
        for stack in _stacks(own, beside):
            budget -= stack.nbytes
            if budget < 0 or image_checksum(stack) == wanted:
                return False
    return True


def _others(
    viewer: Any,
    prediction: Prediction,
    image: Image,
    plane: tuple[int, ...],
    folders: Iterable[Path],
) -> Iterator[Sequence[NDArray[Any]]]:
    """Where the other channels may be: in layers, else in files, which are read only then."""
    yield [
        found
        for layer in viewer.layers
        if isinstance(layer, Image) and layer is not image and not is_result(layer)
        for found in _planes(layer, plane, prediction.shape)
    ]
    yield _in_files(prediction, folders)


def _planes(
    layer: Image, plane: tuple[int, ...], shape: tuple[int, int]
) -> tuple[NDArray[Any], ...]:
    """Channels of a layer, each of this shape; none where it has another one, or is read lazily."""
    page = page_of(layer)
    if layer.rgb or not isinstance(page, np.ndarray) or page.shape[-2:] != shape:
        return ()
    axes = plane_axes(layer, len(plane))
    inside = all(index < page.shape[axis] for axis, index in zip(axes, plane, strict=False))
    if len(axes) != len(plane) or not inside:
        return ()
    place: list[int | slice] = [slice(None)] * page.ndim
    for axis, index in zip(axes, plane, strict=True):
        place[axis] = index
    return _of_numbers(page[tuple(place)].reshape(-1, *shape))


def _in_files(prediction: Prediction, folders: Iterable[Path]) -> list[NDArray[Any]]:
    """Channels of the files of an image's name, as far as they can be read."""
    found: list[NDArray[Any]] = []
    for path in find_image_files(folders).get(prediction.name, ()):
        try:
            channels = read_image(path).channels
        except InputError:
            continue
        if channels.shape[1:] == prediction.shape:
            found.extend(_of_numbers(channels))
    return found


def _of_numbers(channels: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Channels as predicting reads them: true and false as 1 and 0."""
    return tuple(channels.astype(np.uint8) if channels.dtype.kind == "b" else channels)


def _stacks(own: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Channels that an image may have been predicted from, the likeliest first.

    Some of the planes in some order, one of the image's own among them; then with one absent.
    """
    yield np.stack(own)
    planes = [*own, *others]
    if len(planes) > _MOST_PLANES:
        yield np.stack(planes)
        planes = planes[:_MOST_PLANES]
    chosen = [
        order
        for number in range(1, len(planes) + 1)
        for order in permutations(range(len(planes)), number)
        if min(order) < len(own)
    ]
    for order in chosen:
        yield np.stack([planes[index] for index in order])
    for order in chosen:
        given = [planes[index] for index in order]
        for absent in range(len(given) + 1):
            zeros = np.zeros(given[0].shape, np.result_type(*given))
            yield np.stack([*given[:absent], zeros, *given[absent:]])
