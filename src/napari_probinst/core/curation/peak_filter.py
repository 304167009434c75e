"""Which peaks a curator wants to see: by kind, by status, and by how much is at stake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from typing import Self

#: State of a peak; "touched": all its instances were edited since, so its reason no longer holds.
Status = Literal["open", "accepted", "skipped", "flagged", "touched"]

STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class PeakFilter:
    """What a peak must be to be listed and walked to.

    Parameters
    ----------
    kinds : frozenset of str or None, default None
        Likely errors that pass, see `Peak.kind`; None for every kind.
    statuses : frozenset of str
        States that pass; by default all but "touched", whose reason no longer holds.
    least_contour_mass : float, default 0
        Peaks of kind "contour" with less entropy mass are jitter and don't pass, nats.
    image : int or None, default None
        The one image of a `FolderReview` whose peaks pass; None for all.
    """

    kinds: frozenset[str] | None = None
    statuses: frozenset[Status] = frozenset({"open", "accepted", "skipped", "flagged"})
    least_contour_mass: float = 0.0
    image: int | None = None

    @property
    def in_any_state(self) -> Self:
        """The same filter, whatever became of a peak: work done doesn't leave what is counted."""
        return replace(self, statuses=frozenset(STATUSES))
