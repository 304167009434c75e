"""Rank the places where the draws disagree: peaks of the entropy over 4x4 patches.

Patches weigh structural errors more than the jitter of a contour, which is one pixel wide
(section 2.4 of the paper). What comes first is a ranking of its own, which has a name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.boxes import crop_to, intersect
from napari_probinst.core.inference.sizes import doubt_sizes
from napari_probinst.core.inference.votes import Witness
from napari_probinst.core.instances import Peak
from napari_probinst.core.patch_grid import PatchGrid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.instances import ProbabilisticInstance, ProbabilisticInstances

#: What ranks the peaks. "mass": the entropy summed over the peak's region and its instances, so
#: that a worm in doubt comes before a sharp corner, and the doubt about its size. "entropy": the mean over the peak's patch,
#: as in the paper. Both are nats, whatever the image, so that images are ranked together.
Ranking = Literal["mass", "entropy"]
RANKINGS: tuple[Ranking, ...] = get_args(Ranking)
DEFAULT_RANKING: Ranking = "mass"

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
#: Entropy is summed in integers, in units of 1 / SCALE nats: patches with the same votes tie
#: exactly, in whatever order their pixels are added up.
SCALE = 2**32
#: Maxima of one instance are one peak where the way between them never falls below this
#: fraction of the lower one: disagreement about a whole worm is a plateau with ripples.
RIPPLE = 0.5
#: An instance is involved in a peak if its own entropy there is at least this fraction.
INVOLVED = 0.5


def rank_peaks(
    instances: ProbabilisticInstances,
    patch: int = 4,
    threshold: float = 0.75,
    ranking: Ranking = DEFAULT_RANKING,
    *,
    size_outliers: bool = True,
) -> tuple[Peak, ...]:
    """Find and rank the places of an image where the draws disagree most.

    The image is divided into square patches from its top left pixel on; those at the other
    edges may be partial. The entropy of an instance is averaged over each patch's pixels.
    A local maximum over the patches (8 neighbours, a plateau being one) is a peak, unless
    neighbouring patches with at least half its entropy lead to a higher one: then both are
    one peak, and all these patches are its region. Peaks of instances that share pixels are
    one where each lies in or beside the other's region. Also involved are other instances
    with at least half the peak's entropy in its patch.

    Ranked by the entropy mass (summed over the peak's region and the instances involved), ties
    by entropy; or the other way round. What ties in both is ranked by position, then by the
    instances' indices.

    Parameters
    ----------
    instances : ProbabilisticInstances
        Agglomerated instances with their draws.
    patch : int, default 4
        Side of a patch, pixels.
    threshold : float, default 0.75
        Least probability of a pixel of the binary prediction that a curator sees; tells what
        kind of error a peak is likely to be.
    ranking : {"mass", "entropy"}, default "mass"
        What comes first; "entropy" is the paper's.
    size_outliers : bool, default True
        Also doubt instances that are far larger than the others, which the draws may agree on:
        see `doubt_sizes`.

    Returns
    -------
    tuple of Peak
        Most uncertain first, ranks from 1. Empty where all draws agree on instances of about
        the same size.

    Raises
    ------
    ValueError
        If ``patch`` is not positive, or the ranking is unknown.
    """
    grids = [
        _entropy_patches(instance, instances.shape, patch, instances.n_draws)
        for instance in instances.instances
    ]
    summits = [summit for index, grid in enumerate(grids) for summit in _summits(index, grid)]
    witness = Witness(instances, threshold)
    index = _PatchIndex([grid.uncertain() for grid in grids])
    peaks = [_peak(group, grids, index, witness, patch) for group in _groups(summits, instances)]
    if size_outliers:
        peaks = doubt_sizes(peaks, instances, patch, threshold)
    return tuple(peak for _, peak in rank_across([("", peaks)], ranking))


def rank_across(
    images: Iterable[tuple[str, Sequence[Peak]]], ranking: Ranking = DEFAULT_RANKING
) -> tuple[tuple[str, Peak], ...]:
    """Rank the peaks of several images, or of one, together.

    Parameters
    ----------
    images : iterable of (str, sequence of Peak)
        Name of each image and its peaks, ranked in whatever way.
    ranking : {"mass", "entropy"}, default "mass"
        What comes first; ties go by the other of the two.

    Returns
    -------
    tuple of (str, Peak)
        Most uncertain first, with ranks over all images; what ties in mass and entropy by the
        image's name, then by position and instances.

    Raises
    ------
    ValueError
        If the ranking is unknown.
    """
    if ranking not in RANKINGS:
        raise ValueError(f"rankings are {', '.join(RANKINGS)}, got {ranking!r}")

    def order(item: tuple[str, Peak]) -> tuple[float, float, str, int, int, tuple[int, ...]]:
        name, peak = item
        first, second = peak.mass, peak.entropy
        if ranking == "entropy":
            first, second = second, first
        return (-first, -second, name, peak.y, peak.x, peak.instances)

    everything = sorted(((name, peak) for name, peaks in images for peak in peaks), key=order)
    return tuple(
        (name, replace(peak, rank=rank)) for rank, (name, peak) in enumerate(everything, start=1)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _EntropyPatches:
    """Entropy of one instance over the patches that its box meets."""

    row: int
    column: int
    total: NDArray[np.int64]  # sum over a patch's pixels, in 1 / SCALE nats
    mean: NDArray[np.float64]  # mean over the patch's pixels inside the image, nats

    def uncertain(self) -> NDArray[np.int64]:
        """Patches (n, 2) that have any entropy, rows and columns on the image's grid."""
        patches: NDArray[np.int64] = np.argwhere(self.total) + np.array([self.row, self.column])
        return patches

    def total_at(self, patches: NDArray[np.int64]) -> int:
        """Sum over ``patches`` (n, 2), rows and columns on the image's grid."""
        return int(self.total[self._inside(patches)].sum())

    def highest_at(self, patches: NDArray[np.int64]) -> float:
        """Highest mean over ``patches`` (n, 2); 0 if the instance has none of them."""
        return float(self.mean[self._inside(patches)].max(initial=0.0))

    def _inside(self, patches: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        own = patches - (self.row, self.column)
        return tuple(own[((own >= 0) & (own < self.total.shape)).all(axis=1)].T)


def _entropy_patches(
    instance: ProbabilisticInstance, shape: Shape, patch: int, n_draws: int
) -> _EntropyPatches:
    levels = np.floor(entropy_levels(n_draws) * SCALE).astype(np.int64)
    grid = PatchGrid.around(instance.bbox, patch)
    total = grid.sums(levels[instance.counts], instance.bbox)
    return _EntropyPatches(grid.row, grid.column, total, total / grid.sizes(shape) / SCALE)


@dataclass(frozen=True, slots=True, eq=False)
class _Summit:
    """A local maximum of one instance; patches (n, 2) are rows and columns of the image's grid."""

    instance: int
    entropy: float
    top: NDArray[np.int64]  # patches with this entropy
    region: NDArray[np.int64]  # patches around them with at least RIPPLE times it


def _summits(index: int, grid: _EntropyPatches) -> list[_Summit]:
    """Local maxima of one instance, the ripples of higher ones left out."""
    mean = grid.mean
    highest_beside = ndimage.maximum_filter(mean, size=3, mode="constant")
    origin = np.array([grid.row, grid.column])
    summits = []
    for height in np.unique(mean[(mean == highest_beside) & (mean > 0)]):
        regions, n_regions = ndimage.label(mean >= RIPPLE * height, EIGHT_NEIGHBOURS)
        numbers = np.arange(1, n_regions + 1)
        for number in numbers[ndimage.maximum(mean, regions, numbers) == height]:
            region = np.argwhere(regions == number)
            top = region[mean[tuple(region.T)] == height]
            summits.append(_Summit(index, float(height), top + origin, region + origin))
    return summits


def _groups(summits: list[_Summit], instances: ProbabilisticInstances) -> list[list[_Summit]]:
    """Put summits of related instances together where each lies in or beside the other's region."""
    index = _PatchIndex([summit.region for summit in summits])
    reached = [set(index.owners_at(_with_neighbours(summit.top))) for summit in summits]
    related: dict[tuple[int, int], bool] = {}
    links = []
    for first, others in enumerate(reached):
        for second in sorted(others):
            if second <= first or first not in reached[second]:
                continue
            pair = (summits[first].instance, summits[second].instance)
            if pair not in related:
                related[pair] = _share_pixels(*(instances.instances[each] for each in pair))
            if related[pair]:
                links.append((first, second))
    rows, columns = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(links), bool), (rows, columns)), shape=(len(summits),) * 2)
    n_groups, group = connected_components(graph, directed=False)
    result: list[list[_Summit]] = [[] for _ in range(n_groups)]
    for summit, number in zip(summits, group, strict=True):
        result[number].append(summit)
    return result


