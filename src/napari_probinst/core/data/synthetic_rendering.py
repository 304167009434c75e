"""Look of synthetic wells under the microscope: light, worms, dirt, optics and camera.

Bright field and fluorescence imitate the live/dead assay of the collection BBBC010. All light
is relative to the lamp's centre (1), all fluorescence in counts of a 12-bit camera.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_probinst.core.data.synthetic_worms import pick_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape
    from napari_probinst.core.data.synthetic_worms import Worm

    Page = NDArray[np.float32]

#: Largest value of the 12-bit camera that the images imitate.
CAMERA_MAXIMUM = 4095


def draw_well(rng: np.random.Generator, shape: Shape) -> tuple[NDArray[np.bool_], Page]:
    """Draw an empty well, a square with broken corners.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    shape : (int, int)
        Height and width, pixels.

    Returns
    -------
    floor : ndarray of bool, shape (height, width)
        Inside of the well.
    light : ndarray of float32, shape (height, width)
        Light that arrives at each pixel, 0 to about 1.
    """
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


def add_litter(
    rng: np.random.Generator, floor: NDArray[np.bool_], density: Page, glow: Page
) -> None:
    """Add smudges, dirt and bubbles to the density, and bright specks to the fluorescence.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    floor : ndarray of bool, shape (height, width)
        Inside of the well; the number of pieces follows its area.
    density, glow : ndarray of float32, shape (height, width)
        Optical density and fluorescence, added to in place.
    """
    places = np.argwhere(floor)
    share = len(places) / 165_000  # of a BBBC010 well
    for page, number, radii, amounts, hollow in (
        (density, 16, (2.5, 6.0), (0.03, 0.14), False),
        (density, 35, (0.4, 0.9), (0.1, 0.7), False),
        (density, 2, (3.0, 6.0), (0.06, 0.15), True),
        (glow, 9, (0.4, 0.7), (30.0, 1500.0), False),
    ):
        for _ in range(round(number * share)):
            place, radius = pick_rows(rng, places, 1)[0], rng.uniform(*radii)
            amount = np.exp(rng.uniform(*np.log(amounts)))
            # Dirt is ragged: a few spots close together.
            for centre in place + rng.normal(0, 1.2 * radius, (1 if hollow else 3, 2)):
                _add_spot(page, centre, radius * rng.uniform(0.7, 1.3), amount, hollow=hollow)


def paint_worm(rng: np.random.Generator, worm: Worm, bbox: BBox, density: Page, glow: Page) -> None:
    """Add the worm's optical density, and its fluorescence in camera counts.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    worm : Worm
        The worm in its own frame.
    bbox : (int, int, int, int)
        Where that frame lies in the image: y0, x0, y1, x1, upper bounds exclusive.
    density, glow : ndarray of float32, shape (height, width)
        Optical density and fluorescence, added to in place: absorption adds up at a crossing.
    """
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


def expose_bright_field(rng: np.random.Generator, light: Page, density: Page) -> NDArray[np.uint16]:
    """Camera image (height, width), 0 to 4095, of the light that the density lets pass."""
    # Beer-Lambert, above what is scattered into the shadow.
    passed = 0.16 + 0.84 * np.exp(-density)
    blurred = ndimage.gaussian_filter(passed, 0.6)
    # Refraction: a bright seam outside each contour, a dark one inside.
    seam = 0.25 * (blurred - ndimage.gaussian_filter(passed, 2.5))
    return _expose(rng, 87 + 2830 * light * (blurred + seam), 0.009)


def expose_fluorescence(rng: np.random.Generator, light: Page, glow: Page) -> NDArray[np.uint16]:
    """Camera image (height, width), 0 to 4095, of the glow and of a little stray light."""
    blurred = ndimage.gaussian_filter(glow, 0.8)
    haze = 0.06 * ndimage.gaussian_filter(glow, 8)
    return _expose(rng, 91 + 16 * light + blurred + haze, 0.03)


def _wide_blur(page: Page, sigma: float) -> Page:
    """Nearly Gaussian blur in a time that doesn't grow with ``sigma``: three box filters."""
    for _ in range(3):
        page = ndimage.uniform_filter(page, max(round(2 * sigma), 1), mode="nearest")
    return page


def _grain(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Page:
    """Smooth noise with a standard deviation of 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma)
    return np.asarray(noise * (2 * np.sqrt(np.pi) * sigma), dtype=np.float32)


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


def _expose(rng: np.random.Generator, signal: Page, relative_noise: float) -> NDArray[np.uint16]:
    spread = np.hypot(2.8, relative_noise * np.maximum(signal - 90, 0))
    noisy = signal + spread * rng.standard_normal(signal.shape, dtype=np.float32)
    return noisy.round().clip(0, CAMERA_MAXIMUM).astype(np.uint16)
