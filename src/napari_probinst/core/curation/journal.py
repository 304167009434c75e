"""The journal: one line of JSON for everything that happened, appended and synced at once.

The state of a session is always its prediction with the journal's records applied in order. The
records hold the pixels that changed, not only what was asked for, so that a journal gives the
same masks with any later version of the program. Its first line says for which prediction.
"""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from napari_probinst.core.curation.records import Record
from napari_probinst.core.curation.schema import STATED, Version, check_version
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.core.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import IO, Self

    from napari_probinst.core.prediction import Prediction

VERSION = 1
#: How a journal starts, so that no other file is taken for one that was torn.
_START = b'{"format":"napari-probinst journal"'


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHeader:
    """First line of a journal.

    Parameters
    ----------
    prediction : str
        Checksum of the prediction that the records apply to.
    name : str
        Name of the image.
    format, version
        Fixed: what the file is, and its schema.
    """

    format: Literal["napari-probinst journal"] = "napari-probinst journal"
    version: Version = VERSION
    prediction: str
    name: str = ""

    def to_json(self) -> str:
        """Write the header as one line of JSON, without its end."""
        return _HEADER.dump_json(self).decode()


_HEADER: TypeAdapter[JournalHeader] = TypeAdapter(Annotated[JournalHeader, STATED])


@dataclass(frozen=True, slots=True)
class Journal:
    """Content of a journal file.

    Parameters
    ----------
    header : JournalHeader or None
        None if the file ends within its first line.
    records : tuple of Record
        In the order in which they were made.
    n_bytes : int
        Length of the undamaged part of the file.
    warning : str or None
        A sentence for the user where an unfinished last line was left out.
    """

    header: JournalHeader | None
    records: tuple[Record, ...] = ()
    n_bytes: int = 0
    warning: str | None = None


def to_lines(header: JournalHeader, records: Iterable[Record]) -> str:
    """Whole text of a journal file."""
    lines = (header.to_json(), *(record.to_json() for record in records))
    return "".join(f"{line}\n" for line in lines)


def read_journal(path: str | Path) -> Journal:
    """Read a journal; a last line that was torn by a crash is left out, and said so.

    Raises
    ------
    InputError
        If the file can't be read, is no journal, is one of a newer program, lacks or repeats
        steps, or is damaged anywhere but in its last line.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    return parse_journal(content, path)


def parse_journal(content: bytes, path: Path) -> Journal:
    """Content of a journal file; ``path`` is for messages. See `read_journal`."""
    *lines, unfinished = content.split(b"\n")
    if not lines:
        if not (unfinished.startswith(_START) or _START.startswith(unfinished)):
            raise InputError(_not_ours(path))
        return Journal(None, warning=_lost(path) if unfinished else None)
    header = _read_header(path, lines[0])
    records: list[Record] = []
    n_bytes = len(lines[0]) + 1
    for number, line in enumerate(lines[1:], start=1):
        try:
            record = Record.from_json(line)
        except ValidationError as error:
            # A crash leaves zeros or half a line, never a whole one of other content.
            torn = error.errors()[0]["type"] == "json_invalid"
            if torn and number == len(lines) - 1 and not unfinished:
                return Journal(header, tuple(records), n_bytes, _lost(path))
            raise InputError(
                f"Line {number + 1} of {path} is {'damaged' if torn else 'no step'}: "
                "restore the file from a copy."
            ) from error
        _check_number(record, number, records, path)
        records.append(record)
        n_bytes += len(line) + 1
    return Journal(header, tuple(records), n_bytes, _lost(path) if unfinished else None)


class JournalWriter:
    """Appends records to a journal file; each is on the disk when `append` returns.

    An existing file is continued, after a torn last line was cut off.

    Parameters
    ----------
    path : str or Path
        The file; made if it doesn't exist.
    header : JournalHeader
        Its first line.

    Raises
    ------
    InputError
        If the existing file is no journal, or one of another prediction.
    OutputError
        If the file can't be written.
    """

    def __init__(self, path: str | Path, header: JournalHeader) -> None:
        self.path = Path(path)
        existing = read_journal(self.path) if self.path.exists() else Journal(None)
        check_header(existing, header.prediction, str(self.path))
        #: Where the next line starts.
        self._end = existing.n_bytes
        #: Last line that was begun: what a failing disk may not let go of.
        self._unfinished = b""
        try:
            # Unbuffered: a line is either with the operating system or not written at all.
            self._file: IO[bytes] = os.fdopen(_opened_itself(self.path), "a+b", buffering=0)
            self._file.truncate(self._end)
        except OSError as error:
            raise self._failure(error) from error
        if existing.header is None:
            self._write(header.to_json())

    @property
    def is_whole(self) -> bool:
        """Whether the file is there with every line that was written."""
        return self.path.is_file() and self.path.stat().st_size >= self._end

    def append(self, record: Record) -> None:
        """Write a record, and wait until it is on the disk.

        Raises
        ------
        OutputError
            If it can't be written; the file is then as it was before.
        """
        self._write(record.to_json())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, line: str) -> None:
        content = memoryview(f"{line}\n".encode())
        written = 0
        try:
            status = os.fstat(self._file.fileno())
            if not status.st_nlink:
                # The line would go to a file that nobody can find again.
                raise FileNotFoundError(errno.ENOENT, "it was removed meanwhile")
            if status.st_size < self._end:
                # After the gap, no line would be of use.
                raise FileNotFoundError(errno.ENOENT, "it was cut short meanwhile")
            if status.st_size > self._end:
                self._cut_off()
            self._unfinished = bytes(content)
            while written < len(content):
                written += self._file.write(content[written:])
            os.fsync(self._file.fileno())
        except OSError as error:
            # A line that is half there would damage the ones written after it.
            with suppress(OSError):
                self._cut_off()
            raise self._failure(error) from error
        self._end += written

    def _cut_off(self) -> None:
        """Take off half a line, of which the failing disk did not let go.

        Whole lines behind ours are the work of somebody who took no notice of the lock, or whose
        lock was removed: they stay.
        """
        self._file.seek(self._end)
        rest = self._file.read()
        if b"\n" in rest and rest != self._unfinished:
            raise FileExistsError(errno.EEXIST, "another window or program writes it, too")
        if rest:
            self._file.truncate(self._end)

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path} can't be written ({error.strerror or error}): "
            "free space or save to another folder."
        )


def _opened_itself(path: Path) -> int:
    """Open a file for appending, but not one elsewhere that a link in its place leads to."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    # Windows has no links that it would have to refuse, and other systems no binary mode.
    for name in ("O_NOFOLLOW", "O_BINARY"):
        flags |= getattr(os, name, 0)
    return os.open(path, flags, 0o666)