def _share_pixels(first: ProbabilisticInstance, second: ProbabilisticInstance) -> bool:
    """Whether any draw of the one and any of the other hold a common pixel."""
    box = intersect(first.bbox, second.bbox)
    if box is None:
        return False
    crops = (crop_to(each.bbox, each.counts, box) for each in (first, second))
    return bool(np.logical_and(*crops).any())


class _PatchIndex:
    """Which of many lists of patches hold a patch."""

    def __init__(self, lists: Sequence[NDArray[np.int64]]) -> None:
        patches = np.concatenate([np.zeros((0, 2), dtype=np.int64), *lists])
        owners = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
        # A margin of one patch on both sides: neighbours outside the image are asked for, too.
        self._width = int(patches[:, 1].max(initial=0)) + 3
        keys = self._keys_of(patches)
        order = np.argsort(keys, kind="stable")
        self._keys, self._owners = keys[order], owners[order]

    def owners_at(self, patches: NDArray[np.int64]) -> list[int]:
        """Positions of the lists that hold any of ``patches`` (n, 2), ascending."""
        keys = self._keys_of(patches)
        starts = np.searchsorted(self._keys, keys, side="left").tolist()
        stops = np.searchsorted(self._keys, keys, side="right").tolist()
        found: set[int] = set()
        for start, stop in zip(starts, stops, strict=True):
            found.update(self._owners[start:stop].tolist())
        return sorted(found)

    def _keys_of(self, patches: NDArray[np.int64]) -> NDArray[np.int64]:
        keys: NDArray[np.int64] = (patches[:, 0] + 1) * self._width + patches[:, 1] + 1
        return keys


