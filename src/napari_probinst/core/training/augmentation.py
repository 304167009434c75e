"""Random crops, rotated and deformed: every instance is deformed as a mask of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from napari_probinst.core.network.normalisation import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.config import AugmentationConfig, ChannelConfig
    from napari_probinst.core.instances import InstanceSet

_BITS = 63


@dataclass(frozen=True, slots=True, eq=False)
class PackedMasks:
    """Masks of many overlapping instances as bits of few integer pages.

    Sampling one page of 63-bit integers at the nearest pixel samples 63 masks at once, each as
    exactly as on its own.

    Parameters
    ----------
    pages : ndarray of int64, shape (n_pages, height, width)
        Bit i of page p is the mask of instance 63 p + i.
    n_instances : int
        Number of instances.
    """

    pages: NDArray[np.int64]
    n_instances: int

    @classmethod
    def pack(cls, instances: InstanceSet) -> PackedMasks:
        """Pack the masks of a set."""
        n_pages = max(1, -(-len(instances) // _BITS))
        pages = np.zeros((n_pages, *instances.shape), dtype=np.int64)
        for index, instance in enumerate(instances.instances):
            y0, x0, y1, x1 = instance.bbox
            bit = np.int64(1) << np.int64(index % _BITS)
            pages[index // _BITS, y0:y1, x0:x1] |= bit * instance.mask
        return cls(pages, len(instances))

    def sample(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> PackedMasks:
        """Masks at pixels (y, x), two arrays of one shape; outside the image nothing is set."""
        height, width = self.pages.shape[1:]
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        taken = self.pages[:, y.clip(0, height - 1), x.clip(0, width - 1)]
        return PackedMasks(np.where(inside, taken, 0), self.n_instances)

    def targets(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Targets of training.

        Returns
        -------
        labels : ndarray of int64, shape (height, width)
            1 + index of the only instance of a pixel; 0 for background and overlaps.
        classes : ndarray of int64, shape (height, width)
            0 background, 1 foreground, 2 overlap: the number of instances, at most 2.
        """
        cover = np.bitwise_count(self.pages).sum(axis=0)
        labels = np.zeros(cover.shape, dtype=np.int64)
        for number, page in enumerate(self.pages):
            # A page with one bit set is 2**i, which log2 gives exactly.
            alone = (page != 0) & (cover == 1)
            labels[alone] = np.log2(page[alone].astype(np.float64)).astype(np.int64)
            labels[alone] += 1 + _BITS * number
        return labels, np.minimum(cover, 2).astype(np.int64)


def source_coordinates(
    shape: tuple[int, int],
    crop: int,
    config: AugmentationConfig,
    generator: np.random.Generator,
    *,
    focus: tuple[float, float] | None = None,
    unit: float = 1.0,
) -> NDArray[np.float32]:
    """Where in the image each pixel of a random crop comes from.

    Rotation, mirroring, scale and a smooth elastic displacement around a random centre. The
    centre keeps the crop inside the image as far as the image is large enough.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, pixels.
    crop : int
        Height and width of the crop, pixels.
    config : AugmentationConfig
        Sizes of the changes; lengths in pixels of the image before binning.
    generator : numpy.random.Generator
        Source of randomness.
    focus : (float, float), optional
        y, x that the crop's middle stays within a quarter of the crop of.
    unit : float, default 1
        Pixels before binning that make one pixel of ``shape``.

    Returns
    -------
    ndarray of float32, shape (2, crop, crop)
        y and x in the image.
    """
    half = (crop - 1) / 2
    offset = np.arange(crop, dtype=np.float32) - np.float32(half)
    y, x = np.meshgrid(offset, offset, indexing="ij")
    cosine, sine = _direction(config, generator)
    scale = 1 + generator.uniform(-config.scale, config.scale)
    mirror = -1.0 if config.flips and generator.random() < 0.5 else 1.0
    if focus is None:
        centre = [_centre(length, half, generator) for length in shape]
    else:
        centre = [at + generator.uniform(-half, half) / 2 for at in focus]
    source = scale * np.stack([cosine * y - sine * x, mirror * (sine * y + cosine * x)])
    source += np.array(centre)[:, None, None]
    if config.elastic_amplitude:
        source += _elastic(crop, config, generator, unit)
    elif config.rotation != "any" and not config.scale:
        # The same fraction everywhere: what it is rounded to are neighbours, each once.
        source = np.floor(source + 0.5)
    return source.astype(np.float32)


def sample_image(image: NDArray[np.float32], source: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bilinear sample of (n_channels, height, width) at ``source``; `ABSENT` outside."""
    # grid_sample is some ten times faster than scipy's map_coordinates. It pads with zeros.
    size = np.array(image.shape[1:], dtype=np.float32)[:, None, None]
    grid = torch.from_numpy((2 * source + 1) / size - 1).flip(0).permute(1, 2, 0)
    sampled = torch.nn.functional.grid_sample(
        torch.from_numpy(image - ABSENT)[None], grid[None], align_corners=False
    )
    return np.asarray(sampled[0].numpy() + np.float32(ABSENT))


def change_intensity(
    image: NDArray[np.float32],
    channels: Sequence[ChannelConfig],
    config: AugmentationConfig,
    generator: np.random.Generator,
    present: Sequence[bool] | None = None,
) -> NDArray[np.float32]:
    """Contrast, offset and noise of each channel; optional channels are left out at times.

    A channel that the image lacks (``present`` is False) stays `ABSENT` exactly, as it will be
    at inference.
    """
    result = image.copy()
    for index, channel in enumerate(channels):
        absent = present is not None and not present[index]
        if absent or (not channel.required and generator.random() < config.channel_dropout):
            result[index] = ABSENT
            continue
        contrast = 1 + generator.uniform(-config.intensity, config.intensity)
        offset = generator.uniform(-config.intensity, config.intensity) / 2
        noise = generator.standard_normal(image.shape[1:], dtype=np.float32)
        result[index] = result[index] * contrast + offset + config.noise * noise
    return result


def _direction(config: AugmentationConfig, generator: np.random.Generator) -> tuple[float, float]:
    """Cosine and sine of the rotation; exact at right angles."""
    if config.rotation == "any":
        angle = generator.uniform(0, 2 * np.pi)
        return float(np.cos(angle)), float(np.sin(angle))
    turns = int(generator.integers(4)) if config.rotation == "right" else 0
    return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[turns]


def _centre(length: int, half: float, generator: np.random.Generator) -> float:
    low, high = sorted((min(half, length / 2), max(length - 1 - half, length / 2 - 1)))
    return float(generator.uniform(low, high))


def _elastic(
    crop: int, config: AugmentationConfig, generator: np.random.Generator, unit: float
) -> NDArray[np.float64]:
    """Smooth displacement: noise on a grid one grain apart, interpolated by cubic splines."""
    grain = config.elastic_sigma / unit
    at = 1 + np.arange(crop) / grain
    n_nodes = int(np.ceil(at[-1])) + 3
    nodes = generator.standard_normal((2, n_nodes, n_nodes))
    # The spline is separable: two small matrix products instead of a sum over all nodes.
    basis = ndimage.spline_filter1d(np.eye(n_nodes), axis=0)
    interpolation = np.stack(
        [ndimage.map_coordinates(row, [at], order=3, prefilter=False) for row in basis.T], axis=1
    )
    smooth = interpolation @ nodes @ interpolation.T
    return np.asarray(smooth * config.elastic_amplitude / unit)
