"""Which peaks a curator wants to see: by kind, by status, and by how much is at stake."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from napari_probinst.core.instances import Peak

#: State of a peak; "touched": all its instances were edited since, so its reason no longer holds.
Status = Literal["open", "accepted", "skipped", "flagged", "touched"]

STATUSES: tuple[Status, ...] = get_args(Status)
#: Kind of the peaks at which nothing but an outline is in doubt.
CONTOUR = "contour"


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


def jitter_mass(patch: int) -> float:
    """Entropy mass below which a contour peak is jitter: one patch in full doubt, nats.

    Outlines differ by a pixel everywhere, and each wiggle is a peak of its own; one that is
    worth less than a patch whose every pixel is in full doubt (ln 2 each) hardly changes an
    instance.

    Parameters
    ----------
    patch : int
        Side of a patch, pixels.
    """
    return math.log(2) * patch**2


def count_jitter(peaks: Iterable[Peak], patch: int) -> int:
    """Count the peaks that are jitter: outlines worth less than `jitter_mass`.

    Parameters
    ----------
    peaks : iterable of Peak
        Peaks of one image.
    patch : int
        Side of a patch, pixels.
    """
    least = jitter_mass(patch)
    return sum(peak.kind == CONTOUR and peak.mass < least for peak in peaks)
