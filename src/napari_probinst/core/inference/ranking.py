"""Rank the places where the draws disagree: peaks of the entropy over 4x4 patches.

Patches weigh structural errors more than the jitter of a contour, which is one pixel wide
(section 2.4 of the paper). What comes first is a ranking of its own, which has a name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.boxes import crop_to, intersect
from napari_probinst.core.inference.entropy_patches import (
    SCALE,
    EntropyPatches,
    PatchIndex,
    key_stride,
)
from napari_probinst.core.inference.sizes import doubt_sizes
from napari_probinst.core.inference.summits import find_summits
from napari_probinst.core.inference.votes import Witness
from napari_probinst.core.instances import Peak
from napari_probinst.core.neighbourhood import EIGHT_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.inference.summits import Summit
    from napari_probinst.core.instances import ProbabilisticInstance, ProbabilisticInstances

#: What ranks the peaks. "mass": the entropy summed over the peak's region and its instances, so
#: that a worm in doubt comes before a sharp corner, and the doubt about its size. "entropy": the
#: mean over the peak's patch, as in the paper. Both are nats, whatever the image, so that images
#: are ranked together.
Ranking = Literal["mass", "entropy"]
RANKINGS: tuple[Ranking, ...] = get_args(Ranking)
DEFAULT_RANKING: Ranking = "mass"

#: An instance is involved in a peak if its own entropy there is at least this fraction.
INVOLVED = 0.5


def rank_peaks(
    instances: ProbabilisticInstances,
    patch: int = 4,
    threshold: float = 0.75,
    ranking: Ranking = DEFAULT_RANKING,
    *,
    existence: float = 0.0,
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
    existence : float, default 0
        Least share of the draws that found an instance of that prediction.
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
    stride = key_stride(instances.shape, patch)
    levels = np.floor(entropy_levels(instances.n_draws) * SCALE).astype(np.int64)
    grids = [
        EntropyPatches.of(instance, instances.shape, patch, levels)
        for instance in instances.instances
    ]
    groups = _groups(find_summits(grids), instances, stride)
    witness = Witness(instances, threshold, existence)
    peaks = [
        _peak(group, place, also, grids=grids, witness=witness, patch=patch)
        for group, (place, also) in zip(groups, _places(groups, grids), strict=True)
    ]
    if size_outliers:
        peaks = doubt_sizes(peaks, instances, patch, threshold, existence)
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


def _groups(
    summits: list[Summit], instances: ProbabilisticInstances, stride: int
) -> list[list[Summit]]:
    """Put summits of related instances together where each lies in or beside the other's region."""
    size = len(summits)
    index = PatchIndex([summit.region for summit in summits])
    offsets = (np.argwhere(EIGHT_NEIGHBOURS) - 1) @ np.array([stride, 1])
    around = [(summit.top[:, None] + offsets).ravel() for summit in summits]
    reaching, reached = index.meetings(around)[:2]
    pairs = np.unique(reaching * size + reached)
    first, second = np.divmod(pairs, max(size, 1))
    mutual = (first < second) & np.isin(second * size + first, pairs, assume_unique=True)
    related: dict[tuple[int, int], bool] = {}
    links = []
    for link in zip(first[mutual].tolist(), second[mutual].tolist(), strict=True):
        pair = (summits[link[0]].instance, summits[link[1]].instance)
        if pair not in related:
            related[pair] = _share_pixels(*(instances.instances[each] for each in pair))
        if related[pair]:
            links.append(link)
    rows, columns = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(links), bool), (rows, columns)), shape=(size, size))
    n_groups, group = connected_components(graph, directed=False)
    result: list[list[Summit]] = [[] for _ in range(n_groups)]
    for summit, number in zip(summits, group.tolist(), strict=True):
        result[number].append(summit)
    return result


def _share_pixels(first: ProbabilisticInstance, second: ProbabilisticInstance) -> bool:
    """Whether any draw of the one and any of the other hold a common pixel."""
    box = intersect(first.bbox, second.bbox)
    if box is None:
        return False
    crops = (crop_to(each.bbox, each.counts, box) for each in (first, second))
    return bool(np.logical_and(*crops).any())


def _places(
    groups: Sequence[list[Summit]], grids: Sequence[EntropyPatches]
) -> list[tuple[int, list[int]]]:
    """Patch of each group's peak, and the instances that are involved there."""
    doubtful = [grid.total > 0 for grid in grids]
    index = PatchIndex([grid.keys(each) for grid, each in zip(grids, doubtful, strict=True)])
    means = np.concatenate(
        [np.zeros(0), *(grid.mean[each] for grid, each in zip(grids, doubtful, strict=True))]
    )
    entropies = np.array([max(each.entropy for each in group) for group in groups])
    places = [
        _middle(_united([each.top for each in group if each.entropy == entropy]), grids[0].stride)
        for group, entropy in zip(groups, entropies.tolist(), strict=True)
    ]
    asking, owner, entry = index.meetings([np.array([place]) for place in places])
    involved = means[entry] >= INVOLVED * entropies[asking]
    also: list[list[int]] = [[] for _ in groups]
    for number, instance in zip(asking[involved].tolist(), owner[involved].tolist(), strict=True):
        also[number].append(instance)
    return list(zip(places, also, strict=True))


def _united(lists: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """All keys of lists that are ascending, ascending and each once."""
    return lists[0] if len(lists) == 1 else np.unique(np.concatenate(lists))


def _peak(
    group: list[Summit],
    place: int,
    also: list[int],
    *,
    grids: Sequence[EntropyPatches],
    witness: Witness,
    patch: int,
) -> Peak:
    """Peak of a group of summits, not yet ranked."""
    entropy = max(summit.entropy for summit in group)
    region = _united([summit.region for summit in group])
    involved = {summit.instance for summit in group}.union(also)
    ranked = list(involved)
    if len(ranked) > 1:
        ranked.sort(key=lambda each: (-grids[each].highest_at(region), each))
    mass = sum(grids[each].total_at(region) for each in ranked) / SCALE
    kind, reason = witness.testify(tuple(ranked))
    row, column = divmod(place, grids[0].stride)
    y, x = (row - 1) * patch, (column - 1) * patch
    return Peak(y, x, tuple(ranked), entropy, mass, 0, kind, reason)


def _middle(keys: NDArray[np.int64], stride: int) -> int:
    """Choose the one of some patches nearest to their mean; the first of several."""
    if len(keys) == 1:
        return int(keys[0])
    patches = np.stack(np.divmod(keys, stride), axis=1)
    offset = patches * len(patches) - patches.sum(axis=0)
    return int(keys[np.argmin(np.square(offset).sum(axis=1))])
