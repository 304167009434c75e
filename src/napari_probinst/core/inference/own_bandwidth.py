"""A bandwidth of its own for an instance that is far too large: it may be several.

One bandwidth for a whole image is too wide where two crossing objects got embeddings close to
each other, however well these are separated.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_probinst.core.inference.clustering import nearest_modes, separate_pieces
from napari_probinst.core.inference.mean_shift import find_modes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_probinst.core.inference.foreground import Foreground

#: Instances of more than this many times the median size are looked at. On the wells that the
#: bundled model was trained on all values from 1.4 to 1.8 did the same.
OUTSIZED = 1.6
#: Fewer instances have no usual size.
LEAST_INSTANCES = 3
#: Shares of the bandwidth that are tried, one after the other, until the instance falls apart.
SHARES = (0.5, 0.25, 0.125)
#: Starting points of the search within one instance.
N_SEEDS = 96
#: Least distance between the centres of two parts over their root mean variance along the line
#: between them (Ashman's D; K. M. Ashman et al. 1994). Above 2 two normal distributions are
#: separated; the halves of a single even one have 3.5.
SEPARATION = 4.0
#: Least share of the instance that has to lie in connected parts.
CONNECTED = 0.9


def part_outsized(
    labels: NDArray[np.int32], foreground: Foreground, *, bandwidth: float, min_size: int
) -> NDArray[np.int32]:
    """Part far larger instances than the others whose embeddings fall into separate groups.

    The groups must be as large as an instance has to be, connected in the image, and farther apart
    in the embedding space than they are wide. A worm of twice the usual size stays one.

    Parameters
    ----------
    labels : ndarray of int32, shape (height, width)
        Instances without overlap pixels: 0 is none, 1 to n are the instances.
    foreground : Foreground
        Pixels they consist of.
    bandwidth : float
        The one they were found with, in units of the embedding space.
    min_size : int
        Smallest instance, pixels.

    Returns
    -------
    ndarray of int32, shape (height, width)
        Labels in the order of the instances' first pixels (row by row).
    """
    owner = labels.flat[foreground.pixels]
    sizes = np.bincount(owner)[1:]
    if np.count_nonzero(sizes) < LEAST_INSTANCES:
        return labels
    outsized = np.flatnonzero(sizes > OUTSIZED * np.median(sizes[sizes > 0])) + 1
    if outsized.size == 0:
        return labels
    bridge = foreground.overlap()
    parted = labels.copy()
    for label in outsized.tolist():
        own = owner == label
        pixels = foreground.pixels[own]
        for group in _groups(foreground.vectors[own], bandwidth, min_size):
            page = np.zeros_like(labels)
            page.flat[pixels] = group
            pieces = separate_pieces(page, bridge, min_size)
            connected = np.count_nonzero(pieces) >= CONNECTED * len(pixels)
            if connected and pieces.max() == group.max():
                parted.flat[pixels] = np.where(group > 1, parted.max() + group - 1, label)
                break
    # Those that were found are pieces already.
    return separate_pieces(parted, bridge, min_size) if parted.max() > labels.max() else labels


def _groups(
    vectors: NDArray[np.float32], bandwidth: float, min_size: int
) -> Iterator[NDArray[np.int32]]:
    """Ways to part vectors into separated groups, 1 to n, the one of the widest bandwidth first."""
    centred = vectors - vectors.mean(axis=0)
    points = torch.from_numpy(centred)
    for share in SHARES:
        modes = find_modes(centred, bandwidth=share * bandwidth, min_size=min_size, n_seeds=N_SEEDS)
        group = nearest_modes(points, torch.from_numpy(modes), math.inf, min_size).numpy()
        parts = [centred[group == number] for number in range(1, int(group.max()) + 1)]
        if len(parts) > 1 and all(
            _separation(*two) >= SEPARATION for two in combinations(parts, 2)
        ):
            yield group


def _separation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Ashman's D of two groups of vectors along the line between their means."""
    line = second.mean(axis=0) - first.mean(axis=0)
    distance = float(np.linalg.norm(line))
    if distance == 0:
        return 0.0
    spread = math.sqrt(sum(float((group @ line / distance).var()) for group in (first, second)) / 2)
    return distance / spread if spread else math.inf
