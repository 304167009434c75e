"""The audit: one row a record, from journals made by hand."""

from __future__ import annotations

import csv
from itertools import count

import numpy as np
import pytest

from napari_probinst.core.curation.audit import COLUMNS, AuditRow, audit_rows, write_audit
from napari_probinst.core.curation.delta import Delta, Flip
from napari_probinst.core.curation.edits import Add
from napari_probinst.core.curation.history import DecisionStep, EditStep
from napari_probinst.core.curation.journal import parse_journal, to_lines
from napari_probinst.core.curation.records import Record, Redo, Undo, Visit
from napari_probinst.core.curation.replay import replay
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import OutputError
from napari_probinst.core.instances import Instance

#: Two bars of two pixels each, and two peaks: one at each.
BARS = ("##.... ......", "...... ....##")
#: A clock that was set back by an hour while the second record was made.
TIMES = (
    "2026-10-25T00:59:59.000+00:00",
    "2026-10-25T00:00:04.000+00:00",
    "2026-10-25T00:00:05.000+00:00",
    "2026-10-25T00:00:06.000+00:00",
    "2026-10-25T00:00:07.000+00:00",
)


@pytest.fixture
def prediction(make_prediction):
    return make_prediction(list(BARS), [(0, 0, (0,)), (0, 4, (1,))])


@pytest.fixture
def wider(picture):
    """Two pixels more for the first bar, made at the second peak."""
    pixels = Instance.from_mask(picture("..##.. ......"))
    return EditStep("repaint", {}, 1, Delta((Flip.of(1, pixels),)))


@pytest.fixture
def written(prediction, wider):
    """Visit, edit, undo, redo, decision: their journal."""
    events = (Visit(1), wider, Undo(), Redo(), DecisionStep(1, None, "flagged"))
    records = [
        Record(time, seconds, event)
        for time, seconds, event in zip(TIMES, (2.0, 0.5, 1.25, 0.25, 8.0), events, strict=True)
    ]
    return to_lines(CurationSession(prediction).header, records).encode()


def rows_of(prediction, content, tmp_path):
    journal = parse_journal(content, tmp_path / "journal.jsonl")
    return list(audit_rows(replay(prediction, journal))), journal.warning


def test_every_record_is_a_row_in_the_journal_s_order(prediction, written, tmp_path):
    rows, _ = rows_of(prediction, written, tmp_path)
    assert rows == [
        AuditRow(TIMES[0], 2.0, 2.0, 2, "split", "visit"),
        AuditRow(TIMES[1], 2.5, 0.5, 2, "split", "edit", "repaint", (1,), 2),
        AuditRow(TIMES[2], 3.75, 1.25, 2, "split", "undo", "repaint", (1,), 2),
        AuditRow(TIMES[3], 4.0, 0.25, 2, "split", "redo", "repaint", (1,), 2),
        AuditRow(TIMES[4], 12.0, 8.0, 2, "split", "decision", "flagged"),
    ]


def test_a_torn_tail_loses_one_row(prediction, written, tmp_path):
    whole, _ = rows_of(prediction, written, tmp_path)
    rows, warning = rows_of(prediction, written[:-3], tmp_path)
    assert rows == whole[:-1]
    assert "one step is lost" in warning
    # Torn within the first line: nothing was done yet.
    assert rows_of(prediction, written[:60], tmp_path)[0] == []


def test_an_edit_away_from_the_peaks_has_none_and_a_withdrawal_is_a_decision(prediction):
    session = CurationSession(prediction)
    ticks = count(step=3.0)
    session.clock = lambda: next(ticks)
    session.decide(0, "skipped")
    session.decide(0, None)
    session.position = 1
    session.apply(Add(Instance((0, 0, 2, 1), np.ones((2, 1), bool))))
    rows = list(audit_rows(session))
    assert [(row.event, row.what, row.peak, row.instances) for row in rows] == [
        ("decision", "skipped", 1, ()),
        ("decision", "open again", 1, ()),
        ("visit", "", 2, ()),
        ("edit", "add", None, (3,)),
    ]
    # The clock is asked once a record, and steps by 3.
    assert [row.elapsed for row in rows] == [3, 6, 9, 12]


@pytest.mark.parametrize("name", ["=1+1", "@x", "-x", "+x", "\tx"])
def test_no_cell_is_a_formula(make_prediction, tmp_path, name):
    session = CurationSession(make_prediction(list(BARS), [(0, 0, (0,))], name=name))
    strange = EditStep("=HYPERLINK()", {}, None, Delta(()))
    session.restore([Record("+1", 1.0, strange), Record("t", 1.0, Visit(0))])
    write_audit(session, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == list(COLUMNS)
    assert [row[0] for row in table[1:]] == [f"'{name}"] * 2
    assert table[1][1:] == ["'+1", "1.000", "1.000", "", "", "edit", "'=HYPERLINK()", "", "0"]
    assert table[2][1:] == ["t", "2.000", "1.000", "1", "split", "visit", "", "", "0"]


def test_what_can_t_be_written_is_a_sentence(prediction, tmp_path):
    with pytest.raises(OutputError, match="create it first"):
        write_audit(CurationSession(prediction), tmp_path / "none" / "a.csv")
