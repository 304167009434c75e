"""The audit of a session: what was done, when, where, how much it changed, and how long it took."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.curation.history import EditStep, History
from napari_probinst.core.curation.records import Redo, Undo, Visit
from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.data.spreadsheet import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_probinst.core.curation.history import Step
    from napari_probinst.core.curation.records import Event
    from napari_probinst.core.curation.session import CurationSession

AUDIT_SUFFIX = ".audit.csv"
COLUMNS = (
    "image",
    "time_utc",
    "elapsed_s",
    "duration_s",
    "peak",
    "kind",
    "event",
    "what",
    "instances",
    "touched_px",
)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One record of a journal, in a reader's terms.

    Parameters
    ----------
    time : str
        Wall-clock time as recorded, ISO 8601, UTC. A clock that was set back shows here.
    elapsed : float
        Seconds worked on the image up to this record; never falls.
    duration : float
        Seconds worked since the record before.
    peak : int or None
        Rank of the peak that was visited, decided on or mended; None for an edit elsewhere.
    kind : str
        The peak's kind, e.g. "merge"; empty without a peak.
    event : str
        "visit", "edit", "decision", "undo" or "redo".
    what : str
        Kind of the edit, e.g. "split along line", or the decision, e.g. "accepted"; of an undo or
        a redo, that of the step taken back or made again. Empty for a visit.
    instances : tuple of int
        Ids of the instances that were touched.
    pixels : int
        Pixels that entered or left an instance, summed over the instances.
    """

    time: str
    elapsed: float
    duration: float
    peak: int | None
    kind: str
    event: str
    what: str = ""
    instances: tuple[int, ...] = ()
    pixels: int = 0


def audit_rows(session: CurationSession) -> Iterator[AuditRow]:
    """Tell what was done in a session, oldest first: one row a record of its journal."""
    history, elapsed = History(), 0.0
    for record in session.records:
        elapsed += record.duration
        step = _step(history, record.event)
        place = record.event if isinstance(record.event, Visit) else step
        peak = None if place is None or place.peak is None else session.peaks[place.peak]
        yield AuditRow(
            time=record.time,
            elapsed=elapsed,
            duration=record.duration,
            peak=None if peak is None else peak.rank,
            kind="" if peak is None else peak.kind,
            event=record.event.kind,
            what="" if step is None else _what(step),
            instances=step.delta.ids if isinstance(step, EditStep) else (),
            pixels=step.delta.n_pixels if isinstance(step, EditStep) else 0,
        )


def write_audit(session: CurationSession, path: Path) -> None:
    """Write the rows of `audit_rows` as CSV, the columns being `COLUMNS`.

    ``instances`` are ids separated by spaces; seconds have milliseconds. Text that a spreadsheet
    would take for a formula is marked as text (`as_text`).

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    name = as_text(session.prediction.name)
    for row in audit_rows(session):
        writer.writerow(
            [
                name,
                as_text(row.time),
                f"{row.elapsed:.3f}",
                f"{row.duration:.3f}",
                row.peak,
                as_text(row.kind),
                row.event,
                as_text(row.what),
                " ".join(map(str, row.instances)),
                row.pixels,
            ]
        )
    with atomic_file(path) as file:
        file.write(text.getvalue().encode())


def _step(history: History, event: Event) -> Step | None:
    """Step that an event makes, takes back or makes again; None for a visit."""
    match event:
        case Undo():
            return history.undo()
        case Redo():
            return history.redo()
        case Visit():
            return None
        case _:
            history.push(event)
            return event


def _what(step: Step) -> str:
    return step.edit if isinstance(step, EditStep) else step.after or "open again"
