"""Objects of the training images that lie clear of others, cut out with what they do to light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_probinst.core.boxes import window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.core.instances import Instance
    from napari_probinst.core.training.dataset import TrainingImage

#: Light that reaches the camera past an object, as a share of the background's. In BBBC010
#: one worm leaves .40 of the light and two that cross .28, where .40 squared is .16.
SCATTERED = 0.25
#: Around an object the background of a bright field is even: it varies by this factor at most,
#: and is no darker than this share of the brightest light. The edge of a well is not.
EVEN, LIT = 1.6, 0.15
#: Refraction makes no seam around an object brighter than this, relative to the background.
_BRIGHTEST = 1.1
#: The estimate of the background is off by this share at most, or the object would glare.
_TILTED = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object, and what it does to the light of each channel.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        The object, with a margin around it.
    reach : ndarray of bool, shape (height, width)
        Pixels whose light it changes: itself, and what lies within the margin.
    change : ndarray of float32, shape (n_channels, height, width)
        In an absorbing channel the share of the direct light that passes, fading to 1 over the
        margin; in an emitting one the light that is added, fading to 0.
    noise : ndarray of float64, shape (n_channels,)
        Noise of the image that it comes from, as `light_noise` measures it.
    """

    mask: NDArray[np.bool_]
    reach: NDArray[np.bool_]
    change: NDArray[np.float32]
    noise: NDArray[np.float64]

    def turned(self, quarters: int, *, mirrored: bool) -> Cutout:
        """Turn by quarters of a circle, then mirror: no pixel is interpolated."""
        step = -1 if mirrored else 1
        return Cutout(
            np.rot90(self.mask, quarters)[:, ::step],
            np.rot90(self.reach, quarters)[:, ::step],
            np.rot90(self.change, quarters, axes=(1, 2))[:, :, ::step],
            self.noise,
        )


def to_light(channels: NDArray[np.float32], config: Sequence[ChannelConfig]) -> NDArray[np.float32]:
    """Light from normalised intensities, 0 at the low percentile and 1 at the high one.

    The inverse of `normalise_channel`, but for what it clips; arrays are (n_channels, ...).
    """
    light = (channels + np.float32(1)) / np.float32(2)
    for page, channel in zip(light, config, strict=True):
        if channel.gain:
            page[:] = np.sinh(page * math.asinh(channel.gain)) / channel.gain
    return light


def from_light(light: NDArray[np.float32], config: Sequence[ChannelConfig]) -> NDArray[np.float32]:
    """Normalised intensities from light, as `normalise_channel` makes them."""
    mapped = light.copy()
    for page, channel in zip(mapped, config, strict=True):
        if channel.gain:
            page[:] = np.arcsinh(channel.gain * page) / math.asinh(channel.gain)
    return np.clip(2 * mapped - 1, -1.5, 2)


def light_noise(light: NDArray[np.float32]) -> NDArray[np.float64]:
    """Standard deviation of the noise of each channel, shape (n_channels,).

    From the median difference of neighbours in some of the rows, which objects hardly change.
    """
    steps = np.abs(np.diff(light[:, ::4], axis=2))
    # The median of |a - b| of two normal values is .6745 times the square root of 2 of theirs.
    return np.asarray(np.median(steps, axis=(1, 2)), dtype=np.float64) / 0.9539


def absorbing_channels(
    images: Sequence[TrainingImage], config: Sequence[ChannelConfig], margin: int
) -> tuple[bool, ...]:
    """Whether objects of most images are darker than what surrounds them, for each channel."""
    darker = np.zeros(len(config))
    for image in images:
        objects = image.truth.cover() > 0
        around = ndimage.binary_dilation(objects, iterations=margin) & ~objects
        if not (objects.any() and around.any()):
            continue
        for index, page in enumerate(image.channels):
            darker[index] += np.sign(np.median(page[around]) - np.median(page[objects]))
    return tuple(bool(votes > 0) for votes in darker)


