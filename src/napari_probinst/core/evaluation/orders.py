"""Orders in which a curator could visit places: by uncertainty, by other means, by the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.evaluation.average_precision import mean_dsb
from napari_probinst.core.evaluation.correction import Stop, hits, untouched, visit
from napari_probinst.core.inference.entropy import confidence
from napari_probinst.core.inference.ranking import rank_across

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.evaluation.correction import Case
    from napari_probinst.core.inference.ranking import Ranking
    from napari_probinst.core.instances import Instance, Peak

#: What each order is, in the order of tables; all but the first are the same for any ranking.
ORDERS = {
    "ours": "peaks by the named ranking, with the instances that each involves",
    "paper": "peaks by the entropy of their patch, with the instances in or beside it",
    "entropy mass": "instances, by the sum of their entropy",
    "confidence": "instances, those first that the draws agree on least",
    "boundary": "instances, those first whose pixels lie nearest to their outline",
    "largest": "instances, the largest first",
    "random": "instances in random order, mean of 20",
    "oracle": "worst IoU first, missed ones before all others",
    "greedy oracle": "at each stop the instance, or missed one, that gains most DSB",
}
#: Orders that look at the truth.
ORACLES = ("oracle", "greedy oracle")


def by_ranking(cases: Sequence[Case], ranking: Ranking) -> list[Stop]:
    """Peaks of all images by a named ranking: the instances that each peak involves."""
    return [Stop(image, peak.y, peak.x, peak.instances) for image, peak in _peaks(cases, ranking)]


def by_patch_peaks(cases: Sequence[Case]) -> list[Stop]:
    """Peaks of all images as in the paper, by the entropy of their patch.

    Looked at are the instances that "lie within or directly neighbor the peak patches"
    (section 3.1): with a pixel in the patch or in one of the eight around it.
    """
    return [
        Stop(image, peak.y, peak.x, cases[image].shown_near(peak.y, peak.x))
        for image, peak in _peaks(cases, "entropy")
        if peak.entropy > 0  # places where only the size is in doubt are not the paper's
    ]


def by_entropy_mass(cases: Sequence[Case]) -> list[Stop]:
    """Instances by their entropy, summed over their pixels; the largest sum first."""

    def masses(case: Case) -> list[float]:
        levels = entropy_levels(case.prediction.instances.n_draws)
        return [-levels[each.counts].sum() for each in case.prediction.instances.instances]

    return _by_instance(cases, masses)


def by_confidence(cases: Sequence[Case]) -> list[Stop]:
    """Instances by the mean pairwise IoU of the draws, the lowest first."""
    return _by_instance(cases, lambda case: confidence(case.prediction.instances))


def by_boundary(cases: Sequence[Case]) -> list[Stop]:
    """Instances by the mean distance of their pixels to their outline, the nearest first."""

    def distances(case: Case) -> list[float]:
        return [_mean_depth(instance) for instance in case.binary.instances]

    return _by_instance(cases, distances)


def by_size(cases: Sequence[Case]) -> list[Stop]:
    """Instances by their number of pixels, the most first."""
    return _by_instance(cases, lambda case: -case.binary.areas())


def at_random(cases: Sequence[Case], generator: np.random.Generator) -> list[Stop]:
    """Instances of all images, shuffled."""
    return _by_instance(cases, lambda case: generator.random(len(case.binary)))


def by_truth(cases: Sequence[Case]) -> list[Stop]:
    """Worst first: by the IoU with the counterpart; 0 for one without, and for a missed one.

    At IoU 0 missed instances come before spurious ones: adding one gains more than dropping one.
    """
    ranked = []
    for image, case in enumerate(cases):
        for stop in _oracle_stops(image, case):
            partner = case.partners[stop.instances[0]] if stop.instances else None
            iou = 0.0 if partner is None else float(case.iou[stop.instances[0], partner])
            ranked.append((iou, len(stop.instances), image, stop))
    ranked.sort(key=lambda item: item[:3])
    return [stop for *_, stop in ranked]


def by_gain(cases: Sequence[Case], n_stops: int) -> list[Stop]:
    """At each of ``n_stops`` the instance, or missed one, whose correction gains most.

    The gain is that of the DSB averaged over images. The order ends where nothing gains.
    """
    states = [untouched(case) for case in cases]
    options = [stop for image, case in enumerate(cases) for stop in _oracle_stops(image, case)]

    def gain(stop: Stop) -> float:
        case, state = cases[stop.image], states[stop.image]
        corrected = visit(case, state, stop)
        if corrected is state:
            return 0.0
        return mean_dsb([hits(case, corrected)]) - mean_dsb([hits(case, state)])

    gains = np.array([gain(stop) for stop in options])
    chosen: list[Stop] = []
    while len(chosen) < n_stops and gains.size and gains.max() > 0:
        stop = options[int(np.argmax(gains))]
        chosen.append(stop)
        states[stop.image] = visit(cases[stop.image], states[stop.image], stop)
        for index, option in enumerate(options):
            if option.image == stop.image:
                gains[index] = gain(option)
    return chosen


def _peaks(cases: Sequence[Case], ranking: Ranking) -> list[tuple[int, Peak]]:
    names = [case.prediction.name for case in cases]
    images = dict(zip(names, range(len(names)), strict=True))
    ranked = rank_across(((case.prediction.name, case.prediction.peaks) for case in cases), ranking)
    return [(images[name], peak) for name, peak in ranked]


def _by_instance(
    cases: Sequence[Case], key: Callable[[Case], Sequence[float] | NDArray[Any]]
) -> list[Stop]:
    """Shown instances of all images by ``key``, the lowest first; ties by image and index."""
    ranked = []
    for image, case in enumerate(cases):
        values = key(case)
        ranked += [(float(values[index]), image, index) for index in case.shown]
    return [
        Stop(image, *cases[image].places[index], (index,)) for _, image, index in sorted(ranked)
    ]


def _oracle_stops(image: int, case: Case) -> list[Stop]:
    """One stop for each instance that is shown, and one for each that is missed."""
    n_predicted = len(case.binary)
    shown = [Stop(image, *case.places[index], (index,)) for index in case.shown]
    return shown + [Stop(image, *case.places[n_predicted + index], ()) for index in case.missed]


def _mean_depth(instance: Instance) -> float:
    if not instance.mask.any():
        return 0.0
    depth = ndimage.distance_transform_edt(np.pad(instance.mask, 1))[1:-1, 1:-1]
    return float(depth[instance.mask].mean())
