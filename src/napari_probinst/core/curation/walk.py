"""Going through peaks: which of them pass a filter, and which comes next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.curation.peak_filter import STATUSES, PeakFilter
from napari_probinst.core.inference.jitter import CONTOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from napari_probinst.core.instances import Peak

_OPEN = STATUSES.index("open")
#: Peaks that pass when nothing is said about it: all but the touched ones.
_ANY = PeakFilter()


@dataclass(frozen=True, slots=True, eq=False)
class PeakColumns:
    """What filters ask of peaks, as arrays.

    Parameters
    ----------
    kinds : ndarray of str, shape (n_kinds,)
        Names of the kinds that occur.
    kind : ndarray of int, shape (n_peaks,)
        Place of each peak's kind in ``kinds``.
    mass : ndarray of float, shape (n_peaks,)
        Entropy mass, nats.
    """

    kinds: NDArray[np.str_]
    kind: NDArray[np.intp]
    mass: NDArray[np.float64]

    @classmethod
    def of(cls, peaks: Iterable[Peak]) -> Self:
        """Columns of peaks in their order."""
        peaks = tuple(peaks)
        names = np.array([peak.kind for peak in peaks], dtype=np.str_)
        kinds, kind = np.unique(names, return_inverse=True)
        return cls(kinds, kind, np.array([peak.mass for peak in peaks], dtype=np.float64))

    def __getitem__(self, order: NDArray[np.intp]) -> Self:
        """Return the peaks of these indices, in their order."""
        return type(self)(self.kinds, self.kind[order], self.mass[order])


class PeakWalk(ABC):
    """Peaks in the order in which they are gone through; a position counts them from 0."""

    __slots__ = ()

    @property
    @abstractmethod
    def columns(self) -> PeakColumns:
        """What filters ask of the peaks."""

    @abstractmethod
    def states(self) -> NDArray[np.uint8]:
        """Place of each peak's state in `STATUSES`, shape (n_peaks,)."""

    def __len__(self) -> int:
        return len(self.columns.mass)

    def passing(self, among: PeakFilter) -> NDArray[np.bool_]:
        """Whether each peak passes a filter, shape (n_peaks,)."""
        columns = self.columns
        status_passes = np.array([status in among.statuses for status in STATUSES])
        passes: NDArray[np.bool_] = status_passes[self.states()]
        if among.kinds is not None:
            kind_passes = np.array([kind in among.kinds for kind in columns.kinds], dtype=bool)
            passes &= kind_passes[columns.kind]
        if among.least_contour_mass > 0:
            contours = (columns.kinds == CONTOUR)[columns.kind]
            passes &= ~contours | (columns.mass >= among.least_contour_mass)
        return passes

    def next(self, position: int, among: PeakFilter = _ANY) -> int | None:
        """Peak after ``position`` that passes, whether decided or not."""
        return _first(self.passing(among)[position + 1 :], position + 1)

    def previous(
        self, position: int, among: PeakFilter = _ANY, visited: Sequence[int] = ()
    ) -> int | None:
        """Peak before ``position`` that passes, whether decided or not.

        Of those that were ``visited`` also the ones that pass but for their state: an edit that
        settles a peak takes it out of the list, and one must be able to look at it again.
        """
        wanted = self.passing(among)
        if visited:
            indices = np.asarray(visited, dtype=np.intp)
            wanted[indices] = self.passing(among.in_any_state)[indices]
        before = _first(wanted[:position][::-1])
        return None if before is None else position - 1 - before

    def next_open(self, position: int, among: PeakFilter = _ANY) -> int | None:
        """Open peak after ``position`` that passes, else the first before it.

        With a filter that leaves open peaks out, any that passes: so skipped ones are gone
        through again. None once all are reviewed.
        """
        wanted = self.passing(among)
        if "open" in among.statuses:
            wanted &= self.states() == _OPEN
        later = _first(wanted[position + 1 :], position + 1)
        return _first(wanted[:position]) if later is None else later

    def open_passing(self, among: PeakFilter = _ANY) -> NDArray[np.bool_]:
        """Whether each peak is open and passes, shape (n_peaks,)."""
        is_open: NDArray[np.bool_] = self.states() == _OPEN
        return self.passing(among) & is_open

    def n_open(self, among: PeakFilter = _ANY) -> int:
        """Open peaks that pass."""
        return int(np.count_nonzero(self.open_passing(among)))


def _first(found: NDArray[np.bool_], offset: int = 0) -> int | None:
    """Position of the first true element plus ``offset``, None if there is none."""
    if not found.any():
        return None
    return int(found.argmax()) + offset
