"""Mean-shift clustering of pixel embeddings into instance labels (section 2.2 of the paper).

scikit-learn's ``MeanShift`` gives the same clusters on separated data but starts from every
pixel or from a grid in the embedding space: the one takes 24 s for an image, the other loses
clusters. Here a few hundred seeds climb together, as products of two matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Pixels that stand for the density while the seeds climb; the centres they find are then
#: refined on all pixels.
SAMPLE = 4096
#: Seeds are spread over the image block by block, so that a small worm meets some of them.
BLOCK = 16
MAX_STEPS = 300
#: A seed has arrived when it moves by less than this fraction of the bandwidth.
TOLERANCE = 1e-3
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def cluster(
    embeddings: NDArray[np.float32],
    foreground: NDArray[np.bool_],
    *,
    bandwidth: float,
    threshold: float,
    min_size: int,
    n_seeds: int,
    bridge: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Group the foreground pixels of one draw into instances.

    Seeds climb to the modes of a flat kernel over the embeddings of all foreground pixels;
    a pixel joins the nearest mode. Clusters with fewer than ``min_size`` pixels are given up
    and their pixels offered to the others.

    A worm is one piece, or several where another worm crosses it. Hence a cluster's pixels
    that are connected (8 neighbours) directly, or through pixels of ``bridge``, are one
    instance; unconnected pieces are instances of their own. This is the rule by which the
    overlap heuristic keeps or cuts pieces, so no large piece is lost there. Bridge pixels
    belong to several worms and carry no embedding of their own: they don't count in a size,
    and don't make an instance without others.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n_dimensions, height, width)
        One vector a pixel.
    foreground : ndarray of bool, shape (height, width)
        Pixels to cluster: all that are not background, overlaps included.
    bandwidth : float
        Radius of the flat kernel, in units of the embedding space.
    threshold : float
        Farthest a pixel's embedding may lie from its cluster's centre.
    min_size : int
        Smallest instance, pixels.
    n_seeds : int
        Starting points of the search; a few for each instance.
    bridge : ndarray of bool, shape (height, width), optional
        Overlap pixels, through which the halves of a crossed worm are connected.

    Returns
    -------
    ndarray of int32, shape (height, width)
        Labels 1 to n in the order of the instances' first pixels (row by row); 0 elsewhere.

    Raises
    ------
    ValueError
        If shapes differ, or a radius or the number of seeds is not positive.
    """
    if bridge is None:
        bridge = np.zeros_like(foreground)
    if not embeddings.shape[1:] == foreground.shape == bridge.shape:
        raise ValueError(
            f"embeddings {embeddings.shape}, foreground {foreground.shape} and bridge "
            f"{bridge.shape} must have the same height and width"
        )
    if bandwidth <= 0 or threshold <= 0 or n_seeds < 1:
        raise ValueError(
            "bandwidth, threshold and number of seeds must be positive, "
            f"got {bandwidth}, {threshold} and {n_seeds}"
        )
    labels = np.zeros(foreground.shape, dtype=np.int32)
    pixels = _block_by_block(foreground)
    if pixels.size == 0:
        return labels
    vectors = embeddings.reshape(len(embeddings), -1)[:, pixels].T
    points = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))
    # Distances come from products of vectors, whose rounding grows with the vectors' length.
    points -= points.mean(dim=0)
    centres = _find_centres(points, bandwidth, min_size, n_seeds)
    labels.flat[pixels] = _nearest(points, centres, threshold, min_size).numpy()
    return _separate_pieces(labels, bridge, min_size)


