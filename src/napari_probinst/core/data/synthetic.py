"""Synthetic wells of C. elegans: worms that touch and cross, with the exact mask of each.

A worm is the area that a disc of varying radius sweeps along a smooth curve. It is rendered
and masked from the same geometry, so its mask is exact, also where another worm covers it.
Bright field and fluorescence imitate the live/dead assay of the collection BBBC010: bodies
absorb light and add up where they cross; dead worms are straighter and fluoresce.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import tifffile
from scipy import ndimage
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from napari_probinst.core.errors import OutputError
from napari_probinst.core.instances import BBox, Instance, InstanceSet, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Page = NDArray[np.float32]
    Seed = int | Sequence[int]

CHANNEL_NAMES = ("bright field", "fluorescence")

#: Largest value of the 12-bit camera that the images imitate.
CAMERA_MAXIMUM = 4095

Contact = Literal["crossing", "touching", "free"]


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


@dataclass(frozen=True, slots=True, eq=False)
class _Worm:
    """A worm in its own frame; all arrays have the shape of its tight box.

    ``depth`` is the distance to the contour, in units of 1/10 of a worm's width, and ``along``
    the position between head (0) and tail (1); both mean something inside ``mask`` only.
    """

    mask: NDArray[np.bool_]
    depth: Page
    along: Page
    half_width: float
    dead: bool


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
    floor, light = _well(rng, shape)
    wanted = _usual_number(rng, floor, worm_width) if n_worms is None else n_worms
    contacts: list[Contact] = ["crossing", "touching", "free"]
    shares = [crossing, touching, max(1 - crossing - touching, 0.0)]

    crowd = _Crowd(floor, worm_width)
    density, glow = np.zeros((2, *shape), dtype=np.float32)
    _litter(rng, floor, density, glow)
    for _ in range(wanted):
        contact = contacts[rng.choice(3, p=shares)]
        worm = _place(rng, crowd, contact, dead=bool(rng.random() < dead))
        if worm is None:
            break
        _paint(rng, worm, crowd.instances[-1].bbox, density, glow)
    channels = np.stack([_bright_field(rng, light, density), _fluorescence(rng, light, glow)])
    return SyntheticImage(channels, InstanceSet(shape, tuple(crowd.instances)))


def write_dataset(
    folder: Path,
    n_images: int,
    seed: int = 0,
    *,
    shape: Shape = (520, 696),
    n_worms: int | None = None,
    worm_width: float = 10.0,
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
    shape, n_worms, worm_width
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
    names = tuple(f"synthetic_{index:03d}" for index in range(n_images))
    try:
        for part in ("images", "instances"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for index, name in enumerate(names):
            image = synthetic_image((seed, index), shape, n_worms, worm_width)
            tifffile.imwrite(
                folder / "images" / f"{name}.tif",
                image.channels,
                imagej=True,
                metadata={"axes": "CYX", "Labels": list(image.channel_names)},
            )
            _write_masks(folder / "instances" / f"{name}.tif", image.truth)
    except OSError as error:
        raise OutputError(
            f"The synthetic data set can't be written to {folder}: {error.strerror or error}."
        ) from error
    return names


def _write_masks(path: Path, truth: InstanceSet) -> None:
    pages = np.zeros((max(len(truth), 1), *truth.shape), dtype=np.uint8)
    for page, instance in zip(pages, truth.instances, strict=False):
        instance.paint(page, 255)
    # Three or four pages would be taken for the colours of an RGB image without photometric.
    tifffile.imwrite(
        path, pages, photometric="minisblack", compression="zlib", metadata={"axes": "QYX"}
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


def _well(rng: np.random.Generator, shape: Shape) -> tuple[NDArray[np.bool_], Page]:
    """Inside of the well, a square with broken corners, and the light at each pixel, 0 to 1."""
    height, width = shape
    half = 0.41 * min(shape)
    centre = (
        height / 2 + rng.uniform(0.03, 0.17) * half,
        width / 2 + rng.uniform(-0.06, 0.06) * half,
    )
    y = (np.arange(height, dtype=np.float32)[:, None] - centre[0]) / half
    x = (np.arange(width, dtype=np.float32)[None, :] - centre[1]) / half
    # Clipped, as a power of 16 overflows far outside a long, narrow image's well.
    v, u = abs(y).clip(max=2), abs(x).clip(max=2)
    floor = v**16 + u**16 + (0.62 * (u + v)) ** 16 < 1
    lamp = rng.uniform(-0.15, 0.15), rng.uniform(-0.2, 0.2)
    vignette = 1 / (1 + 0.8 * ((y - lamp[0]) ** 2 + (x - lamp[1]) ** 2))
    lit = vignette * floor
    scattered = 0.045 * _wide_blur(lit, half / 5) + 0.012 * vignette
    return floor, np.asarray(ndimage.gaussian_filter(lit, half / 130) + scattered, np.float32)


def _wide_blur(page: Page, sigma: float) -> Page:
    """Nearly Gaussian blur in a time that doesn't grow with ``sigma``: three box filters."""
    for _ in range(3):
        page = ndimage.uniform_filter(page, max(round(2 * sigma), 1), mode="nearest")
    return page


