"""Modes of the density of embeddings, by mean shift with a flat kernel (section 2.2 of the paper).

scikit-learn's ``MeanShift`` gives the same clusters on separated data but starts from every
pixel or from a grid in the embedding space: the one takes 24 s for an image, the other loses
clusters. Here a few hundred seeds climb together, as products of two matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Pixels that stand for the density while the seeds climb; the modes they find are then
#: refined on all pixels.
SAMPLE = 4096
MAX_STEPS = 300
#: A seed has arrived when it moves by less than this fraction of the bandwidth.
TOLERANCE = 1e-3


def find_modes(
    vectors: NDArray[np.float32], *, bandwidth: float, min_size: int, n_seeds: int
) -> NDArray[np.float32]:
    """Modes of the density, densest first.

    A second round starts from the vectors that no mode has reached: a small cluster that got
    no seed in the first is found then.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_pixels, n_dimensions)
        Embeddings in an order of which every n-th is an even sample; their mean is 0.
    bandwidth : float
        Radius of the flat kernel, in units of the embedding space.
    min_size : int
        There is a second round where at least so many vectors are left.
    n_seeds : int
        Starting points of the search; a few for each instance.

    Returns
    -------
    ndarray of float32, shape (n_modes, n_dimensions)
        No two within the bandwidth.

    Raises
    ------
    ValueError
        If the bandwidth or the number of seeds is not positive.
    """
    if bandwidth <= 0 or n_seeds < 1:
        raise ValueError(
            f"bandwidth and number of seeds must be positive, got {bandwidth} and {n_seeds}"
        )
    points = torch.from_numpy(vectors)
    if len(points) == 0:
        return vectors
    kernel = _FlatKernel(points, bandwidth)
    unreached = points
    centres = points[:0]
    for share in (1, 4):
        sample = _FlatKernel(_every_nth(unreached, SAMPLE), bandwidth)
        seeds = _merge(*sample.climb(_every_nth(unreached, max(n_seeds // share, 1))), bandwidth)
        centres = _merge(*kernel.climb(torch.cat([centres, seeds])), bandwidth)
        nearest = torch.cdist(points, centres).amin(dim=1)
        unreached = points[nearest > bandwidth]
        if len(unreached) < max(min_size, 1):
            break
    return centres.numpy()


def _every_nth(points: torch.Tensor, n: int) -> torch.Tensor:
    """At most ``n`` of the points, evenly spread over their order."""
    if len(points) <= n:
        return points
    return points[torch.arange(n) * len(points) // n]


class _FlatKernel:
    """Density of points under a flat kernel, and the way uphill.

    ‖s − p‖² ≤ r² is s·p − ‖p‖²/2 ≥ (‖s‖² − r²)/2: with −‖p‖²/2 and 1 appended to each point
    one product of matrices tells who is inside, and another sums up and counts the insiders.
    """

    def __init__(self, points: torch.Tensor, radius: float) -> None:
        half_norm = -0.5 * points.square().sum(dim=1, keepdim=True)
        self._points = torch.cat([points, half_norm, torch.ones_like(half_norm)], dim=1)
        self._radius = radius

    def step(self, seeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and number of the points within the radius of each seed."""
        ones = seeds.new_ones(len(seeds), 1)
        lifted = torch.cat([seeds, ones, torch.zeros_like(ones)], dim=1)
        limit = 0.5 * (seeds.square().sum(dim=1, keepdim=True) - self._radius**2)
        inside = (lifted @ self._points.T).ge_(limit)
        sums = inside @ self._points
        count = sums[:, -1:]
        # A seed that is alone stays where it is; its density is 0.
        mean = torch.where(count > 0, sums[:, :-2] / count.clamp(min=1), seeds)
        return mean, count[:, 0]

    def climb(self, seeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Modes the seeds arrive at (n, n_dimensions), and the number of points inside (n,)."""
        arrived: list[tuple[torch.Tensor, torch.Tensor]] = [(seeds[:0], seeds.new_zeros(0))]
        for _ in range(MAX_STEPS):
            if len(seeds) == 0:
                break
            moved, count = self.step(seeds)
            still = (moved - seeds).norm(dim=1) <= TOLERANCE * self._radius
            arrived.append((moved[still], count[still]))
            # Seeds that have seen the same points are one from here on.
            seeds = torch.unique(moved[~still], dim=0)
        else:
            arrived.append((seeds, self.step(seeds)[1]))
        modes, counts = zip(*arrived, strict=True)
        return torch.cat(modes), torch.cat(counts)


def _merge(modes: torch.Tensor, counts: torch.Tensor, bandwidth: float) -> torch.Tensor:
    """Keep each mode that has no denser one within the bandwidth, densest first."""
    keys = (*modes.T.numpy()[::-1], counts.numpy())
    modes = modes[torch.from_numpy(np.lexsort(keys)[::-1].copy())]
    near = (torch.cdist(modes, modes) <= bandwidth).numpy()
    kept = np.ones(len(modes), dtype=bool)
    for index in range(len(modes)):
        if kept[index]:
            kept[index + 1 :] &= ~near[index, index + 1 :]
    return modes[torch.from_numpy(kept)]