def cut_out(
    image: TrainingImage,
    config: Sequence[ChannelConfig],
    absorbing: Sequence[bool],
    margin: int,
) -> list[Cutout]:
    """Cut out all objects of an image that are whole and lie clear of all others.

    Parameters
    ----------
    image : TrainingImage
        Image with its instances.
    config : sequence of ChannelConfig
        How its channels were normalised.
    absorbing : sequence of bool
        For each channel whether objects absorb light, or emit it.
    margin : int
        Distance, pixels, that an object changes the light in; no other object and no edge of
        the image lies within.

    Returns
    -------
    list of Cutout
        In the order of the instances.
    """
    light = to_light(image.channels, config)
    noise = light_noise(light)
    cover = image.truth.cover()
    # The seam of light around an object belongs to it and not to the background.
    background = ~ndimage.binary_dilation(cover > 0, iterations=margin // 2 + 1)
    cutouts = []
    for instance in image.truth.instances:
        place = _Place.of(instance, cover, margin)
        change = None if place is None else _change(light, background, place, absorbing)
        if place is not None and change is not None:
            cutouts.append(Cutout(place.inside, place.reach, change, noise))
    return cutouts


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """An object with a margin that lies inside the image and holds no other.

    ``box`` is where it lies, ``distance`` each pixel's to the object, in pixels.
    """

    box: tuple[slice, slice]
    distance: NDArray[np.float32]
    margin: int

    @classmethod
    def of(cls, instance: Instance, cover: NDArray[np.uint16], margin: int) -> _Place | None:
        """Place of an instance, or None where anything is near."""
        y0, x0, y1, x1 = instance.bbox
        bbox = (y0 - margin, x0 - margin, y1 + margin, x1 + margin)
        height, width = cover.shape
        if bbox[0] < 0 or bbox[1] < 0 or bbox[2] > height or bbox[3] > width:
            return None
        mask = instance.crop(bbox)
        if not mask.any():
            return None
        distance = ndimage.distance_transform_edt(~mask).astype(np.float32)
        place = cls(window(bbox, (0, 0, height, width)), distance, margin)
        alone = (cover[place.box] <= mask)[place.reach].all()
        return place if alone else None

    @property
    def inside(self) -> NDArray[np.bool_]:
        return np.asarray(self.distance == 0)

    @property
    def reach(self) -> NDArray[np.bool_]:
        return np.asarray(self.distance <= self.margin)

    @property
    def rim(self) -> NDArray[np.bool_]:
        return np.asarray(self.reach & (self.distance > 0.75 * self.margin))

    @property
    def around(self) -> NDArray[np.bool_]:
        return np.asarray(self.reach & (self.distance > self.margin / 2))

    def fading(self) -> NDArray[np.float32]:
        """1 on the object and next to it, smoothly 0 at the margin."""
        ramp = np.clip((self.margin - self.distance) / (0.75 * self.margin), 0, 1)
        return np.asarray(ramp**2 * (3 - 2 * ramp), dtype=np.float32)


def _change(
    light: NDArray[np.float32],
    background: NDArray[np.bool_],
    place: _Place,
    absorbing: Sequence[bool],
) -> NDArray[np.float32] | None:
    """What the object does to each channel's light; None where the background is uneven."""
    fading, inside, around = place.fading(), place.inside, place.around
    pages = []
    for page, absorbs in zip(light, absorbing, strict=True):
        here = page[place.box]
        if not absorbs:
            # Its own haze, or a bright neighbour's, must not become a shadow around the object.
            level = min(np.percentile(here[place.rim], 30), np.median(here[inside]))
            pages.append(fading * (here - level))
            continue
        surrounding = _surrounding(page, background, place)
        if surrounding is None or surrounding[inside].mean() < LIT:
            return None
        passed = here / np.maximum(surrounding, 1e-3)
        if not is_even(passed[around], 1.0) or abs(np.median(passed[around]) - 1) > _TILTED:
            return None
        passed = passed.clip(SCATTERED, _BRIGHTEST)
        pages.append(1 + fading * ((passed - SCATTERED) / (1 - SCATTERED) - 1))
    return np.stack(pages).astype(np.float32)


def _surrounding(
    page: NDArray[np.float32], background: NDArray[np.bool_], place: _Place
) -> NDArray[np.float32] | None:
    """Background's light as it would be without the object; None where none is in sight."""
    half_width = ndimage.distance_transform_edt(place.inside).max()
    size = 2 * round(place.margin + half_width) + 1
    rows, columns = (slice(max(0, part.start - size), part.stop + size) for part in place.box)
    height, width = place.distance.shape
    top, left = place.box[0].start - rows.start, place.box[1].start - columns.start
    middle = (slice(top, top + height), slice(left, left + width))
    known = background[rows, columns].astype(np.float32)
    share = _smooth(known, size)[middle]
    if share.min() < 1e-3:
        return None
    return np.asarray(_smooth(page[rows, columns] * known, size)[middle] / share)


def is_even(light: NDArray[np.float32], level: float) -> bool:
    """Whether nearly all of ``light`` lies within a factor `EVEN` of ``level``."""
    low, high = np.percentile(light, [2, 98]) if light.size else (level, level)
    return bool(low >= level / EVEN and high <= level * EVEN)


def _smooth(page: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    for _ in range(2):
        page = ndimage.uniform_filter(page, size, mode="nearest")
    return page
