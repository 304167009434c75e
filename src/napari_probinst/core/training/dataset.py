"""Training images in memory, and the endless reproducible stream of crops made from them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from napari_probinst.core.binning import bin_pages
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.network.coordinates import coordinate_channels
from napari_probinst.core.training.augmentation import (
    PackedMasks,
    change_intensity,
    sample_image,
    source_coordinates,
)
from napari_probinst.core.training.pasting import Paster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.config import Config


class Crop(NamedTuple):
    """One training example.

    ``image`` (n_channels [+ 2], crop, crop) float32; ``labels`` and ``classes`` (crop, crop)
    int64, as `PackedMasks.targets` gives them.
    """

    image: Tensor
    labels: Tensor
    classes: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class TrainingImage:
    """A normalised image with its instances.

    Parameters
    ----------
    name : str
        Name of the image.
    channels : ndarray of float32, shape (n_channels, height, width)
        Normalised intensities.
    truth : InstanceSet
        Instances, which may overlap.
    present : tuple of bool, optional
        False for a channel that the image lacks; all are there by default.
    """

    name: str
    channels: NDArray[np.float32]
    truth: InstanceSet
    present: tuple[bool, ...] | None = None

    def binned(self, factor: int) -> TrainingImage:
        """Average ``factor`` x ``factor`` pixels; masks keep pixels that are at least half set."""
        if factor == 1:
            return self
        masks = [
            Instance.from_mask(bin_pages(instance.full(self.truth.shape)[None], factor)[0] >= 0.5)
            for instance in self.truth.instances
        ]
        channels = bin_pages(self.channels, factor)
        height, width = channels.shape[1:]
        return TrainingImage(
            self.name, channels, InstanceSet((height, width), tuple(masks)), self.present
        )


class CropStream(IterableDataset[Crop]):
    """Random crops number ``start``, ``start + 1``, ... for ever.

    Crop number i depends on the seed and on i alone, so that a resumed run, and any number of
    worker processes, see the same examples.

    Parameters
    ----------
    images : sequence of TrainingImage
        At full resolution; binned here as the configuration says.
    config : Config
        Network channels, augmentation, crop size and seed.
    extent : (int, int)
        Height and width of the frame, pixels, that the coordinates of crops are spread over.
    start : int, default 0
        Number of the first crop.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        config: Config,
        extent: tuple[int, int],
        start: int = 0,
    ) -> None:
        super().__init__()
        self._config = config
        self._extent = extent
        self._start = start
        self._rank, self._n_ranks = 0, 1
        self._unit = float(config.training.binning)
        self._images = [image.binned(config.training.binning) for image in images]
        self._masks = [PackedMasks.pack(image.truth) for image in self._images]
        self._boxes = [[i.bbox for i in image.truth.instances if i.area] for image in self._images]
        self._paster = (
            Paster(self._images, config.network.channels, config.augmentation, self._unit)
            if config.augmentation.pasted
            else None
        )

    def dealt(self, rank: int, n_ranks: int) -> CropStream:
        """Share of one of several processes: together they see the same batches as one alone.

        Parameters
        ----------
        rank : int
            Number of the process, from 0.
        n_ranks : int
            How many there are; a batch is divisible by it.
        """
        share = copy.copy(self)
        share._rank, share._n_ranks = rank, n_ranks
        return share

    def __iter__(self) -> Iterator[Crop]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        whole = self._config.training.batch_size
        size = whole // self._n_ranks
        # Workers are asked for whole batches in turn.
        for batch in count(first, step):
            begin = self._start + batch * whole + self._rank * size
            for number in range(begin, begin + size):
                yield self.crop(number)

    def crop(self, number: int) -> Crop:
        """Crop number ``number``."""
        config, size, unit = self._config, self._config.training.crop, self._unit
        generator = np.random.default_rng((config.training.seed, number))
        index = int(generator.integers(len(self._images)))
        image, masks = self._images[index], self._masks[index]
        focus = None
        if self._boxes[index] and generator.random() < config.augmentation.focus:
            y0, x0, y1, x1 = self._boxes[index][int(generator.integers(len(self._boxes[index])))]
            focus = ((y0 + y1) / 2, (x0 + x1) / 2)
        if self._paster is not None and generator.random() < config.augmentation.pasted:
            pasted = self._paster.paste(index, generator, near=size / 2)
            if pasted is not None:
                image, focus = pasted
                masks = PackedMasks.pack(image.truth)
        source = source_coordinates(
            image.truth.shape, size, config.augmentation, generator, focus=focus, unit=unit
        )
        crop = sample_image(image.channels, source)
        crop = change_intensity(
            crop, config.network.channels, config.augmentation, generator, image.present
        )
        nearest = np.rint(source).astype(np.intp)
        labels, classes = masks.sample(nearest[0], nearest[1]).targets()
        tensor = torch.from_numpy(crop)
        if config.network.coordinates != "none":
            tensor = torch.cat([tensor, self._coordinates(size, unit, generator)])
        return Crop(tensor, torch.from_numpy(labels), torch.from_numpy(classes))

    def _coordinates(self, size: int, unit: float, generator: np.random.Generator) -> Tensor:
        """Coordinates of a crop placed anywhere in the extent, in pixels before binning.

        Where they are only added, the place makes no difference: it is the middle.
        """
        offset = [-size * unit / 2] * 2
        if self._config.network.coordinates == "input":
            offset = [
                generator.uniform(-length / 2, max(length / 2 - size * unit, -length / 2))
                for length in self._extent
            ]
        grid = coordinate_channels(size, size, (offset[0] / unit, offset[1] / unit))
        return grid * unit
