"""What is known of one pixel: every instance there, with its probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.instances import ProbabilisticInstances


@dataclass(frozen=True, slots=True)
class Reading:
    """One instance at a pixel.

    Parameters
    ----------
    id : int
        The instance.
    votes : int or None
        Draws that hold the pixel; None for an instance that an edit made: no draw knows it.
    n_draws : int
        Number of draws.
    is_current : bool
        Whether the instance holds the pixel as it is now; if not, too few draws saw it there, or
        an edit took the pixel away.
    """

    id: int
    votes: int | None
    n_draws: int
    is_current: bool

    @property
    def probability(self) -> float | None:
        """Votes / draws, 0 to 1; None without votes."""
        return None if self.votes is None else self.votes / self.n_draws


class Readings:
    """Reads single pixels of a prediction and its corrections, while the pointer moves.

    Nothing is changed here, and a session that is edited in between makes no reading fail: the
    status line of napari reads from a thread of its own.

    Parameters
    ----------
    predicted : ProbabilisticInstances
        The prediction; its instance i has the id i + 1.
    """

    def __init__(self, predicted: ProbabilisticInstances) -> None:
        self._predicted = predicted

    def at(self, session: CurationSession, y: int, x: int) -> tuple[Reading, ...]:
        """Read the pixel at ``y``, ``x`` of the prediction and of its session.

        Returns
        -------
        tuple of Reading
            Every instance that holds the pixel now, or in at least one draw: current ones first,
            then by falling votes, then by id.
        """
        votes = self._votes(y, x)
        holding = _holding(session, y, x)
        readings = [
            Reading(
                identifier,
                votes.get(identifier, 0) if identifier <= len(self._predicted) else None,
                self._predicted.n_draws,
                identifier in holding,
            )
            for identifier in sorted(holding | votes.keys())
        ]
        return tuple(sorted(readings, key=lambda each: (not each.is_current, -(each.votes or 0))))

    def _votes(self, y: int, x: int) -> dict[int, int]:
        """Draws that hold the pixel, by the id of each instance that has any there."""
        counted = {}
        for index in self._predicted.within((y, x, y + 1, x + 1)):
            instance = self._predicted.instances[index]
            y0, x0 = instance.bbox[:2]
            counted[index + 1] = int(instance.counts[y - y0, x - x0])
        return {identifier: count for identifier, count in counted.items() if count}


def _holding(session: CurationSession, y: int, x: int) -> set[int]:
    """Current instances at a pixel; one that vanishes while this looks is none."""
    around = session.instances_within((y, x, y + 1, x + 1))
    found = {identifier: session.instances.get(identifier) for identifier in around}
    return {key for key, instance in found.items() if instance and instance.contains(y, x)}
