"""A session that goes to the disk by itself, from its first correction on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.curation.records import Visit
from napari_probinst.core.curation.replay import replay
from napari_probinst.core.curation.session_folder import SessionFolder
from napari_probinst.core.errors import ProbinstError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_probinst.core.curation.records import Record
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.curation.session_place import SessionPlace
    from napari_probinst.core.prediction import Prediction


class KeptSession:
    """A curation session, and its folder from the first correction on.

    Looking around begins no folder. A correction that can't be written takes effect all the
    same: it waits in memory, `problem` says why, and each further record tries to write all that
    wait. A folder that was removed is begun anew, with everything.

    Parameters
    ----------
    start : Prediction or SessionFolder
        What is to be corrected, or the open session to go on with.
    place : SessionPlace
        Where a folder is begun.
    tell : callable
        Called with a sentence for the user when something is out of the ordinary.
    records : sequence of Record, optional
        What has been done to the prediction already.
    on_disk : bool, default False
        Whether ``records`` come from a folder that can be read only: they need no new one.

    Attributes
    ----------
    session : CurationSession
        The session; a correction is on the disk, or said not to be, before it takes effect.
    folder : SessionFolder or None
        Its folder; None before the first correction.
    problem : str or None
        Why there are corrections that are not on the disk, a sentence; None if all are.
    closed : bool
        Whether the folder was given free.
    """

    def __init__(
        self,
        start: Prediction | SessionFolder,
        place: SessionPlace,
        tell: Callable[[str], None],
        *,
        records: Sequence[Record] = (),
        on_disk: bool = False,
    ) -> None:
        self.folder: SessionFolder | None = None
        self.problem: str | None = None
        self.closed = False
        self._place = place
        self._tell = tell
        self.session: CurationSession
        if isinstance(start, SessionFolder):
            self.folder, self.session, on_disk = start, start.session, True
            start.recorder = self._record
            self._tell_warning(start)
        else:
            self.session = replay(start, records, recorder=self._record)
        self._records = list(self.session.records)
        self._n_written = len(self._records) if on_disk else 0

    @property
    def path(self) -> Path | None:
        """The folder ``NAME.probinst``; None before the first correction."""
        return None if self.folder is None else self.folder.path

    @property
    def read_only(self) -> bool:
        """Whether corrections are refused, because they are made elsewhere."""
        return self.folder is not None and self.folder.read_only

    @property
    def n_waiting(self) -> int:
        """Number of edits, decisions, undos and redos that are not on the disk."""
        waiting = self._records[self._n_written :]
        return sum(not isinstance(record.event, Visit) for record in waiting)

    def write(self) -> bool:
        """Try to write what waits; return whether every correction is on the disk now."""
        if self.closed or self.read_only:
            return self.n_waiting == 0
        try:
            self._write()
        except (ProbinstError, OSError) as error:
            if str(error) != self.problem:
                self._tell(str(error))
            self.problem = str(error)
        else:
            self.problem = None
        return self.n_waiting == 0

    def move(self, place: SessionPlace) -> bool:
        """Begin a folder elsewhere, with all that happened; return whether that was possible."""
        former, n_written = self.folder, self._n_written
        before, self._place = self._place, place
        self.folder, self._n_written = None, 0
        if self.write() and self.folder is not None:
            if former is not None:
                former.close()
            return True
        self.folder, self._n_written, self._place = former, n_written, before
        return False

    def close(self) -> bool:
        """Write what waits and give the folder free.

        Returns
        -------
        bool
            False if there are corrections that can't be written: an open one then stays open.
        """
        if not self.write():
            return False
        self.release()
        return True

    def release(self) -> None:
        """Give the folder free, whatever waits."""
        self.closed = True
        if self.folder is not None:
            self.folder.close()

    def _record(self, record: Record) -> None:
        if self.folder is not None and self.read_only:
            self.folder.append(record)
            return
        self._records.append(record)
        if not self.closed:
            self.write()

    def _write(self) -> None:
        if self.folder is not None and not self.folder.is_whole:
            # It was removed or cut short, or its disk is away: all of it is still known here.
            self.folder.close()
            self.folder, self._n_written = None, 0
        if self.folder is None and self.n_waiting:
            self.folder = self._place.begin(self.session, self._records)
            self._n_written = len(self._records)
            self._tell_warning(self.folder)
        while self.folder is not None and self._n_written < len(self._records):
            self.folder.append(self._records[self._n_written])
            self._n_written += 1

    def _tell_warning(self, folder: SessionFolder) -> None:
        if folder.warning is not None:
            self._tell(folder.warning)
