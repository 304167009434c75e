"""Synthetic screens for the study of active learning: images, masks, and what differs in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.data.pages import write_pages
from napari_probinst.core.data.synthetic import CHANNEL_NAMES, synthetic_image
from napari_probinst.core.data.synthetic_rendering import CAMERA_MAXIMUM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.instances import InstanceSet

PARTS = ("start", "pool", "held_back")
#: Standard deviation of the noise that is added to every image, counts of the camera.
_NOISE = 80.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one image is like.

    Parameters
    ----------
    n_worms : int
        Worms in it.
    crossing, touching : float
        Probabilities that a worm lies across an earlier one, or against one.
    contrast : float
        1 as rendered; less fades the worms, not the noise.
    width : float, default 10
        Typical width of a worm, pixels.
    """

    n_worms: int
    crossing: float
    touching: float
    contrast: float
    width: float = 10.0


@dataclass(frozen=True, slots=True)
class Screen:
    """A kind of screen.

    Parameters
    ----------
    look : callable
        ``look(rng, rare)`` is what an image is like.
    every : mapping of str to int
        For each part, every how many-th image is of the rare kind; none where it is left out.
    """

    look: Callable[[np.random.Generator, bool], Look]
    every: Mapping[str, int]

    def is_rare(self, part: str, index: int) -> bool:
        """Whether this image of a part is of the rare kind."""
        every = self.every.get(part, 0)
        return every > 0 and index % every == 0

    def draw(self, part: str, index: int, shape: Shape) -> tuple[NDArray[np.uint16], InstanceSet]:
        """Draw an image, the same for the same arguments, and the truth."""
        seed = (PARTS.index(part), index)
        rng = np.random.default_rng((*seed, 1))
        look = self.look(rng, self.is_rare(part, index))
        image = synthetic_image(
            seed,
            shape,
            look.n_worms,
            look.width,
            crossing=look.crossing,
            touching=look.touching,
        )
        middle = image.channels.mean(axis=(1, 2), keepdims=True)
        noisy = middle + look.contrast * (image.channels - middle)
        noisy += rng.normal(0, _NOISE, noisy.shape)
        return noisy.round().clip(0, CAMERA_MAXIMUM).astype(np.uint16), image.truth


def _mixed(rng: np.random.Generator, rare: bool) -> Look:
    """Most hold few worms that lie apart, some many that touch and cross; the contrast varies."""
    del rare
    crowd, fading = rng.random() ** 2, rng.random()
    return Look(
        n_worms=1 + round(11 * crowd),
        crossing=0.05 + 0.45 * crowd,
        touching=0.05 + 0.35 * crowd,
        contrast=1 - 0.6 * fading,
    )


def _of_two_stages(rng: np.random.Generator, rare: bool) -> Look:
    """Every image holds as many worms, apart from one another: of usual size, or seldom older."""
    del rng
    width = 14.0 if rare else 10.0
    return Look(n_worms=6, crossing=0.0, touching=0.0, contrast=0.7, width=width)


#: "rare": a fifth of the pool is of a kind that the start model never saw, and half of what the
#: models are scored on; an image of either kind is as much work. "mixed": all images differ.
SCREENS = {
    "rare": Screen(_of_two_stages, {"pool": 5, "held_back": 2}),
    "mixed": Screen(_mixed, {}),
}


def index_of(name: str) -> int:
    """Index of an image in its part."""
    return int(name.rsplit("_", 1)[1])


def write_images(folder: Path, screen: Screen, part: str, n_images: int, shape: Shape) -> None:
    """Draw the images of a part, and their masks, unless that was done."""
    done = folder / "done"
    if done.is_file():
        return
    for kind in ("images", "instances"):
        make_folder(folder / kind)
    for index in range(n_images):
        name = f"synthetic_{index:03d}.tif"
        channels, truth = screen.draw(part, index, shape)
        with atomic_file(folder / "images" / name) as file:
            metadata = {"axes": "CYX", "Labels": list(CHANNEL_NAMES)}
            tifffile.imwrite(file, channels, imagej=True, metadata=metadata)
        pages = [each.full(shape) * np.uint8(255) for each in truth.instances]
        empty = [np.zeros(shape, np.uint8)]
        write_pages(folder / "instances" / name, pages or empty, {"n_instances": len(pages)})
    done.touch()
