"""Which instances a place is about, and what each draw sees there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.boxes import intersect, window

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
    one = prediction.instances[index]
    found = {index}
    for other in prediction.within(one.bbox):
        if other != index and _is_mostly_in_one(prediction.instances[other], one, prediction):
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


def _is_mostly_in_one(
    instance: ProbabilisticInstance, one: ProbabilisticInstance, prediction: ProbabilisticInstances
) -> bool:
    """Whether what some draw sees as ``one`` covers half of an instance whose boxes meet."""
    # Most neighbours hardly touch all that the draws see together: no need to ask each draw.
    least = COVERED * int(instance.counts.sum())
    box = intersect(instance.bbox, one.bbox)
    if box is None or instance.votes * (box[2] - box[0]) * (box[3] - box[1]) < least:
        return False
    votes = instance.counts[window(box, instance.bbox)]
    if int(votes[one.counts[window(box, one.bbox)] > 0].sum()) < max(least, 1):
        return False
    bodies = (
        draw.instances[match]
        for draw, match in zip(prediction.draws, one.matches, strict=True)
        if match is not None
    )
    return any(int(votes[body.crop(box)].sum()) >= least for body in bodies)
