"""The queue of peaks: which are open, decided or touched by edits, and how far the review is."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.curation.peak_filter import STATUSES, Status
from napari_probinst.core.curation.walk import PeakColumns, PeakWalk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.curation.history import Decision
    from napari_probinst.core.instances import Peak

_OPEN, _ACCEPTED, _SKIPPED, _FLAGGED, _TOUCHED = range(5)
#: The review hardly pays any longer once so many peaks were finished last of which no more than
#: this needed an edit, and this share of the entropy mass is reviewed.
_STOP_RECENT, _STOP_EDITED, _STOP_SHARE = 10, 1, 0.5


@dataclass(frozen=True, slots=True)
class ReviewStatistics:
    """How far the review is, and whether it still pays.

    Parameters
    ----------
    total : int
        Peaks that are counted: of the image, of all images, or those that a filter lists.
    open, accepted, skipped, flagged, touched : int
        Peaks in each state; they sum to ``total``.
    mass_share : float
        Share of the entropy mass of all peaks, listed or not, that is reviewed, in [0, 1]; 1 if
        there is none.
    recent : int
        Peaks finished last that are looked back on, at most 10.
    recent_edited : int
        Those of them that needed an edit: close to 0 is the time to stop.
    """

    total: int
    open: int
    accepted: int
    skipped: int
    flagged: int
    touched: int
    mass_share: float
    recent: int
    recent_edited: int

    @property
    def reviewed(self) -> int:
        """Peaks that are accepted, flagged or touched; a skipped one is put off."""
        return self.accepted + self.flagged + self.touched

    @property
    def may_stop(self) -> bool:
        """Whether the review hardly pays any longer.

        So it is if at most 1 of the last 10 needed an edit, and the larger half of the
        uncertainty is reviewed: who began with the least of it has seen nothing yet.
        """
        quiet = self.recent >= _STOP_RECENT and self.recent_edited <= _STOP_EDITED
        return quiet and self.mass_share >= _STOP_SHARE


class ReviewQueue(PeakWalk):
    """States of an image's peaks, by rank.

    Every step costs as much as the peaks it concerns; walking and counting are single passes
    over an array with one byte a peak.

    Parameters
    ----------
    peaks : sequence of Peak
        The most uncertain first. Instance index i of a peak has the id i + 1.
    """

    def __init__(self, peaks: Sequence[Peak]) -> None:
        self._decisions: dict[int, Decision] = {}
        self._states = np.full(len(peaks), _OPEN, dtype=np.uint8)
        self._columns = PeakColumns.of(peaks)
        self._ids = [frozenset(index + 1 for index in peak.instances) for peak in peaks]
        # Instances of each peak that no edit has touched yet.
        self._untouched = [len(ids) for ids in self._ids]
        self._peaks_of: dict[int, list[int]] = defaultdict(list)
        for peak, ids in enumerate(self._ids):
            for identifier in ids:
                self._peaks_of[identifier].append(peak)
        self._edits_of: Counter[int] = Counter()
        self._edits_at: Counter[int] = Counter()

    @property
    def columns(self) -> PeakColumns:
        """What filters ask of the peaks."""
        return self._columns

    def status(self, peak: int) -> Status:
        """State of a peak; a decision counts for more than an edit elsewhere."""
        return STATUSES[int(self._states[peak])]

    def decision(self, peak: int) -> Decision | None:
        """Return the decision about a peak, None if there is none."""
        return self._decisions.get(peak)

    def instance_ids(self, peak: int) -> frozenset[int]:
        """Ids of the instances that a peak is about."""
        return self._ids[peak]

    def decide(self, peak: int, decision: Decision | None) -> None:
        """Set or withdraw the decision about a peak."""
        if decision is None:
            self._decisions.pop(peak, None)
        else:
            self._decisions[peak] = decision
        self._update(peak)

    def count_edit(
        self, ids: Iterable[int], at_peak: int | None, *, undone: bool = False
    ) -> tuple[int, ...]:
        """Count an edit of instances, or take it back; return the peaks whose state changed."""
        step = -1 if undone else 1
        if at_peak is not None:
            self._edits_at[at_peak] += step
        concerned: set[int] = set()
        for identifier in ids:
            was_touched = self._edits_of[identifier] > 0
            self._edits_of[identifier] += step
            if was_touched == (self._edits_of[identifier] > 0):
                continue
            for peak in self._peaks_of.get(identifier, ()):
                self._untouched[peak] -= step
                concerned.add(peak)
        return tuple(sorted(peak for peak in concerned if self._update(peak)))

    def needed_edit(self, peak: int) -> bool:
        """Whether an edit that still holds was made at this peak."""
        return self._edits_at[peak] > 0

    def states(self) -> NDArray[np.uint8]:
        """Place of each peak's state in `STATUSES`, shape (n_peaks,)."""
        return self._states.copy()

    def statistics(self, recent: Sequence[int] = ()) -> ReviewStatistics:
        """Count the peaks in each state; ``recent`` are the peaks to look back on."""
        return count_states(self._states, self._columns.mass, map(self.needed_edit, recent))

    def _update(self, peak: int) -> bool:
        """Set the state of a peak anew; return whether it changed."""
        before = self._states[peak]
        if peak in self._decisions:
            self._states[peak] = STATUSES.index(self._decisions[peak])
        else:
            touched = self._ids[peak] and not self._untouched[peak]
            self._states[peak] = _TOUCHED if touched else _OPEN
        return bool(self._states[peak] != before)


def count_states(
    states: NDArray[np.uint8],
    mass: NDArray[np.float64],
    recent: Iterable[bool],
    counted: NDArray[np.bool_] | None = None,
) -> ReviewStatistics:
    """Count peaks in each state.

    Parameters
    ----------
    states : ndarray of uint8, shape (n_peaks,)
        Place of each peak's state in `STATUSES`.
    mass : ndarray of float, shape (n_peaks,)
        Entropy mass, nats.
    recent : iterable of bool
        Whether each of the peaks finished last needed an edit.
    counted : ndarray of bool, shape (n_peaks,), optional
        Peaks that are counted; all by default. The share of the mass is of all peaks.
    """
    chosen = states if counted is None else states[counted]
    counts = np.bincount(chosen, minlength=len(STATUSES)).tolist()
    by_status: dict[str, int] = dict(zip(STATUSES, counts, strict=True))
    reviewed = np.isin(states, (_ACCEPTED, _FLAGGED, _TOUCHED))
    whole = float(mass.sum())
    recent = tuple(recent)
    return ReviewStatistics(
        total=len(chosen),
        **by_status,
        mass_share=float(mass[reviewed].sum()) / whole if whole > 0 else 1.0,
        recent=len(recent),
        recent_edited=sum(recent),
    )
