"""A session that goes to the disk by itself: where, when, and what if it can't."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_probinst.core.curation import session_place
from napari_probinst.core.curation.edits import Delete, Merge
from napari_probinst.core.curation.journal import JournalWriter, read_journal
from napari_probinst.core.curation.kept_session import KeptSession
from napari_probinst.core.curation.manifest import JOURNAL, MANIFEST
from napari_probinst.core.curation.session_folder import create_session, open_session
from napari_probinst.core.curation.session_place import SessionPlace
from napari_probinst.core.errors import OutputError


@pytest.fixture
def prediction(make_prediction):
    masks = np.zeros((3, 40, 60), bool)
    masks[0, 2:14, 2:40] = True
    masks[1, 8:30, 20:32] = True
    masks[2, 20:32, 25:58] = True
    return make_prediction(list(masks), [(8, 20, (0, 1)), (20, 25, (1, 2))])


@pytest.fixture
def place(prediction, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    return SessionPlace(prediction.name, (images,), tmp_path / "own" / "sessions")


@pytest.fixture
def told():
    return []


@pytest.fixture
def kept(prediction, place, told):
    made = KeptSession(prediction, place, told.append)
    yield made
    made.release()


@pytest.fixture
def path(place):
    return place.parents[0] / f"{place.name}.probinst"


@pytest.fixture
def full_disk(monkeypatch):
    """Switch that makes every line of a journal fail."""
    append, full = JournalWriter.append, []

    def refuse(writer, record):
        if full:
            raise OutputError("The disk is full: free space.")
        append(writer, record)

    monkeypatch.setattr(JournalWriter, "append", refuse)
    return full


def n_lines(path):
    return len(read_journal(path / JOURNAL).records)


def test_looking_around_begins_nothing_and_the_first_correction_takes_it_along(kept, path, place):
    kept.session.position = 1
    assert not path.exists()
    assert kept.path is None
    kept.session.apply(Delete((1,)))
    assert kept.path == path
    assert n_lines(path) == 2
    kept.session.undo()
    assert n_lines(path) == 3
    assert kept.n_waiting == 0
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert not place.fallback.exists()


def test_opens_again_with_everything(kept, path, prediction, place, told):
    kept.session.apply(Delete((1,)))
    kept.session.decide(0, "accepted")
    assert kept.close()
    assert place.find(prediction, told.append) == path
    again = KeptSession(open_session(path), place, told.append)
    assert set(again.session.instances) == {2, 3}
    again.session.undo()
    again.session.undo()
    assert n_lines(path) == 4
    assert set(again.session.instances) == {1, 2, 3}
    again.release()
    assert told == []


def test_another_prediction_of_that_name_stays_as_it_is(kept, path, make_prediction, place, told):
    prediction = kept.session.prediction
    other = make_prediction([np.ones((40, 60), bool)], [(8, 20, (0,))])
    create_session(other, path).close()
    content = {each: each.read_bytes() for each in path.iterdir()}
    assert place.find(prediction, told.append) is None
    kept.session.apply(Delete((1,)))
    second = path.with_name(f"{place.name}-2.probinst")
    assert kept.path == second
    assert "holds other corrections" in told[0]
    assert {each: each.read_bytes() for each in path.iterdir()} == content
    assert place.find(prediction, told.append) == second
    # The number of one that is removed is not needed to find the others.
    shutil.rmtree(path)
    assert place.find(prediction, told.append) == second


def test_damaged_session_is_said_and_left_alone(kept, path, prediction, place, told):
    create_session(prediction, path).close()
    (path / MANIFEST).write_text("{")
    assert place.find(prediction, told.append) is None
    assert "damaged" in told[0]
    kept.session.apply(Delete((1,)))
    assert kept.path.name == f"{place.name}-2.probinst"
    assert (path / MANIFEST).read_text() == "{"


def test_where_the_folder_cannot_be_written_the_next_one_is_taken(
    kept, path, place, told, monkeypatch
):
    begin = session_place.begin_session

    def refuse(session, records, folder):
        if folder.parent == path.parent:
            raise OutputError(f"{folder} can't be written: the disk is read-only.")
        return begin(session, records, folder)

    monkeypatch.setattr(session_place, "begin_session", refuse)
    kept.session.apply(Delete((1,)))
    assert kept.path == place.fallback / path.name
    assert "read-only" in told[0]
    assert str(kept.path) in told[0]


def test_full_disk_is_said_and_the_waiting_corrections_follow(kept, path, told, full_disk):
    kept.session.apply(Delete((1,)))
    full_disk.append(True)
    kept.session.apply(Delete((2,)))
    kept.session.decide(0, "accepted")
    assert set(kept.session.instances) == {3}
    assert kept.n_waiting == 2
    assert told == ["The disk is full: free space."]
    assert not kept.close()
    assert n_lines(path) == 1
    full_disk.clear()
    kept.session.undo()
    assert kept.n_waiting == 0
    assert kept.problem is None
    assert n_lines(path) == 4


def test_nowhere_to_write_goes_on_in_memory_until_moved(prediction, tmp_path, told):
    file = tmp_path / "file"
    file.write_text("")
    kept = KeptSession(prediction, SessionPlace("C04", (file,), file / "sub"), told.append)
    kept.session.apply(Delete((1,)))
    kept.session.apply(Merge((2, 3)))
    assert kept.n_waiting == 2
    assert len(told) == 1
    assert "can't be written" in told[0]
    assert not kept.move(SessionPlace("C04", (file,), file))
    assert kept.n_waiting == 2
    assert kept.move(SessionPlace("C04", (tmp_path,), tmp_path))
    assert kept.n_waiting == 0
    assert n_lines(tmp_path / "C04.probinst") == 2
    kept.release()


def test_a_session_that_was_given_free_still_says_what_is_not_on_the_disk(kept, path, full_disk):
    kept.session.apply(Delete((1,)))
    full_disk.append(True)
    kept.session.apply(Delete((2,)))
    kept.release()
    full_disk.clear()
    assert not kept.write()
    assert not kept.close()
    assert n_lines(path) == 1
    assert kept.n_waiting == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't remove open files")
def test_folder_that_vanishes_is_begun_anew_with_everything(kept, path):
    kept.session.apply(Delete((1,)))
    kept.session.position = 1
    shutil.rmtree(path)
    kept.session.apply(Delete((2,)))
    assert kept.path == path
    assert n_lines(path) == 3


def test_journal_that_was_cut_short_meanwhile_is_begun_anew_with_everything(kept, path, place):
    kept.session.apply(Delete((1,)))
    (path / JOURNAL).write_bytes(b"")
    kept.session.apply(Delete((2,)))
    assert kept.path == path.with_name(f"{place.name}-2.probinst")
    assert n_lines(kept.path) == 2
    assert (path / JOURNAL).read_bytes() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't remove open files")
def test_vanished_parents_are_not_made_and_the_longer_session_is_found(
    kept, path, place, told, tmp_path
):
    kept.session.apply(Delete((1,)))
    away = tmp_path / "away"
    path.parent.rename(away)
    kept.session.apply(Delete((2,)))
    assert not path.parent.exists()
    assert kept.path == place.fallback / path.name
    kept.release()
    away.rename(path.parent)
    assert place.find(kept.session.prediction, told.append) == place.fallback / path.name


def test_second_one_reads_only_but_looks_around(kept, path, place, told):
    kept.session.apply(Delete((1,)))
    reader = KeptSession(open_session(path, read_only=True), place, told.append)
    reader.session.position = 1
    with pytest.raises(OutputError, match="reading only"):
        reader.session.apply(Delete((2,)))
    with pytest.raises(OutputError, match="reading only"):
        reader.session.undo()
    assert set(reader.session.instances) == {2, 3}
    assert reader.close()
    assert n_lines(path) == 1


def test_records_of_a_folder_that_is_read_only_need_no_new_one_until_corrected(
    prediction, path, place, told
):
    with create_session(prediction, path) as opened:
        opened.session.apply(Delete((1,)))
        records = opened.session.records
    elsewhere = SessionPlace(place.name, (), place.fallback)
    kept = KeptSession(prediction, elsewhere, told.append, records=records, on_disk=True)
    assert set(kept.session.instances) == {2, 3}
    assert kept.close()
    assert not place.fallback.exists()
    kept = KeptSession(prediction, elsewhere, told.append, records=records, on_disk=True)
    kept.session.apply(Delete((2,)))
    assert n_lines(kept.path) == 2
    assert kept.path.parent == place.fallback
    kept.release()


def test_nothing_half_made_is_left_where_a_session_cannot_be_begun(kept, path, place, monkeypatch):
    def refuse(*_):
        raise OutputError("The disk is full.")

    monkeypatch.setattr("napari_probinst.core.curation.session_folder.save_prediction", refuse)
    kept.session.apply(Delete((1,)))
    assert kept.n_waiting == 1
    assert list(path.parent.iterdir()) == []
    assert list(Path(place.fallback).iterdir()) == []


def test_sessions_of_names_that_end_alike_hide_none(prediction, place, told):
    folder = place.parents[0]
    first = folder / f"{place.name}.probinst"
    for turn in ("", "-1", "-2", "-02"):
        own = replace(prediction, name=f"{place.name}{turn}")
        path = folder / f"{own.name}.probinst"
        create_session(own, path).close()
        assert replace(place, name=own.name).find(own, told.append) == path
        assert place.find(prediction, told.append) == first
    assert set(place.paths()) == {first, folder / f"{place.name}-2.probinst"}
    assert told == []
