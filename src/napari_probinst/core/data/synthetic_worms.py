"""Shapes of synthetic worms, and how they are laid into a well so that they touch and cross.

A worm is the area that a disc of varying radius sweeps along a smooth curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from napari_probinst.core.instances import Instance

if TYPE_CHECKING:
    from numpy.typing import NDArray

Contact = Literal["crossing", "touching", "free"]


@dataclass(frozen=True, slots=True, eq=False)
class Worm:
    """A worm in its own frame, the tight box of its mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        Pixels of the worm.
    depth : ndarray of float32, shape (height, width)
        Distance to the contour, in tenths of a typical worm's width; at least 0, and meant
        inside the mask only.
    along : ndarray of float32, shape (height, width)
        Position between head (0) and tail (1); meant inside the mask only.
    half_width : float
        Largest radius of the disc, pixels.
    dead : bool
        Dead worms are straighter, and fluoresce.
    """

    mask: NDArray[np.bool_]
    depth: NDArray[np.float32]
    along: NDArray[np.float32]
    half_width: float
    dead: bool


def grow_worm(rng: np.random.Generator, dead: bool, worm_width: float) -> Worm:
    """Bend a centreline through random headings and sweep a disc along it.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    dead : bool
        Whether to draw a dead worm, which is nearly straight.
    worm_width : float
        Typical width of a worm, pixels, at least 2; this one's differs a little, and its
        length is 10.5 to 15 times that.
    """
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
    return Worm(mask[box], depth[box].clip(0).astype(np.float32), position[box], half_width, dead)


class Crowd:
    """The worms laid so far, and which pixels of the well they leave.

    Parameters
    ----------
    floor : ndarray of bool, shape (height, width)
        Inside of the well.
    worm_width : float
        Typical width of a worm, pixels.

    Attributes
    ----------
    instances : list of Instance
        The worms in the order in which they were laid.
    """

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


def place_worm(rng: np.random.Generator, crowd: Crowd, contact: Contact, dead: bool) -> Worm | None:
    """Lay a worm with the wanted contact; anywhere in the well if that fails a dozen times.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    crowd : Crowd
        The worms that lie there; gets the new one as its last.
    contact : {"crossing", "touching", "free"}
        How the worm is to lie to an earlier one; the first worm of a well lies free.
    dead : bool
        Whether to draw a dead worm.

    Returns
    -------
    Worm or None
        None if the well has no room for one more.
    """
    if np.count_nonzero(crowd.floor) < 10 * crowd.worm_width**2:
        return None  # smaller than a worm, which would only cost time and memory to draw
    height, width = crowd.floor.shape
    for attempt in range(24):
        wish = contact if attempt < 12 else None
        worm = grow_worm(rng, dead, crowd.worm_width)
        anchors = np.argwhere(worm.mask & (worm.depth > (1.5 if contact == "crossing" else -1)))
        corners = pick_rows(rng, crowd.targets(rng, wish or "free")) - pick_rows(rng, anchors)
        for y0, x0 in corners.tolist():
            y1, x1 = y0 + worm.mask.shape[0], x0 + worm.mask.shape[1]
            if y0 < 0 or x0 < 0 or y1 > height or x1 > width:
                continue
            instance = Instance((y0, x0, y1, x1), worm.mask)
            if crowd.takes(instance, wish):
                crowd.add(instance)
                return worm
    return None


def pick_rows(rng: np.random.Generator, rows: NDArray[np.intp], n: int = 30) -> NDArray[np.intp]:
    """Pick ``n`` random rows, with repetition, of an array that has at least one."""
    # Generator.choice takes a time that grows with the number of rows.
    return rows[rng.integers(len(rows), size=n)]


def usual_number(rng: np.random.Generator, floor: NDArray[np.bool_], worm_width: float) -> int:
    """Draw how many worms a well of this size holds: 11 to 15 for the area of BBBC010's."""
    usual_area = 1630.0  # of a BBBC010 well, in squares of a worm's width
    crowd = np.count_nonzero(floor) / worm_width**2 / usual_area
    return round(int(rng.integers(11, 16)) * crowd)
