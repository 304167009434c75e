"""A session on disk, ``NAME.probinst/``: a manifest, the prediction, and the journal.

The state is always the prediction with the journal's records applied; nothing else is stored, so
there is nothing that can contradict it. Each record is on the disk before it takes effect. One
process writes: it holds a lock of the operating system, which ends with the process.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import secrets
import shutil
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from napari_probinst.core.curation.journal import (
    Journal,
    JournalHeader,
    JournalWriter,
    check_header,
    read_journal,
    to_lines,
)
from napari_probinst.core.curation.manifest import (
    JOURNAL,
    LOCK,
    MANIFEST,
    PREDICTION,
    Manifest,
    read_manifest,
)
from napari_probinst.core.curation.records import Visit
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.data.atomic import atomic_file, output_error
from napari_probinst.core.data.prediction_file import load_prediction, save_prediction
from napari_probinst.core.errors import InputError, OutputError, SessionInUseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from napari_probinst.core.curation.records import Record
    from napari_probinst.core.prediction import Prediction


class SessionFolder:
    """An open session; a context manager that gives the folder free at its end.

    Made by `create_session`, `begin_session` and `open_session`.

    Attributes
    ----------
    path : Path
        The folder ``NAME.probinst``.
    manifest : Manifest
        What the session is about.
    session : CurationSession
        Its state; every edit and decision is on the disk when it returns.
    recorder : callable
        Takes each record of a session that was opened here: `append`, unless a caller puts one
        of its own in its place.
    read_only : bool
        Whether edits and decisions are refused.
    warning : str or None
        A sentence for the user where the journal's last line was torn.
    """

    def __init__(
        self, path: Path, lock: FileLock | None, session: CurationSession | None = None
    ) -> None:
        self.path = path
        self.read_only = lock is None
        self.recorder: Callable[[Record], None] = self.append
        self.warning: str | None = None
        self._lock = lock
        self._writer: JournalWriter | None = None
        self.manifest = read_manifest(path)
        # Read before anything is cut off: a journal that doesn't fit stays as it is.
        self.session = self._read() if session is None else session
        if lock is not None:
            self._writer = JournalWriter(path / JOURNAL, self.session.header)

    def append(self, record: Record) -> None:
        """Write a record, and wait until it is on the disk.

        A reader may look around: visits are let through, and leave no trace.

        Raises
        ------
        OutputError
            If the session is open for reading only, or the journal can't be written.
        """
        if self._writer is not None:
            self._writer.append(record)
        elif not isinstance(record.event, Visit):
            raise OutputError(
                f"{self.path.name} is open for reading only: close it where it is being "
                "corrected, and open it again."
            )

    @property
    def is_whole(self) -> bool:
        """Whether the journal is still there, with every line that was written."""
        if self._writer is None:
            return (self.path / JOURNAL).exists()
        return self._writer.is_whole

    def _read(self) -> CurationSession:
        # Not `replay`: the checksum, which takes long, is needed before and computed once.
        session = CurationSession(load_prediction(self.path / PREDICTION), recorder=self._record)
        file_checksum = self.manifest.prediction_file
        if session.header.prediction != self.manifest.prediction or (
            file_checksum and _file_checksum(self.path / PREDICTION) != file_checksum
        ):
            raise InputError(
                f"{self.path / PREDICTION} is not the prediction that this session was begun "
                "with: restore the folder from a copy."
            )
        journal = read_session_journal(self.path)
        check_header(journal, session.header.prediction)
        self.warning = journal.warning
        session.restore(journal.records)
        session.mark_saved()
        return session

    def _record(self, record: Record) -> None:
        """Pass a record on; `recorder` may be another one by now."""
        self.recorder(record)

    def close(self) -> None:
        """Give the folder free; further edits are refused."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        self.read_only = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def create_session(prediction: Prediction, folder: Path) -> SessionFolder:
    """Begin a session in ``folder``, which must not exist yet, and open it for writing.

    Parameters
    ----------
    prediction : Prediction
        What is to be corrected.
    folder : Path
        By convention ``NAME.probinst`` beside the image or the prediction.

    Raises
    ------
    OutputError
        If the folder exists or can't be written.
    """
    if folder.exists():
        raise OutputError(f"{folder} exists already: open it, or choose another name.")
    _write(prediction, (), folder)
    return open_session(folder)


