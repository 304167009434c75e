"""Whole objects of one training image pasted into another, so that more of them touch and cross.

G. Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance
Segmentation", CVPR 2021, doi:10.1109/CVPR46437.2021.00294. There one object hides another;
here both are seen, as under a microscope: what absorbs light does so once more where two
objects cross, and fluorescence adds up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.boxes import shifted, window
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.training.cutouts import (
    LIT,
    SCATTERED,
    absorbing_channels,
    cut_out,
    from_light,
    is_even,
    light_noise,
    to_light,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.config import AugmentationConfig, ChannelConfig
    from napari_probinst.core.training.cutouts import Cutout
    from napari_probinst.core.training.dataset import TrainingImage

#: Most objects pasted into one crop.
MOST = 3
#: An object's surroundings go with it up to this distance, pixels before binning: the seam of
#: refracted light, and the haze of fluorescence.
_MARGIN = 8
#: Share of the pasted objects that cross another; the rest touch it.
_CROSSING = 0.6
#: Largest share of an object that a pasted one may cover, or have covered.
_COVERED = 0.4
#: An object is pasted where its own image's noise exceeds the other's by this factor at most.
_NOISIER = 1.2
_ATTEMPTS = 20


class Paster:
    """Pastes objects of all images into any of them.

    Parameters
    ----------
    images : sequence of TrainingImage
        At the resolution of training.
    channels : sequence of ChannelConfig
        How they were normalised.
    config : AugmentationConfig
        Whether objects may be rotated and mirrored.
    unit : float, default 1
        Pixels before binning that make one pixel of the images.

    Raises
    ------
    InputError
        If no object lies clear of all others.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        channels: Sequence[ChannelConfig],
        config: AugmentationConfig,
        unit: float = 1.0,
    ) -> None:
        margin = max(2, round(_MARGIN / unit))
        self._images = images
        self._channels = channels
        self._config = config
        self._absorbing = absorbing_channels(images, channels, margin)
        self._noise = [light_noise(to_light(image.channels, channels)) for image in images]
        self._cutouts: dict[tuple[bool, ...], list[Cutout]] = {}
        for image in images:
            found = cut_out(image, channels, self._absorbing, margin)
            self._cutouts.setdefault(self._present(image), []).extend(found)
        if not any(self._cutouts.values()):
            raise InputError(
                "No object of the training images lies clear of all others, so none can be "
                "pasted; set augmentation.pasted to 0."
            )

    def paste(
        self, index: int, generator: np.random.Generator, near: float
    ) -> tuple[TrainingImage, tuple[float, float]] | None:
        """Paste one to `MOST` objects into an image, each touching or crossing another.

        Parameters
        ----------
        index : int
            Number of the image.
        generator : numpy.random.Generator
            Source of randomness.
        near : float
            Distance, pixels, that the further contacts keep to the first one.

        Returns
        -------
        (TrainingImage, (float, float)) or None
            A changed copy, whose new instances come last, and the first contact's y and x; None
            where nothing could be pasted.
        """
        scene = _Scene(self._images[index])
        cutouts = self._suited(index)
        focus: tuple[float, float] | None = None
        for _ in range(int(generator.integers(1, MOST + 1))):
            for _ in range(_ATTEMPTS):
                anchors = scene.anchors(focus, near)
                if not (anchors and cutouts):
                    break
                cutout = self._turned(cutouts[int(generator.integers(len(cutouts)))], generator)
                anchor = anchors[int(generator.integers(len(anchors)))]
                box, contact = _placed(cutout, anchor, generator)
                if self._fits(cutout, box, scene):
                    self._expose(cutout, box, scene)
                    scene.add(Instance.from_mask(cutout.mask, box[:2]))
                    focus = focus or contact
                    break
        return None if focus is None else (scene.image(), focus)

    def _present(self, image: TrainingImage) -> tuple[bool, ...]:
        return image.present or (True,) * len(self._channels)

    def _suited(self, index: int) -> list[Cutout]:
        """Cutouts that have all channels of the image, and don't bring more noise."""
        needed = self._present(self._images[index])
        emitting = np.array(needed) & ~np.array(self._absorbing)
        return [
            cutout
            for present, cutouts in self._cutouts.items()
            if all(there or not asked for there, asked in zip(present, needed, strict=True))
            for cutout in cutouts
            if not (cutout.noise > _NOISIER * self._noise[index])[emitting].any()
        ]

    def _turned(self, cutout: Cutout, generator: np.random.Generator) -> Cutout:
        quarters = int(generator.integers(4)) if self._config.rotation != "none" else 0
        mirrored = self._config.flips and bool(generator.integers(2))
        return cutout.turned(quarters, mirrored=mirrored)

    def _fits(self, cutout: Cutout, box: BBox, scene: _Scene) -> bool:
        """Whether it lies inside the image, on even ground, and covers no object too far."""
        height, width = scene.cover.shape
        if box[0] < 0 or box[1] < 0 or box[2] > height or box[3] > width:
            return False
        pasted = Instance(box, cutout.mask)
        area = pasted.area
        for instance in scene.instances:
            if pasted.intersection(instance) > _COVERED * min(area, instance.area):
                return False
        cover, light = self._seen(box, scene)
        free = (cover == 0) & cutout.reach
        for page, absorbs in zip(light, self._direct(scene), strict=True):
            if absorbs:
                level = _level(page, cover)
                if level < LIT or not is_even(page[free], level):
                    return False
        return True

    def _expose(self, cutout: Cutout, box: BBox, scene: _Scene) -> None:
        """Let the object absorb and emit light."""
        cover, light = self._seen(box, scene)
        present = np.array(self._present(scene.source))
        for index, absorbs in enumerate(self._direct(scene)):
            change = cutout.change[index]
            if not absorbs:
                light[index] += change
                continue
            # Only direct light is absorbed; a pixel darker than what is scattered stays so.
            direct = light[index] - np.float32(SCATTERED * _level(light[index], cover))
            light[index] += np.where(direct > 0, direct * (change - 1), 0)
        y, x = window(box, (0, 0, *scene.cover.shape))
        scene.channels[present, y, x] = from_light(light, self._channels)[present]

    def _direct(self, scene: _Scene) -> list[bool]:
        """Channels of the image that objects absorb light in."""
        present = self._present(scene.source)
        return [absorbs and there for absorbs, there in zip(self._absorbing, present, strict=True)]

    def _seen(self, box: BBox, scene: _Scene) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        """Number of instances and light at each pixel of a box."""
        y, x = window(box, (0, 0, *scene.cover.shape))
        return scene.cover[y, x], to_light(scene.channels[:, y, x], self._channels)