def _usual_number(rng: np.random.Generator, floor: NDArray[np.bool_], worm_width: float) -> int:
    usual_area = 1630.0  # of a BBBC010 well, in squares of a worm's width
    crowd = np.count_nonzero(floor) / worm_width**2 / usual_area
    return round(int(rng.integers(11, 16)) * crowd)


def _grow(rng: np.random.Generator, dead: bool, worm_width: float) -> _Worm:
    """Bend a centreline through random headings and sweep a disc along it."""
    length = worm_width * rng.uniform(10.5, 15)
    half_width = worm_width / 2 * rng.uniform(0.93, 1.12)
    bend, wiggle = (0.1, 0.08) if dead else (0.7, 0.6)
    turns = (rng.normal(0, bend) + rng.normal(0, wiggle, size=5)).clip(-1.6, 1.6)
    headings = CubicSpline(np.linspace(0, 1, 5), rng.uniform(0, 2 * np.pi) + np.cumsum(turns))
    n_points = max(int(4 * length), 16)
    along = np.linspace(0, 1, n_points)
    heading = headings(along)
    steps = np.stack([np.sin(heading), np.cos(heading)], axis=1) * (length / n_points)
    centreline = np.cumsum(steps, axis=0)
    centreline += half_width + 1 - centreline.min(axis=0)
    # A blunt head, a pointed tail; a finer tip would fall apart into single pixels.
    radius = (half_width * np.sin(np.pi * along**0.85).clip(0, 1) ** 0.5).clip(min=0.75)

    height, width = np.ceil(centreline.max(axis=0) + half_width + 1).astype(int)
    pixels = np.indices((height, width)).reshape(2, -1).T
    distance, nearest = cKDTree(centreline).query(pixels, distance_upper_bound=half_width)
    nearest = np.minimum(nearest, n_points - 1)  # pixels that are too far away get n_points
    depth = ((radius[nearest] - distance) * (10 / worm_width)).reshape(height, width)
    mask = depth >= 0
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    position = along[nearest].reshape(height, width).astype(np.float32)
    return _Worm(mask[box], depth[box].clip(0).astype(np.float32), position[box], half_width, dead)


