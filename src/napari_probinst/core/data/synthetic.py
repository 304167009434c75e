"""Synthetic wells of C. elegans: worms that touch and cross, with the exact mask of each.

A worm is the area that a disc of varying radius sweeps along a smooth curve. It is rendered
and masked from the same geometry, so its mask is exact, also where another worm covers it.
Bright field and fluorescence imitate the live/dead assay of the collection BBBC010: bodies
absorb light and add up where they cross; dead worms are straighter and fluoresce.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.data.synthetic_rendering import (
    add_litter,
    draw_well,
    expose_bright_field,
    expose_fluorescence,
    paint_worm,
)
from napari_probinst.core.data.synthetic_worms import Contact, Crowd, place_worm, usual_number
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape

    Seed = int | Sequence[int]

CHANNEL_NAMES = ("bright field", "fluorescence")


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticImage:
    """A synthetic well and its truth.

    Parameters
    ----------
    channels : ndarray of uint16, shape (2, height, width)
        Bright field, then fluorescence; 0 to 4095 as from a 12-bit camera.
    truth : InstanceSet
        The exact mask of every worm, complete also where another covers it.
    channel_names : tuple of str
        Names of the channels, in their order.
    """

    channels: NDArray[np.uint16]
    truth: InstanceSet
    channel_names: tuple[str, ...] = CHANNEL_NAMES


def synthetic_image(
    seed: Seed = 0,
    shape: Shape = (520, 696),
    n_worms: int | None = None,
    worm_width: float = 10.0,
    *,
    crossing: float = 0.12,
    touching: float = 0.15,
    dead: float = 0.4,
) -> SyntheticImage:
    """Draw one well.

    Parameters
    ----------
    seed : int or sequence of int, default 0
        The same seed and parameters give the same bytes.
    shape : (int, int), default (520, 696)
        Height and width, pixels, at least 1 x 1.
    n_worms : int, optional
        Worms wanted; 11 to 15 in a well of the default size otherwise, and as many for the
        area in others. An image whose well is too small for a worm holds fewer, or none.
    worm_width : float, default 10
        Typical width of a worm, pixels, at least 2; its length is about 13 times that.
    crossing, touching : float, default 0.12 and 0.15
        Probabilities that a worm is laid across an earlier one, or against one.
    dead : float, default 0.4
        Probability that a worm is dead.

    Returns
    -------
    SyntheticImage
        Channels and exact masks.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """
    _check(shape, n_worms, worm_width, {"crossing": crossing, "touching": touching, "dead": dead})
    rng = np.random.default_rng(seed)
    floor, light = draw_well(rng, shape)
    wanted = usual_number(rng, floor, worm_width) if n_worms is None else n_worms
    contacts: list[Contact] = ["crossing", "touching", "free"]
    shares = [crossing, touching, max(1 - crossing - touching, 0.0)]

    crowd = Crowd(floor, worm_width)
    density, glow = np.zeros((2, *shape), dtype=np.float32)
    add_litter(rng, floor, density, glow)
    for _ in range(wanted):
        contact = contacts[rng.choice(3, p=shares)]
        worm = place_worm(rng, crowd, contact, dead=bool(rng.random() < dead))
        if worm is None:
            break
        paint_worm(rng, worm, crowd.instances[-1].bbox, density, glow)
    channels = np.stack(
        [expose_bright_field(rng, light, density), expose_fluorescence(rng, light, glow)]
    )
    return SyntheticImage(channels, InstanceSet(shape, tuple(crowd.instances)))


def write_dataset(
    folder: Path,
    n_images: int,
    seed: int = 0,
    *,
    shape: Shape = (520, 696),
    n_worms: int | None = None,
    worm_width: float = 10.0,
    crossing: float = 0.12,
    touching: float = 0.15,
) -> tuple[str, ...]:
    """Write a data set that ``napari-probinst-train --data FOLDER`` reads.

    ``images/NAME.tif`` holds both channels (ImageJ hyperstack, axes CYX), and
    ``instances/NAME.tif`` one page (0 or 255) a worm; an image without a worm has one empty page.

    Parameters
    ----------
    folder : Path
        Made if it doesn't exist.
    n_images : int
        Number of images.
    seed : int, default 0
        Data sets of different seeds share no image.
    shape, n_worms, worm_width, crossing, touching
        As in `synthetic_image`.

    Returns
    -------
    tuple of str
        The images' names.

    Raises
    ------
    OutputError
        If a file can't be written.
    ValueError
        If a parameter is out of its range.
    """
    for part in (folder, folder / "images", folder / "instances"):
        make_folder(part)
    names = tuple(f"synthetic_{index:03d}" for index in range(n_images))
    for index, name in enumerate(names):
        image = synthetic_image(
            (seed, index), shape, n_worms, worm_width, crossing=crossing, touching=touching
        )
        with atomic_file(folder / "images" / f"{name}.tif") as file:
            tifffile.imwrite(
                file,
                image.channels,
                imagej=True,
                metadata={"axes": "CYX", "Labels": list(image.channel_names)},
            )
        _write_masks(folder / "instances" / f"{name}.tif", image.truth)
    return names


def _write_masks(path: Path, truth: InstanceSet) -> None:
    pages = np.zeros((max(len(truth), 1), *truth.shape), dtype=np.uint8)
    for page, instance in zip(pages, truth.instances, strict=False):
        instance.paint(page, 255)
    # Three or four pages would be taken for the colours of an RGB image without photometric.
    with atomic_file(path) as file:
        tifffile.imwrite(
            file, pages, photometric="minisblack", compression="zlib", metadata={"axes": "QYX"}
        )


def _check(
    shape: Shape, n_worms: int | None, worm_width: float, probabilities: dict[str, float]
) -> None:
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"shape must be a height and a width of at least 1 pixel, got {shape}")
    if n_worms is not None and n_worms < 0:
        raise ValueError(f"n_worms must be at least 0, got {n_worms}")
    if not 2 <= worm_width < float("inf"):
        raise ValueError(f"worm_width must be at least 2 pixels, got {worm_width}")
    for name, value in probabilities.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a probability from 0 to 1, got {value}")
    if probabilities["crossing"] + probabilities["touching"] > 1:
        raise ValueError("crossing and touching are shares of all worms: their sum is at most 1")