@remembered
def prediction_checksum(prediction: Prediction) -> str:
    """SHA-256 of all that a journal's records refer to: binary masks and peaks, hexadecimal."""
    digest = hashlib.sha256(repr(prediction.shape).encode())
    for index, instance in exported_instances(prediction).items():
        digest.update(repr((index, *map(int, instance.bbox))).encode())
        digest.update(np.packbits(instance.mask).tobytes())
    for peak in prediction.peaks:
        # Plain numbers: those of a fresh prediction may be NumPy's, those of a file are not.
        digest.update(repr([int(number) for number in (peak.y, peak.x, *peak.instances)]).encode())
    return digest.hexdigest()


def check_header(journal: Journal, prediction: str, path: str = "the journal") -> None:
    """Make sure that a journal belongs to a prediction.

    Raises
    ------
    InputError
        If it was made for another one.
    """
    if journal.header is not None and journal.header.prediction != prediction:
        raise InputError(
            f"The corrections in {path} were made on another prediction "
            f"({journal.header.name or 'unnamed'}): open the one they belong to."
        )


def _read_header(path: Path, line: bytes) -> JournalHeader:
    try:
        header = _HEADER.validate_json(line)
    except ValidationError as error:
        raise InputError(_not_ours(path)) from error
    check_version(path, header.version, VERSION)
    return header


def _check_number(record: Record, number: int, before: list[Record], path: Path) -> None:
    """Make sure that a record is the one that follows; those of early programs have no numbers."""
    if record.n == number or (record.n is None and not (before and before[-1].n)):
        return
    stands = "a step without a number" if record.n is None else f"step {record.n}"
    raise InputError(
        f"Line {number + 1} of {path} is {stands}, where step {number} belongs: lines are missing "
        "or repeated; restore the file from a copy."
    )


def _not_ours(path: Path) -> str:
    return f"{path} is no journal of corrections: choose a file that napari-probinst wrote."


def _lost(path: Path) -> str:
    return (
        f"The last line of {path} was not finished, probably by a crash: "
        "that one step is lost, all before it are kept."
    )
