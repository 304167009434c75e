"""Group the foreground pixels of one draw into instances (section 2.2 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.foreground import Foreground
from napari_probinst.core.inference.mean_shift import find_modes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Indices = NDArray[np.int64]
_Edges = tuple[_Indices, _Indices]


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
    """Find the modes of the embeddings, and the instances around them.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n_dimensions, height, width)
        One vector a pixel.
    foreground : ndarray of bool, shape (height, width)
        Pixels to cluster: all that are not background, overlaps included.
    bandwidth, n_seeds
        As for `find_modes`.
    threshold, min_size
        As for `group`.
    bridge : ndarray of bool, shape (height, width), optional
        Overlap pixels, through which the halves of a crossed worm are connected.

    Returns
    -------
    ndarray of int32, shape (height, width)
        Labels as `group` gives them.

    Raises
    ------
    ValueError
        If shapes differ, or a radius or the number of seeds is not positive.
    """
    selected = Foreground.select(Embeddings(embeddings), foreground, bridge)
    modes = find_modes(selected.vectors, bandwidth=bandwidth, min_size=min_size, n_seeds=n_seeds)
    return group(selected, modes, threshold=threshold, min_size=min_size)


def group(
    foreground: Foreground, modes: NDArray[np.float32], *, threshold: float, min_size: int
) -> NDArray[np.int32]:
    """Give each pixel to the nearest mode within reach, and separate what can't be one instance.

    Clusters with fewer than ``min_size`` pixels are given up and their pixels offered to the
    others.

    A worm is one piece, or several where another worm crosses it. Hence a cluster's pixels
    that are connected (8 neighbours) directly, or through pixels of the bridge, are one
    instance; unconnected pieces are instances of their own. This is the rule by which the
    overlap heuristic keeps or cuts pieces, so no large piece is lost there. Bridge pixels
    belong to several worms and carry no embedding of their own: they don't count in a size,
    and don't make an instance without others.

    Parameters
    ----------
    foreground : Foreground
        Pixels to group.
    modes : ndarray of float32, shape (n_modes, n_dimensions)
        Centres of the clusters, in the frame of ``foreground.vectors``.
    threshold : float
        Farthest a pixel's embedding may lie from its cluster's centre.
    min_size : int
        Smallest instance, pixels.

    Returns
    -------
    ndarray of int32, shape (height, width)
        Labels 1 to n in the order of the instances' first pixels (row by row); 0 elsewhere.

    Raises
    ------
    ValueError
        If the threshold is not positive.
    """
    if threshold <= 0:
        raise ValueError(f"the threshold must be positive, got {threshold}")
    labels = np.zeros(foreground.shape, dtype=np.int32)
    if foreground.pixels.size == 0:
        return labels
    points, centres = torch.from_numpy(foreground.vectors), torch.from_numpy(modes)
    labels.flat[foreground.pixels] = nearest_modes(points, centres, threshold, min_size).numpy()
    return separate_pieces(labels, foreground.overlap(), min_size)


def nearest_modes(
    points: torch.Tensor, centres: torch.Tensor, threshold: float, min_size: int
) -> torch.Tensor:
    """Label of each point's nearest centre within the threshold, from 1; 0 if there is none.

    Centres with fewer than ``min_size`` points are given up, and their points offered to
    the others.
    """
    distances = torch.cdist(points, centres)
    distance, nearest = distances.min(dim=1)
    sizes = torch.bincount(nearest[distance <= threshold], minlength=len(centres))
    large = sizes >= max(min_size, 1)
    if not large.any():
        return torch.zeros(len(points), dtype=torch.int32)
    distance, nearest = distances[:, large].min(dim=1)
    return torch.where(distance <= threshold, nearest + 1, 0).to(torch.int32)


def separate_pieces(
    labels: NDArray[np.int32], bridge: NDArray[np.bool_], min_size: int
) -> NDArray[np.int32]:
    """Make each connected piece of a cluster an instance, and drop the small ones.

    Labels are those of the clusters, shape (height, width); see `group` for the result.

    All clusters at once, as one graph of their pixels: a cluster may have stray pixels all
    over the image, and labelling a page for each would cost more than the clustering.
    """
    pixels = np.flatnonzero(labels)
    if pixels.size == 0:
        return labels
    own = labels.flat[pixels]
    page = _Padded.of(labels.shape, pixels, own)
    bridges = _bridges(bridge)
    edges = [*page.neighbours(), *_bridge_edges(page, bridges)]
    piece = _components(edges, pixels.size)[: pixels.size]
    sizes = np.bincount(piece, weights=~bridge.flat[pixels])
    pieces, first_pixel = np.unique(piece, return_index=True)
    in_order = pieces[np.argsort(first_pixel)]
    large = in_order[sizes[in_order] >= max(min_size, 1)]
    new_label = np.zeros(sizes.size, dtype=np.int32)
    new_label[large] = np.arange(1, large.size + 1)
    result = np.zeros_like(labels)
    result.flat[pixels] = new_label[piece]
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Padded:
    """Some pixels of a page with a border of one pixel, so that all have eight neighbours.

    Parameters
    ----------
    width : int
        Of the page with its border.
    places : ndarray of int64, shape (n_pixels,)
        Where the pixels are there, row by row.
    own : ndarray of int32, shape (n_pixels,)
        What they hold, not 0.
    page : ndarray of int32
        The page, flat; 0 elsewhere.
    """

    width: int
    places: _Indices
    own: NDArray[np.int32]
    page: NDArray[np.int32]

    @classmethod
    def of(cls, shape: tuple[int, ...], pixels: _Indices, own: NDArray[np.int32]) -> _Padded:
        """Put pixels, flat indices in a page of ``shape``, on a page of their own."""
        height, width = shape
        places = pixels + 2 * (pixels // width) + width + 3
        page = np.zeros((height + 2) * (width + 2), dtype=np.int32)
        page[places] = own
        return cls(width + 2, places, own, page)

    def neighbours(self) -> Iterator[_Edges]:
        """Pairs of neighbouring pixels that hold the same, as positions in ``places``."""
        node = np.zeros(self.page.size, dtype=np.int64)
        node[self.places] = np.arange(self.places.size)
        # Half of the eight neighbours: the others see this pixel from their side.
        for step in (1, self.width - 1, self.width, self.width + 1):
            here = np.flatnonzero(self.page[self.places + step] == self.own)
            yield here, node[self.places[here] + step]


def _bridges(bridge: NDArray[np.bool_]) -> _Padded:
    """Connected bridges, numbered from 1."""
    pixels = np.flatnonzero(bridge)
    alike = _Padded.of(bridge.shape, pixels, np.ones(pixels.size, np.int32))
    numbers = _components([*alike.neighbours()], pixels.size) + 1
    return _Padded.of(bridge.shape, pixels, numbers.astype(np.int32))


def _bridge_edges(page: _Padded, bridges: _Padded) -> Iterator[_Edges]:
    """Join each pixel to the connected bridges it touches.

    A bridge is a node beyond those of the pixels, and one for each label: it connects the
    pieces of one cluster and not the clusters that cross there.
    """
    n_bridges = int(bridges.own.max(initial=0))
    first = page.places.size + (page.own.astype(np.int64) - 1) * n_bridges
    for dy, dx in np.ndindex(3, 3):
        touched = bridges.page[page.places + (dy - 1) * page.width + dx - 1]
        here = np.flatnonzero(touched)
        yield here, first[here] + touched[here] - 1


def _components(edges: Sequence[_Edges], n_pixels: int) -> NDArray[np.int32]:
    """Number of the connected component of each node, of which the first are the pixels."""
    first, second = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    n_nodes = max(int(second.max(initial=-1)) + 1, n_pixels)
    graph = coo_matrix((np.ones(first.size, bool), (first, second)), shape=(n_nodes, n_nodes))
    numbers: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return numbers
