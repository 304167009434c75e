"""Which instances a place is about, and what each draw sees there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.boxes import enclose, intersect, window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_probinst.core.instances import (
        Instance,
        ProbabilisticInstance,
        ProbabilisticInstances,
    )

#: An instance is part of a place if one instance that a draw sees there covers this share of it.
COVERED = 0.5


def instances_at(prediction: ProbabilisticInstances, involved: Iterable[int]) -> tuple[int, ...]:
    """Instances that the draws have to be asked about where some are in doubt.

    Parameters
    ----------
    prediction : ProbabilisticInstances
        With the draws' instances and their matches.
    involved : iterable of int
        Indices of instances, e.g. those of a peak.

    Returns
    -------
    tuple of int
        Indices, ascending: those in doubt, and what each of them brings along, see
        `instances_beside`.
    """
    return tuple(sorted(set().union(*(instances_beside(prediction, each) for each in involved))))


def instances_beside(prediction: ProbabilisticInstances, index: int) -> frozenset[int]:
    """Instances that an instance brings along, itself included.

    These are the other predicted ones of which half is covered, on the average over the draws
    that contain them, by what one draw sees in its place: where one draw sees one worm and others
    two, all draws are asked about both.
    """
    matches = zip(prediction.draws, prediction.instances[index].matches, strict=True)
    bodies = [draw.instances[match] for draw, match in matches if match is not None]
    found = {index}
    for other in prediction.within(enclose(body.bbox for body in bodies)):
        if other != index and _is_mostly_in_one(prediction.instances[other], bodies):
            found.add(other)
    return frozenset(found)


def views_at(
    prediction: ProbabilisticInstances, indices: Iterable[int]
) -> tuple[tuple[Instance, ...], ...]:
    """For each draw what it sees in the place of instances, in its own order; may be empty."""
    matches = [prediction.instances[index].matches for index in indices]
    views = []
    for number, draw in enumerate(prediction.draws):
        found = {match for each in matches if (match := each[number]) is not None}
        views.append(tuple(draw.instances[match] for match in sorted(found)))
    return tuple(views)


def _is_mostly_in_one(instance: ProbabilisticInstance, bodies: Iterable[Instance]) -> bool:
    least = COVERED * int(instance.counts.sum())
    for body in bodies:
        box = intersect(instance.bbox, body.bbox)
        # Most neighbours do no more than touch: their boxes have too little in common.
        if box is None or instance.votes * (box[2] - box[0]) * (box[3] - box[1]) < least:
            continue
        votes = instance.counts[window(box, instance.bbox)]
        if int(votes[body.mask[window(box, body.bbox)]].sum()) >= least:
            return least > 0
    return False
