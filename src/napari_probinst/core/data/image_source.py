"""An image that is read when its turn comes, in the order of a model's channels."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.files import image_name
from napari_probinst.core.data.images import Image, read_image
from napari_probinst.core.data.lazy import ChannelStack, LazyImage, open_image, read_layout
from napari_probinst.core.data.naming import plane_name
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.core.data.axes import Layout
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
    plane : tuple of int, default ()
        Where the files are stacks (time, z), the plane that is the image: see `planes`.
    """

    name: str
    paths: tuple[Path | None, ...]
    channels: tuple[ChannelConfig, ...]
    problem: str = ""
    plane: tuple[int, ...] = ()

    @property
    def path(self) -> Path:
        """The file, or the first of them."""
        return next(path for path in self.paths if path is not None)

    @property
    def file_name(self) -> str:
        """Name of the file, or of one that would hold the plane alone."""
        if not self.plane:
            return self.path.name
        return self.name + self.path.name.removeprefix(image_name(self.path))

    def planes(self, axes: str | None = None) -> tuple[ImageSource, ...]:
        """Each plane of a stack (time, z) as an image of its own, or else this image.

        Parameters
        ----------
        axes : str, optional
            Meaning of the stored dimensions, for files that state them wrongly.

        Returns
        -------
        tuple of ImageSource
            In the order of the stack, named by `plane_name`; only the header of the file is
            read. An image that can't be read stays as it is: `open` says why.
        """
        if self.problem:
            return (self,)
        try:
            layout = read_layout(self.path, axes, colours=self.takes_colours)
        except InputError:
            return (self,)
        if layout is None:
            return (self,)
        # What is wrong with all planes alike is said once.
        problem = self._misfit(layout) if layout.planes or layout.is_guess else ""
        if problem:
            return (replace(self, problem=problem),)
        return tuple(
            replace(self, name=plane_name(self.name, plane), plane=plane)
            for plane in product(*map(range, layout.planes))
        )

    def _misfit(self, layout: Layout) -> str:
        """Say how many channels the model needs, and which axes they may be instead."""
        if len(self.paths) > 1:
            return ""
        whole = f"Each plane of {self.path}" if layout.planes else str(self.path)
        try:
            self._slots(whole, layout.n_channels, from_colours=layout.from_colours)
        except InputError as error:
            if layout.is_guess:
                way = f" If they are times, give --axes {layout.letters.replace('C', 'T')}."
            elif len(layout.planes) == 1 and "C" not in layout.letters:
                other = layout.letters.replace("T", "C").replace("Z", "C")
                way = f" If its planes are channels, give --axes {other}."
            else:
                way = ""
            return f"{error}{way}"
        return ""

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
        options = self._options(axes, memory_limit)
        get: Callable[[Path], Image | LazyImage] = partial(read_image, **options)
        if self.plane:  # without the others
            get = partial(open_image, **options, lazy_bytes=sys.maxsize, plane=self.plane)
        return self._image(*self._gather(get))

    def open(self, axes: str | None = None, memory_limit: int | None = None) -> Image | LazyImage:
        """Read the image, or only look at it where it is large.

        Parameters, errors and the order of channels are those of `read`.
        """
        image, planes = self._gather(
            partial(open_image, **self._options(axes, memory_limit), plane=self.plane)
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

    def _options(self, axes: str | None, memory_limit: int | None) -> dict[str, Any]:
        return {"axes": axes, "memory_limit": memory_limit, "colours": self.takes_colours}

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
        slots = self._slots(image.path, image.channels.shape[0], from_colours=image.from_colours)
        return image, {slot: (image.channels, channel) for channel, slot in enumerate(slots)}

    def _slots(self, where: Path | str | None, n_channels: int, *, from_colours: bool) -> list[int]:
        """Which of the model's channels those of a single file are."""
        everything = list(range(len(self.channels)))
        required = [i for i in everything if self.channels[i].required]
        for slots in (everything, required):
            if n_channels == len(slots):
                return slots
        expected = _counted(self.channels)
        if len(required) < len(everything):
            expected += f" or {_counted([self.channels[i] for i in required])}"
        kind = " (luminance of its colours)" if from_colours else ""
        raise InputError(
            f"{where} has {_number(n_channels)}{kind}; this model needs {expected}, so save these "
            "channels alone, in this order."
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