def _block_by_block(foreground: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Flat indices of the foreground pixels, neighbours close to one another.

    In this order every n-th pixel is an even sample of the image, and a worm's pixels are
    few long runs, so that one with n pixels can hardly be missed.
    """
    pixels = np.flatnonzero(foreground)
    y, x = np.divmod(pixels, foreground.shape[1])
    block = y // BLOCK * (foreground.shape[1] // BLOCK + 1) + x // BLOCK
    return pixels[np.argsort(block, kind="stable")]


def _find_centres(
    points: torch.Tensor, bandwidth: float, min_size: int, n_seeds: int
) -> torch.Tensor:
    """Modes of the density of ``points`` (n_points, n_dimensions), densest first.

    A second round starts from the points that no mode has reached: a small cluster that
    got no seed in the first is found then.
    """
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
    return centres


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


def _nearest(
    points: torch.Tensor, centres: torch.Tensor, threshold: float, min_size: int
) -> torch.Tensor:
    """Label of each point's nearest centre within the threshold, from 1; 0 if there is none."""
    distances = torch.cdist(points, centres)
    distance, nearest = distances.min(dim=1)
    sizes = torch.bincount(nearest[distance <= threshold], minlength=len(centres))
    large = sizes >= max(min_size, 1)
    if not large.any():
        return torch.zeros(len(points), dtype=torch.int32)
    distance, nearest = distances[:, large].min(dim=1)
    return torch.where(distance <= threshold, nearest + 1, 0).to(torch.int32)


def _separate_pieces(
    labels: NDArray[np.int32], bridge: NDArray[np.bool_], min_size: int
) -> NDArray[np.int32]:
    """Make each connected piece of a cluster an instance, and drop the small ones.

    All clusters at once, as one graph of their pixels: a cluster may have stray pixels all
    over the image, and labelling a page for each would cost more than the clustering.
    """
    y, x = np.nonzero(labels)
    if y.size == 0:
        return labels
    edges = [*_neighbour_edges(labels, y, x), *_bridge_edges(labels, bridge, y, x)]
    first, second = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    n_nodes = max(int(second.max(initial=0)) + 1, y.size)
    graph = coo_matrix((np.ones(first.size, bool), (first, second)), shape=(n_nodes, n_nodes))
    piece = connected_components(graph, directed=False)[1][: y.size]
    sizes = np.bincount(piece, weights=~bridge[y, x])
    pieces, first_pixel = np.unique(piece, return_index=True)
    in_order = pieces[np.argsort(first_pixel)]
    large = in_order[sizes[in_order] >= max(min_size, 1)]
    new_label = np.zeros(sizes.size, dtype=np.int32)
    new_label[large] = np.arange(1, large.size + 1)
    result = np.zeros_like(labels)
    result[y, x] = new_label[piece]
    return result


_Indices = NDArray[np.int64]
_Edges = tuple[_Indices, _Indices]


def _neighbour_edges(labels: NDArray[np.int32], y: _Indices, x: _Indices) -> Iterator[_Edges]:
    """Pairs of neighbouring pixels with the same label, as positions in ``y`` and ``x``."""
    node = np.zeros(labels.shape, dtype=np.int64)
    node[y, x] = np.arange(y.size)
    padded = np.pad(labels, 1)
    own = labels[y, x]
    # Half of the eight neighbours: the others see this pixel from their side.
    for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
        here = np.flatnonzero(padded[y + 1 + dy, x + 1 + dx] == own)
        yield here, node[y[here] + dy, x[here] + dx]


def _bridge_edges(
    labels: NDArray[np.int32], bridge: NDArray[np.bool_], y: _Indices, x: _Indices
) -> Iterator[_Edges]:
    """Join each pixel to the connected bridges it touches.

    A bridge is a node beyond those of the pixels, and one for each label: it connects the
    pieces of one cluster and not the clusters that cross there.
    """
    bridges, n_bridges = ndimage.label(bridge, EIGHT_NEIGHBOURS)
    padded = np.pad(bridges, 1)
    own = labels[y, x].astype(np.int64)
    for dy, dx in np.ndindex(3, 3):
        touched = padded[y + dy, x + dx]
        here = np.flatnonzero(touched)
        yield here, y.size + (own[here] - 1) * n_bridges + touched[here] - 1