class _Scene:
    """An image while objects are pasted into it."""

    def __init__(self, source: TrainingImage) -> None:
        self.source = source
        self.channels = source.channels.copy()
        self.instances = list(source.truth.instances)
        self.cover = source.truth.cover()

    def add(self, instance: Instance) -> None:
        self.instances.append(instance)
        self.cover[window(instance.bbox, (0, 0, *self.cover.shape))] += instance.mask

    def anchors(self, focus: tuple[float, float] | None, near: float) -> list[Instance]:
        """Instances to paste at: all of them, or those near the first contact."""
        return [
            instance
            for instance in self.instances
            if instance.mask.any()
            and (
                focus is None
                or (
                    abs((instance.bbox[0] + instance.bbox[2]) / 2 - focus[0]) <= near
                    and abs((instance.bbox[1] + instance.bbox[3]) / 2 - focus[1]) <= near
                )
            )
        ]

    def image(self) -> TrainingImage:
        truth = InstanceSet(self.source.truth.shape, tuple(self.instances))
        return replace(self.source, channels=self.channels, truth=truth)


def _level(light: NDArray[np.float32], cover: NDArray[np.uint16]) -> float:
    """Light of the background between the objects of a part of an image."""
    free = light[cover == 0]
    return float(np.percentile(free, 60)) if free.size else 0.0


def _placed(
    cutout: Cutout, anchor: Instance, generator: np.random.Generator
) -> tuple[BBox, tuple[float, float]]:
    """Where the cutout goes, and where it meets the anchor: a pixel of each on the other."""
    there, here = np.argwhere(anchor.mask), np.argwhere(cutout.mask)
    contact = there[int(generator.integers(len(there)))] + anchor.bbox[:2]
    y, x = (int(v) for v in contact - here[int(generator.integers(len(here)))])
    height, width = cutout.mask.shape
    box = (y, x, y + height, x + width)
    focus = (float(contact[0]), float(contact[1]))
    if generator.random() < _CROSSING:
        return box, focus
    angle = generator.uniform(0, 2 * np.pi)
    step = np.array([np.sin(angle), np.cos(angle)])
    for distance in range(height + width):
        dy, dx = (int(v) for v in np.rint(distance * step))
        moved = shifted(box, (dy, dx))
        if not Instance(moved, cutout.mask).intersection(anchor):
            return moved, focus
    return box, focus