def begin_session(
    session: CurationSession, records: Iterable[Record], folder: Path
) -> SessionFolder:
    """Put a session on the disk that has been in memory, and open it for writing.

    Parameters
    ----------
    session : CurationSession
        The session. What it does next comes into the folder by `SessionFolder.append` alone.
    records : iterable of Record
        What has happened so far: the journal's first lines.
    folder : Path
        As in `create_session`. It appears complete, or not at all.

    Raises
    ------
    OutputError
        If the folder exists or can't be written.
    """
    if folder.exists():
        raise OutputError(f"{folder} exists already: open it, or choose another name.")
    _write(session.prediction, records, folder)
    lock = _locked(folder)
    try:
        return SessionFolder(folder, lock, session)
    except BaseException:
        lock.release()
        raise


def open_session(folder: Path, *, read_only: bool = False) -> SessionFolder:
    """Open a session at the peak where it was left.

    Parameters
    ----------
    folder : Path
        A folder ``NAME.probinst``.
    read_only : bool, default False
        Leave the folder as it is, also while another process corrects it.

    Raises
    ------
    SessionInUseError
        If another process, or another window, has it open for writing.
    InputError
        If it is no session, is damaged, or was written by a newer program.
    OutputError
        If the folder can't be written.
    """
    read_manifest(folder)
    lock = None if read_only else _locked(folder)
    try:
        return SessionFolder(folder, lock)
    except BaseException:
        if lock is not None:
            lock.release()
        raise


def _write(prediction: Prediction, records: Iterable[Record], folder: Path) -> None:
    """Write a session under its final name only when it is complete."""
    manifest = Manifest.of(prediction)
    header = JournalHeader(prediction=manifest.prediction, name=manifest.name)
    temporary = folder.with_name(f".{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir()
        save_prediction(prediction, temporary / PREDICTION)
        file_checksum = _file_checksum(temporary / PREDICTION)
        manifest = dataclasses.replace(manifest, prediction_file=file_checksum)
        with atomic_file(temporary / JOURNAL) as file:
            file.write(to_lines(header, records).encode())
        with atomic_file(temporary / MANIFEST) as file:
            file.write(manifest.to_json())
        _sync(temporary)
        # Unlike a replacement, this fails where another process was quicker: its session stays.
        temporary.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        raise output_error(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _file_checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """Force the names in a folder to the disk; Windows does so by itself, and can't be asked."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _locked(folder: Path) -> FileLock:
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise SessionInUseError(
            f"{folder.name} is being corrected in another window or program: "
            "close it there, or open it for reading only."
        ) from error
    except OSError as error:
        raise output_error(folder / LOCK, error) from error
    return lock


def read_session_journal(folder: Path) -> Journal:
    """Read the journal of a session, which it has from its beginning on.

    Raises
    ------
    InputError
        If it can't be used, is gone, or ends within its first line: without it, all corrections
        would seem never to have been made.
    """
    path = folder / JOURNAL
    journal = read_journal(path) if path.exists() else None
    if journal is None or journal.header is None:
        state = "gone" if journal is None else "empty" if journal.warning is None else "cut off"
        raise InputError(
            f"The journal of {folder}, which holds the corrections, is {state}: restore {JOURNAL} "
            "from a copy, or move the folder away to begin anew."
        )
    return journal


def journal_size(folder: Path) -> int:
    """Length of a session's journal, bytes: of several sessions, the longest goes farthest."""
    journal = folder / JOURNAL
    return journal.stat().st_size if journal.exists() else 0
