"""The journal file: every prefix opens, a torn line loses itself only, damage is refused."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest

from napari_probinst.core.curation.edits import Add, Delete, Merge, SplitAlongLine
from napari_probinst.core.curation.journal import (
    JournalHeader,
    JournalWriter,
    parse_journal,
    prediction_checksum,
    read_journal,
    to_lines,
)
from napari_probinst.core.curation.records import Record, Undo, Visit
from napari_probinst.core.curation.replay import replay
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.core.instances import Instance

HEADER = JournalHeader(prediction="abc", name="C04")
UNDO = Record("2026-01-02T03:04:05.678+00:00", 1.5, Undo())


@pytest.fixture
def prediction(make_prediction):
    masks = np.zeros((3, 40, 60), bool)
    masks[0, 2:14, 2:40] = True
    masks[1, 8:30, 20:32] = True
    masks[2, 20:32, 25:58] = True
    return make_prediction(list(masks), [(8, 20, (0, 1)), (20, 25, (1, 2))])


def work(session):
    """A session with every kind of record; yields after each step."""
    yield session.apply(SplitAlongLine(1, ((0, 10), (20, 12))))
    yield session.decide(0, "accepted")
    session.position = 1
    yield session.apply(Merge((2, 3)))
    yield session.undo()
    yield session.redo()
    yield session.decide(1, "flagged")
    yield session.undo()
    yield session.apply(Add(Instance.from_mask(np.ones((9, 9), bool), (31, 0))))
    yield session.apply(Delete((1, 4)))


def test_every_prefix_of_a_journal_opens(prediction, pixels, tmp_path):
    path = tmp_path / "session.jsonl"
    recorder = CurationSession(prediction)
    states = {0: pixels(recorder.instances, prediction.shape)}
    with JournalWriter(path, recorder.header) as writer:
        session = CurationSession(prediction, recorder=writer.append)
        for _ in work(session):
            states[len(session.records)] = pixels(session.instances, prediction.shape)
    content = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    assert len(ends) == len(session.records) + 1
    assert read_journal(path) == parse_journal(content, path)
    lengths = {end + offset for end in (0, *ends) for offset in (-2, -1, 0, 1, 2)}
    lengths |= set(range(0, len(content), 97))
    for length in sorted(lengths & set(range(len(content) + 1))):
        journal = parse_journal(content[:length], path)
        n_whole = max(sum(end <= length for end in ends) - 1, 0)
        assert journal.records == session.records[:n_whole]
        assert journal.n_bytes == max((end for end in ends if end <= length), default=0)
        assert (journal.warning is None) == (length in (0, *ends))
        if length in ends and n_whole in states:
            again = replay(prediction, journal)
            assert pixels(again.instances, prediction.shape) == states[n_whole]


def test_replay_resumes_at_the_same_peak_with_the_same_history(prediction, tmp_path):
    session = CurationSession(prediction)
    list(work(session))
    path = tmp_path / "session.jsonl"
    path.write_text(to_lines(session.header, session.records))
    again = replay(prediction, read_journal(path))
    assert again.position == 1
    assert again.statistics() == session.statistics()
    assert again.records == session.records
    while session.undo():
        again.undo()
    assert not again.can_undo
    for identifier, instance in session.instances.items():
        assert np.array_equal(again.instances[identifier].mask, instance.mask)


def test_writer_cuts_a_torn_line_off_and_goes_on(tmp_path):
    path = tmp_path / "session.jsonl"
    path.write_text(to_lines(HEADER, [UNDO]) + UNDO.to_json()[:20])
    with JournalWriter(path, HEADER) as writer:
        writer.append(Record("t", 0.0, Visit(3)))
    assert read_journal(path).records == (UNDO, Record("t", 0.0, Visit(3)))
    assert read_journal(path).warning is None


def test_torn_header_is_begun_anew(tmp_path):
    path = tmp_path / "session.jsonl"
    path.write_text(HEADER.to_json()[:50])
    assert "one step is lost" in read_journal(path).warning
    JournalWriter(path, HEADER).close()
    assert path.read_text() == to_lines(HEADER, [])


def test_last_line_of_zeros_is_torn(tmp_path):
    path = tmp_path / "session.jsonl"
    path.write_bytes(to_lines(HEADER, [UNDO]).encode() + bytes(100))
    assert read_journal(path).records == (UNDO,)
    path.write_bytes(to_lines(HEADER, [UNDO]).encode() + bytes(10) + b"\n")
    assert read_journal(path).records == (UNDO,)
    assert "not finished" in read_journal(path).warning


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a poem\n", "no journal"),
        (b"a poem", "no journal"),
        (b"\x00\x01\x02", "no journal"),
        (b'{"format": "other"}\n', "no journal"),
        (b"[]\n", "no journal"),
        (HEADER.to_json().encode() + b"\nnonsense\n" + UNDO.to_json().encode() + b"\n", "Line 2"),
        (HEADER.to_json().encode() + b"\nnonsense\n" + UNDO.to_json().encode(), "Line 2"),
        (HEADER.to_json().replace('n":1', 'n":7').encode() + b"\n", "newer version"),
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path, content, sentence):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_journal(path)
    with pytest.raises(InputError, match=sentence):
        JournalWriter(path, HEADER)
    assert path.read_bytes() == content


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="can't be read"):
        read_journal(tmp_path / "nowhere.jsonl")
    with pytest.raises(OutputError, match="can't be written"):
        JournalWriter(tmp_path / "nowhere" / "session.jsonl", HEADER)


def test_journal_of_another_prediction_is_refused(prediction, make_prediction, tmp_path):
    session = CurationSession(prediction)
    path = tmp_path / "session.jsonl"
    path.write_text(to_lines(session.header, ()))
    other = make_prediction([np.ones((40, 60), bool)])
    with pytest.raises(InputError, match="another prediction"):
        replay(other, read_journal(path))
    with pytest.raises(InputError, match="another prediction"):
        JournalWriter(path, CurationSession(other).header)


def test_record_is_on_the_disk_before_append_returns(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    path = tmp_path / "session.jsonl"
    with JournalWriter(path, HEADER) as writer:
        writer.append(UNDO)
        assert read_journal(path).records == (UNDO,)
    assert synced[-1] == path.stat().st_size
    assert len(synced) == 2


def test_failed_write_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "session.jsonl"
    with JournalWriter(path, HEADER) as writer:
        writer.append(UNDO)
        before = path.read_bytes()

        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(OutputError, match="No space left"):
                writer.append(UNDO)
        assert path.read_bytes() == before
        writer.append(UNDO)
    assert read_journal(path).records == (UNDO, UNDO)


class StuckFile:
    """A file that neither syncs nor shrinks, as long as it is ``stuck``."""

    def __init__(self, file):
        self._file = file
        self.stuck = True

    def __getattr__(self, name):
        return getattr(self._file, name)

    def truncate(self, size):
        if self.stuck:
            raise OSError(errno.EIO, "Input/output error")
        return self._file.truncate(size)


def test_a_whole_line_that_the_disk_did_not_let_go_of_is_cut_off_later(tmp_path, monkeypatch):
    """Nobody else wrote it, whichever line is to be written next."""
    with JournalWriter(tmp_path / "session.jsonl", HEADER) as writer:
        file = writer._file = StuckFile(writer._file)

        def fail(descriptor):
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            for record in (UNDO, Record(UNDO.time, 1.5, Visit(0))):
                with pytest.raises(OutputError, match="Input/output error"):
                    writer.append(record)
        file.stuck = False
        writer.append(UNDO)
    assert read_journal(writer.path).records == (UNDO,)


def test_lines_are_json_that_others_read(prediction):
    session = CurationSession(prediction)
    session.apply(Merge((np.int64(1), np.int64(2))))
    line = json.loads(session.records[0].to_json())
    assert line["event"]["edit"] == "merge"
    assert line["event"]["parameters"] == {"ids": [1, 2]}
    assert [flip["id"] for flip in line["event"]["delta"]["flips"]] == [1, 2]
    assert Record.from_json(session.records[0].to_json()) == session.records[0]


def test_checksum_tells_masks_and_peaks_apart(prediction, make_prediction):
    masks = [instance.full(prediction.shape) for instance in prediction.binary().instances]
    same = make_prediction(masks, [(np.int64(8), 20, (0, 1)), (20, 25, (1, np.int32(2)))])
    assert prediction_checksum(same) == prediction_checksum(prediction)
    assert prediction_checksum(make_prediction(masks)) != prediction_checksum(prediction)
    masks[0][2, 2] = False
    changed = make_prediction(masks, [(8, 20, (0, 1)), (20, 25, (1, 2))])
    assert prediction_checksum(changed) != prediction_checksum(prediction)