def _with_neighbours(patches: NDArray[np.int64]) -> NDArray[np.int64]:
    """Patches (n, 2) and their eight neighbours, each once."""
    offsets = np.argwhere(EIGHT_NEIGHBOURS) - 1
    return np.unique((patches[:, None] + offsets).reshape(-1, 2), axis=0)


def _peak(
    group: list[_Summit],
    grids: Sequence[_EntropyPatches],
    index: _PatchIndex,
    witness: Witness,
    patch: int,
) -> Peak:
    """Peak of a group of summits, not yet ranked."""
    entropy = max(summit.entropy for summit in group)
    place = _middle(np.concatenate([each.top for each in group if each.entropy == entropy]))
    region = np.unique(np.concatenate([summit.region for summit in group]), axis=0)
    involved = {summit.instance for summit in group}
    for other in index.owners_at(place[None]):
        if grids[other].highest_at(place[None]) >= INVOLVED * entropy:
            involved.add(other)
    ranked = sorted(involved, key=lambda each: (-grids[each].highest_at(region), each))
    mass = sum(grids[each].total_at(region) for each in ranked) / SCALE
    kind, reason = witness.testify(tuple(ranked))
    y, x = (int(each) * patch for each in place)
    return Peak(y, x, tuple(ranked), entropy, mass, 0, kind, reason)


def _middle(patches: NDArray[np.int64]) -> NDArray[np.int64]:
    """Choose the one of ``patches`` (n, 2) nearest to their mean; the first of several."""
    patches = np.unique(patches, axis=0)
    offset = patches * len(patches) - patches.sum(axis=0)
    middle: NDArray[np.int64] = patches[np.argmin(np.square(offset).sum(axis=1))]
    return middle