class _Crowd:
    """The worms laid so far, and which pixels of the well they leave."""

    def __init__(self, floor: NDArray[np.bool_], worm_width: float) -> None:
        self.floor = floor
        self.worm_width = worm_width
        self.instances: list[Instance] = []
        self._places = np.argwhere(floor)
        self._margin = max(round(worm_width / 5), 1)
        self._occupied = np.zeros(floor.shape, dtype=bool)
        self._nearby = np.zeros(floor.shape, dtype=bool)

    def targets(self, rng: np.random.Generator, contact: Contact) -> NDArray[np.intp]:
        """Pixels (n, 2) of which the new worm must cover one to have the wanted contact."""
        if contact == "free" or not self.instances:
            return self._places
        neighbour = self.instances[rng.integers(len(self.instances))]
        if contact == "crossing":
            return np.argwhere(neighbour.mask) + neighbour.bbox[:2]
        ring, corner = self._ring(neighbour)
        return np.argwhere(ring) + corner

    def takes(self, instance: Instance, contact: Contact | None) -> bool:
        """Whether the worm lies in the well and shares as many pixels as the contact means."""
        y0, x0, y1, x1 = instance.bbox
        window = np.s_[y0:y1, x0:x1]
        if not self.floor[window][instance.mask].all():
            return False
        shared = np.count_nonzero(self._occupied[window] & instance.mask)
        square = self.worm_width**2
        if contact == "crossing" and self.instances:
            return bool(0.4 * square <= shared <= 2.5 * square)
        if contact == "touching":
            return bool(shared <= 0.15 * square)
        return contact is None or not (self._nearby[window] & instance.mask).any()

    def add(self, instance: Instance) -> None:
        """Lay down a worm."""
        instance.paint(self._occupied, True)
        y0, x0, y1, x1 = instance.bbox
        self._nearby[y0:y1, x0:x1] |= instance.mask
        ring, corner = self._ring(instance)
        rows, columns = (np.argwhere(ring) + corner).clip(0, np.array(self.floor.shape) - 1).T
        self._nearby[rows, columns] = True
        self.instances.append(instance)

    def _ring(self, instance: Instance) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """Pixels just outside a worm, and where the crop's top left pixel lies."""
        padded = np.pad(instance.mask, self._margin)
        grown = ndimage.binary_dilation(padded, iterations=self._margin)
        corner = (instance.bbox[0] - self._margin, instance.bbox[1] - self._margin)
        return grown & ~padded, corner


def _place(rng: np.random.Generator, crowd: _Crowd, contact: Contact, dead: bool) -> _Worm | None:
    """Lay a worm with the wanted contact; anywhere in the well if that fails a dozen times."""
    if np.count_nonzero(crowd.floor) < 10 * crowd.worm_width**2:
        return None  # smaller than a worm, which would only cost time and memory to draw
    height, width = crowd.floor.shape
    for attempt in range(24):
        wish = contact if attempt < 12 else None
        worm = _grow(rng, dead, crowd.worm_width)
        anchors = np.argwhere(worm.mask & (worm.depth > (1.5 if contact == "crossing" else -1)))
        corners = _pick(rng, crowd.targets(rng, wish or "free")) - _pick(rng, anchors)
        for y0, x0 in corners.tolist():
            y1, x1 = y0 + worm.mask.shape[0], x0 + worm.mask.shape[1]
            if y0 < 0 or x0 < 0 or y1 > height or x1 > width:
                continue
            instance = Instance((y0, x0, y1, x1), worm.mask)
            if crowd.takes(instance, wish):
                crowd.add(instance)
                return worm
    return None


def _pick(rng: np.random.Generator, rows: NDArray[np.intp], n: int = 30) -> NDArray[np.intp]:
    """Random rows, with repetition; ``rng.choice`` takes a time that grows with their number."""
    return rows[rng.integers(len(rows), size=n)]


def _paint(rng: np.random.Generator, worm: _Worm, bbox: BBox, density: Page, glow: Page) -> None:
    """Add the worm's optical density, and its fluorescence in camera counts."""
    y0, x0, y1, x1 = bbox
    grain = _grain(rng, worm.mask.shape, 0.8) + _grain(rng, worm.mask.shape, 1.6)
    knots = np.linspace(0, 1, 14)
    gut = np.interp(worm.along, knots, rng.normal(0, 1, knots.size))
    clear_tips = np.interp(worm.along, [0, 0.12, 0.8, 1], [0.65, 1, 1, 0.5])
    body = worm.mask * (1 - np.exp(-worm.depth / 3))
    density[y0:y1, x0:x1] += (
        rng.uniform(1.6, 2.3) * body * clear_tips * np.exp(0.18 * grain + 0.18 * gut)
    )
    strength = rng.lognormal(np.log(650), 0.35) if worm.dead else rng.uniform(3, 14)
    glow[y0:y1, x0:x1] += strength * body * np.exp(0.22 * grain + 0.1 * gut)
    if worm.dead and rng.random() < 0.25:
        # What has come out of a dead worm clings to it, and is no part of the worm.
        middle = np.argwhere(worm.mask & (abs(worm.along - rng.uniform(0.3, 0.7)) < 0.1))
        place = middle[worm.depth[tuple(middle.T)].argmin()] + np.array([y0, x0])
        radius = 0.3 * worm.half_width * rng.uniform(1, 1.6)
        for _ in range(3):
            centre = place + rng.normal(0, radius, 2)
            _add_spot(density, centre, radius, 1.2)
            _add_spot(glow, centre, radius, 1.2 * strength)


