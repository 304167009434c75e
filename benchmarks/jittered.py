"""Draws of very many worms, without images and networks: what agglomeration and ranking get."""

from __future__ import annotations

import numpy as np

from napari_probinst.core.instances import Instance, InstanceSet

#: Pixels a side of the square that each worm has on average.
SPACING = 90


def jittered_draws(n_instances, n_draws=8, *, n_shapes=64, seed=0):
    """Draws that mostly agree: worms that jitter by a pixel, some missing, some split in two.

    The worms are bent bands, 10 pixels wide and about 100 long; neighbours cross here and there.
    """
    rng = np.random.default_rng(seed)
    shapes = [_worm(rng) for _ in range(n_shapes)]
    halves = [_halves(mask) for mask in shapes]
    side = int(np.ceil(np.sqrt(n_instances)))
    places = np.stack(np.divmod(np.arange(n_instances), side), axis=1) * SPACING + SPACING
    places += rng.integers(-12, 13, places.shape)
    kinds = rng.integers(0, n_shapes, n_instances)
    doubtful = rng.random(n_instances) < 0.2
    page = ((side + 3) * SPACING,) * 2
    draws = []
    for _ in range(n_draws):
        shifts = rng.integers(-1, 2, places.shape)
        fates = rng.random(n_instances)
        instances = []
        for place, kind, fate, doubt in zip(places + shifts, kinds, fates, doubtful, strict=True):
            if doubt and fate < 0.3:
                continue
            pieces = halves[kind] if doubt and fate > 0.7 else [(shapes[kind], (0, 0))]
            for mask, offset in pieces:
                y, x = (int(each) for each in place + offset)
                instances.append(Instance((y, x, y + mask.shape[0], x + mask.shape[1]), mask))
        draws.append(InstanceSet(page, tuple(instances)))
    return draws


def _worm(rng):
    """Tight mask of a band along a piece of a circle."""
    angle, bend = rng.uniform(0, np.pi), rng.uniform(-0.02, 0.02)
    along = np.arange(100)
    heading = angle + bend * (along - 50)
    middle = np.cumsum(np.stack([np.sin(heading), np.cos(heading)], axis=1), axis=0)
    middle -= middle.min(axis=0) - 6
    rows, columns = np.indices(np.ceil(middle.max(axis=0)).astype(int) + 7)
    squared = np.min([(rows - y) ** 2 + (columns - x) ** 2 for y, x in middle[::3]], axis=0)
    return Instance.from_mask(squared <= 25).mask


def _halves(mask):
    """Tight masks of the upper and lower, or left and right, half, and where they begin."""
    axis = int(mask.shape[1] > mask.shape[0])
    middle = mask.shape[axis] // 2
    pieces = []
    for start, part in zip((0, middle), np.split(mask, [middle], axis=axis), strict=True):
        origin = (0, start) if axis else (start, 0)
        tight = Instance.from_mask(part, origin)
        pieces.append((tight.mask, np.array(tight.bbox[:2])))
    return pieces
