"""An image that is read when its turn comes, in the order of a model's channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.data.images import Image, read_image
from napari_probinst.core.data.lazy import ChannelStack, LazyImage, open_image
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.core.pixels import Pixels

    #: For each of the model's channels, pixels that hold it and its index among theirs.
    _Planes: TypeAlias = dict[int, tuple[Pixels, int]]


@dataclass(frozen=True, slots=True)
class ImageSource:
    """An image that can be read when its turn comes.

    Parameters
    ----------
    name : str
        Name of the image; unique among those of one `find_images`.
    paths : tuple of Path or None
        One file that holds all channels, or one file for each channel of the model, None for
        an optional channel that the image doesn't have.
    channels : tuple of ChannelConfig
        The model's channels, in its order.
    problem : str, default ""
        Sentence that says why the files, ``paths`` then, are no image: reading it raises that.
    """

    name: str
    paths: tuple[Path | None, ...]
    channels: tuple[ChannelConfig, ...]
    problem: str = ""

    @property
    def path(self) -> Path:
        """The file, or the first of them."""
        return next(path for path in self.paths if path is not None)

    @property
    def takes_colours(self) -> bool:
        """Whether colours of a picture are three channels; where one will do, their luminance."""
        counts = {len(self.channels), sum(channel.required for channel in self.channels)}
        return len(self.paths) == 1 and 3 in counts and 1 not in counts

    def read(self, axes: str | None = None, memory_limit: int | None = None) -> Image:
        """Read the image with channels in the model's order.

        A single file holds either all channels of the model or exactly the required ones, in
        the model's order: see `takes_colours`. Absent channels are zeros and ``present`` says so.

        Parameters
        ----------
        axes : str, optional
            Meaning of the stored dimensions, for files that state them wrongly.
        memory_limit : int, optional
            Largest number of bytes to allocate for a file.

        Raises
        ------
        InputError
            If there is a `problem`, a file is refused, the number of channels is another than
            the model's, or files of one image differ in shape.
        """
        image, planes = self._gather(
            partial(read_image, axes=axes, memory_limit=memory_limit, colours=self.takes_colours)
        )
        return self._image(image, planes)

    def open(self, axes: str | None = None, memory_limit: int | None = None) -> Image | LazyImage:
        """Read the image, or only look at it where it is large.

        Parameters, errors and the order of channels are those of `read`.
        """
        image, planes = self._gather(
            partial(open_image, axes=axes, memory_limit=memory_limit, colours=self.takes_colours)
        )
        if isinstance(image, Image) and all(isinstance(p, np.ndarray) for p, _ in planes.values()):
            return self._image(image, planes)
        sources = tuple(planes.get(i) for i in range(len(self.channels)))
        return LazyImage(
            name=self.name,
            channels=ChannelStack(
                sources,
                (len(sources), *image.shape),
                np.result_type(*(pixels.dtype for pixels, _ in planes.values())),
            ),
            channel_names=tuple(channel.name for channel in self.channels),
            pixel_size=image.pixel_size,
            path=self.path,
            present=tuple(source is not None for source in sources),
            from_colours=image.from_colours,
        )

    def _image(self, image: Image | LazyImage, planes: _Planes) -> Image:
        read = {i: np.asarray(pixels[channel]) for i, (pixels, channel) in planes.items()}
        empty = np.zeros(image.shape, dtype=image.channels.dtype)
        return Image(
            name=self.name,
            channels=np.stack([read.get(i, empty) for i in range(len(self.channels))]),
            channel_names=tuple(channel.name for channel in self.channels),
            pixel_size=image.pixel_size,
            path=self.path,
            present=tuple(i in read for i in range(len(self.channels))),
            from_colours=image.from_colours,
        )

    def _gather(
        self, get: Callable[[Path], Image | LazyImage]
    ) -> tuple[Image | LazyImage, _Planes]:
        """First of the files, and where each of the model's channels lies."""
        if self.problem:
            raise InputError(self.problem)
        if len(self.paths) > 1:
            return self._gather_pair(get)
        image = get(self.path)
        return image, {
            slot: (image.channels, channel) for channel, slot in enumerate(self._slots(image))
        }

    def _slots(self, image: Image | LazyImage) -> list[int]:
        """Which of the model's channels those of a single file are."""
        everything = list(range(len(self.channels)))
        required = [i for i in everything if self.channels[i].required]
        for slots in (everything, required):
            if image.channels.shape[0] == len(slots):
                return slots
        expected = _counted(self.channels)
        if len(required) < len(everything):
            expected += f" or {_counted([self.channels[i] for i in required])}"
        kind = " (luminance of its colours)" if image.from_colours else ""
        raise InputError(
            f"{image.path} has {_number(image.channels.shape[0])}{kind}; this model needs "
            f"{expected}, so save these channels alone, in this order."
        )

    def _gather_pair(
        self, get: Callable[[Path], Image | LazyImage]
    ) -> tuple[Image | LazyImage, _Planes]:
        first: Image | LazyImage | None = None
        planes: _Planes = {}
        for i, path in enumerate(self.paths):
            if path is None:
                continue
            image = get(path)
            if image.channels.shape[0] != 1:
                raise InputError(
                    f"{path} has {_number(image.channels.shape[0])}, but its name says it is the "
                    f"{self.channels[i].name} alone; save one channel a file."
                )
            first = first or image
            if image.shape != first.shape:
                raise InputError(
                    f"{path} is {image.shape[0]} x {image.shape[1]} pixels, but {first.path} is "
                    f"{first.shape[0]} x {first.shape[1]}; channels of one image share a shape."
                )
            planes[i] = (image.channels, 0)
        if first is None:
            raise InputError(f"{self.name} has no file; expected one for each channel.")
        return first, planes


def _number(n: int) -> str:
    return f"{n} channel{'s' if n != 1 else ''}"


def _counted(channels: Sequence[ChannelConfig]) -> str:
    return f"{len(channels)} ({', '.join(channel.name for channel in channels)})"