def _grain(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Page:
    """Smooth noise with a standard deviation of 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma)
    return np.asarray(noise * (2 * np.sqrt(np.pi) * sigma), dtype=np.float32)


def _litter(rng: np.random.Generator, floor: NDArray[np.bool_], density: Page, glow: Page) -> None:
    """Add smudges, dirt and bubbles to the density, and bright specks to the fluorescence."""
    places = np.argwhere(floor)
    share = len(places) / 165_000  # of a BBBC010 well
    for page, number, radii, amounts, hollow in (
        (density, 16, (2.5, 6.0), (0.03, 0.14), False),
        (density, 35, (0.4, 0.9), (0.1, 0.7), False),
        (density, 2, (3.0, 6.0), (0.06, 0.15), True),
        (glow, 9, (0.4, 0.7), (30.0, 1500.0), False),
    ):
        for _ in range(round(number * share)):
            place, radius = _pick(rng, places, 1)[0], rng.uniform(*radii)
            amount = np.exp(rng.uniform(*np.log(amounts)))
            # Dirt is ragged: a few spots close together.
            for centre in place + rng.normal(0, 1.2 * radius, (1 if hollow else 3, 2)):
                _add_spot(page, centre, radius * rng.uniform(0.7, 1.3), amount, hollow=hollow)


def _add_spot(
    page: Page, centre: NDArray[np.float64], radius: float, amount: float, *, hollow: bool = False
) -> None:
    """Add a Gaussian spot, or the ring of a bubble, to the part of ``page`` around it."""
    reach = 3 * radius + 3
    (y0, x0), (y1, x1) = (centre - reach).clip(0).astype(int), (centre + reach).clip(0).astype(int)
    part = page[y0:y1, x0:x1]
    rows, columns = np.ogrid[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]]
    distance = np.hypot(rows - centre[0], columns - centre[1])
    spread = distance - radius if hollow else distance / radius
    part += amount * np.exp(-(spread**2) / 2)


def _bright_field(rng: np.random.Generator, light: Page, density: Page) -> NDArray[np.uint16]:
    # Beer-Lambert, above what is scattered into the shadow.
    passed = 0.16 + 0.84 * np.exp(-density)
    blurred = ndimage.gaussian_filter(passed, 0.6)
    # Refraction: a bright seam outside each contour, a dark one inside.
    seam = 0.25 * (blurred - ndimage.gaussian_filter(passed, 2.5))
    return _expose(rng, 87 + 2830 * light * (blurred + seam), 0.009)


def _fluorescence(rng: np.random.Generator, light: Page, glow: Page) -> NDArray[np.uint16]:
    blurred = ndimage.gaussian_filter(glow, 0.8)
    haze = 0.06 * ndimage.gaussian_filter(glow, 8)
    return _expose(rng, 91 + 16 * light + blurred + haze, 0.03)


def _expose(rng: np.random.Generator, signal: Page, relative_noise: float) -> NDArray[np.uint16]:
    spread = np.hypot(2.8, relative_noise * np.maximum(signal - 90, 0))
    noisy = signal + spread * rng.standard_normal(signal.shape, dtype=np.float32)
    return noisy.round().clip(0, CAMERA_MAXIMUM).astype(np.uint16)
