"""Nothing is lost: whatever kills the process, fills the disk, or is put into the folder."""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import re
import shutil
import sys
import time
import zipfile
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_curator import curate, step, take_up

from napari_probinst.core.curation import session as session_module
from napari_probinst.core.curation.corrected import save_corrected
from napari_probinst.core.curation.corrected_file import load_corrected
from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.curation.kept_session import KeptSession
from napari_probinst.core.curation.manifest import JOURNAL, LOCK, MANIFEST, PREDICTION
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.curation.session_folder import create_session, open_session
from napari_probinst.core.curation.session_place import SessionPlace
from napari_probinst.core.errors import InputError, OutputError, SessionInUseError

#: `make reliability` sets more.
N_KILLS = int(os.environ.get("NAPARI_PROBINST_KILLS", "20"))
#: Kills of one session, until another one is begun.
KILLS_PER_SESSION = 4
SHAPE = (40, 60)

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals and limits")


@pytest.fixture(scope="module")
def prediction(make_prediction):
    masks = np.zeros((3, *SHAPE), bool)
    masks[0, 2:14, 2:40] = True
    masks[1, 8:30, 20:32] = True
    masks[2, 20:32, 25:58] = True
    return make_prediction(list(masks), [(8, 20, (0, 1)), (20, 25, (1, 2))])


@pytest.fixture
def make_place(prediction, tmp_path):
    def make(name="images"):
        (tmp_path / name).mkdir(exist_ok=True)
        return SessionPlace(prediction.name, (tmp_path / name,), tmp_path / "own")

    return make


@pytest.fixture
def told():
    return []


@pytest.fixture
def kept(prediction, make_place, told):
    made = KeptSession(prediction, make_place(), told.append)
    yield made
    made.release()


def state(session, pixels):
    """All that a curator sees, and all that could be taken back."""
    return (
        pixels(session.instances, SHAPE),
        [session.status(peak) for peak in range(len(session.peaks))],
        session.position,
        session.steps,
        session.redo_step,
    )


# Killed ----------------------------------------------------------------------------------------


@contextmanager
def curator(prediction, place):
    """Process that curates for ever, and what it tells."""
    # Its children start in milliseconds: what they import is there already.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["napari_probinst.core.curation.kept_session"])
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=curate, args=(prediction, place, theirs))
    process.start()
    theirs.close()
    try:
        assert mine.recv() == 0
        yield process, mine
    finally:
        process.kill()
        process.join()
        process.close()
        mine.close()


def last_word(told):
    """Last thing that a process that is no more had said."""
    word = 0
    while True:
        try:
            word = told.recv()
        except EOFError:
            return word


@posix
@pytest.mark.timeout(60 + 10 * N_KILLS)
def test_killed_at_any_moment_nothing_is_lost_but_the_unfinished_line(
    prediction, make_place, pixels, told
):
    generator, n_lines = np.random.default_rng(5), []
    for number in range(N_KILLS):
        if number % KILLS_PER_SESSION == 0:
            place, memory, before = make_place(f"images {number}"), CurationSession(prediction), 0
        with curator(prediction, place) as (process, words):
            # At none, it is killed while it opens or begins the session.
            heard = [words.recv() for _ in range(generator.integers(0, 12))]
            time.sleep(generator.uniform(0, 0.02))
            process.kill()
            least = max([before, *heard, last_word(words)])
        # The lock ended with its process, so that this opens.
        with closing(take_up(prediction, place, told.append)) as after:
            before = len(after.session.records)
            assert least <= before <= least + 1
            while len(memory.records) < before:
                step(memory)
            assert state(after.session, pixels) == state(memory, pixels)
        n_lines.append(before)
    assert told == []
    assert max(n_lines) > KILLS_PER_SESSION


@posix
def test_second_process_is_told_and_reads_what_is_there(prediction, make_place, pixels, told):
    place = make_place()
    with curator(prediction, place) as (_, words):
        words.recv()
        path = place.find(prediction, told.append)
        with pytest.raises(SessionInUseError, match="another window or program"):
            open_session(path)
        with open_session(path, read_only=True) as reader:
            memory = CurationSession(prediction)
            while len(memory.records) < len(reader.session.records):
                step(memory)
            assert state(reader.session, pixels) == state(memory, pixels)
            with pytest.raises(OutputError, match="reading only"):
                reader.session.apply(Delete(tuple(reader.session.instances)))


@posix
def test_two_writers_of_which_one_lost_its_lock_lose_nothing(prediction, tmp_path, pixels):
    with create_session(prediction, tmp_path / "C04.probinst") as first:
        first.session.apply(Delete((1,)))
        (first.path / LOCK).unlink()
        with open_session(first.path) as second:
            second.session.apply(Delete((2,)))
            for _ in range(2):
                with pytest.raises(OutputError, match="another window or program writes it, too"):
                    first.session.undo()
            second.session.apply(Delete((3,)))
            before = state(second.session, pixels)
    with open_session(first.path) as again:
        assert again.warning is None
        assert state(again.session, pixels) == before


def test_what_was_cut_short_is_not_filled_with_zeros(prediction, tmp_path):
    with create_session(prediction, tmp_path / "C04.probinst") as opened:
        opened.session.apply(Delete((1,)))
        content = (opened.path / JOURNAL).read_bytes()[:-20]
        (opened.path / JOURNAL).write_bytes(content)
        with pytest.raises(OutputError, match="cut short"):
            opened.session.apply(Delete((2,)))
        assert (opened.path / JOURNAL).read_bytes() == content


@settings(derandomize=True, deadline=None, max_examples=20)
@given(
    st.lists(
        st.one_of(
            *[st.just("step")] * 4,
            *map(st.just, ("undo", "redo", "save", "close")),
            # A kill that leaves a share of the next line.
            st.floats(0, 0.99),
        ),
        max_size=16,
    )
)
def test_any_sequence_with_saves_kills_and_reopenings_equals_one_in_memory(
    prediction, pixels, tmp_path_factory, actions
):
    folder, told = tmp_path_factory.mktemp("place"), []
    place = SessionPlace(prediction.name, (folder,), folder / "own")
    memory = CurationSession(prediction)
    kept = KeptSession(prediction, place, told.append)
    for action in actions:
        if action == "step":
            step(kept.session)
            step(memory)
        elif action in ("undo", "redo"):
            getattr(kept.session, action)()
            getattr(memory, action)()
        elif action == "save":
            native = save_corrected(kept.session, folder / "saved")[0]
            saved = dict(enumerate(load_corrected(native).instances))
            current = dict(enumerate(memory.current().instances))
            assert pixels(saved, SHAPE) == pixels(current, SHAPE)
            assert not kept.session.modified
        elif kept.path is not None:
            assert kept.close()
            if action != "close":
                next_line = memory.records[-1].to_json().encode()
                with (kept.path / JOURNAL).open("ab") as journal:
                    journal.write(next_line[: int(action * len(next_line))])
            told.clear()
            kept = take_up(prediction, place, told.append)
            torn = action != "close" and int(action * len(next_line)) > 0
            assert [("not finished" in each) for each in told] == [True] * torn
        assert state(kept.session, pixels) == state(memory, pixels)
    kept.release()


# Disks and clocks ------------------------------------------------------------------------------


@posix
def test_disk_that_fills_within_a_line_takes_it_whole_later(kept, told, pixels):
    import resource

    step(kept.session)
    journal = kept.path / JOURNAL
    content = journal.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 1, 30, 77):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + room, hard))
        try:
            kept.session.decide(0, "accepted")
            kept.session.decide(0, None)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert journal.read_bytes() == content
    assert kept.n_waiting == 8
    assert len(told) == 1
    assert "can't be written" in told[0]
    kept.session.undo()
    assert kept.n_waiting == 0
    with open_session(kept.path, read_only=True) as again:
        assert state(again.session, pixels) == state(kept.session, pixels)
        assert len(again.session.records) == len(kept.session.records)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
def test_disk_that_fails_is_one_sentence_and_all_follows(kept, told, pixels, monkeypatch, code):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    step(kept.session)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        for _ in range(4):
            step(kept.session)
        assert not kept.close()
    assert len(told) == 1
    assert os.strerror(code) in told[0]
    assert told[0].endswith(".")
    step(kept.session)
    assert kept.n_waiting == 0
    with open_session(kept.path, read_only=True) as again:
        assert state(again.session, pixels) == state(kept.session, pixels)


def test_half_a_line_that_could_not_be_taken_back_is_cut_off_later(prediction, tmp_path, pixels):
    with create_session(prediction, tmp_path / "C04.probinst") as opened:
        journal = opened.path / JOURNAL
        opened.session.apply(Delete((1,)))
        # As a write leaves it of which neither the end nor the removal succeeded.
        with journal.open("ab") as file:
            file.write(b'{"time":"2026-')
        opened.session.apply(Delete((2,)))
        before = state(opened.session, pixels)
    with open_session(opened.path) as again:
        assert again.warning is None
        assert state(again.session, pixels) == before


def test_clock_that_goes_backwards_changes_no_order(prediction, tmp_path, pixels, monkeypatch):
    days = count()

    class Backwards(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 3, 1, tzinfo=UTC) - timedelta(days=next(days))

    monkeypatch.setattr(session_module, "datetime", Backwards)
    with create_session(prediction, tmp_path / "C04.probinst") as opened:
        for _ in range(20):
            step(opened.session)
        before = state(opened.session, pixels)
    times = [record.time for record in opened.session.records]
    assert times == sorted(times, reverse=True)
    assert all(record.duration >= 0 for record in opened.session.records)
    with open_session(opened.path) as again:
        assert state(again.session, pixels) == before


# Folders of others -----------------------------------------------------------------------------


@pytest.fixture
def folder(prediction, tmp_path):
    path = tmp_path / "C04.probinst"
    with create_session(prediction, path) as opened:
        opened.session.apply(Delete((1,)))
    return path


def refused(folder, sentence):
    """Refused with one sentence, by readers and writers, and left as it is."""
    content = {path: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}
    for read_only in (True, False):
        with pytest.raises(InputError, match=sentence) as error:
            open_session(folder, read_only=read_only)
        assert str(error.value).endswith(".")
    assert {path: path.read_bytes() for path in folder.iterdir() if path.name != LOCK} == content
    # Nothing stays locked.
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", [MANIFEST, JOURNAL])
def test_newer_version_is_refused_and_left_alone(folder, name):
    text = (folder / name).read_text()
    newer = re.sub(r'"version": ?1', '"version": 9', text, count=1)
    assert newer != text
    (folder / name).write_text(newer)
    refused(folder, "newer version")


@pytest.mark.parametrize(("content", "state"), [(None, "gone"), (b"", "empty"), (40, "cut off")])
def test_session_without_its_journal_is_no_session_without_corrections(folder, content, state):
    journal = folder / JOURNAL
    if content is None:
        journal.unlink()
    else:
        journal.write_bytes(content if content == b"" else journal.read_bytes()[:content])
    refused(folder, f"is {state}: restore journal.jsonl")


@pytest.mark.parametrize("name", [MANIFEST, JOURNAL])
@pytest.mark.parametrize("version", ['"version":0,', '"version":true,', '"version":"1",', ""])
def test_version_that_never_was_is_refused(folder, name, version):
    text = (folder / name).read_text()
    (folder / name).write_text(re.sub(r'"version": ?1,', version, text, count=1))
    refused(folder, "damaged or of another program|no journal")


def lines_of(folder):
    return (folder / JOURNAL).read_text().splitlines(keepends=True)


def test_last_line_that_a_crash_cannot_leave_is_not_dropped(folder):
    strange = '{"n":2,"time":"t","duration":1.0,"event":{"kind":"dance"}}\n'
    (folder / JOURNAL).write_text("".join([*lines_of(folder), strange]))
    refused(folder, "Line 3 of .* is no step")


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ([0, 1, 1, 2, 3], "Line 3 of .* is step 1, where step 2 belongs"),
        ([0, 1, 3], "Line 3 of .* is step 3, where step 2 belongs"),
        ([0, 2, 1, 3], "Line 2 of .* is step 2, where step 1 belongs"),
        ([0, 1, 2, 3, 4], "Line 5 of .* is a step without a number, where step 4 belongs"),
    ],
)
def test_repeated_and_missing_lines_are_refused(folder, order, sentence):
    with open_session(folder) as opened:
        opened.session.apply(Delete((2,)))
        opened.session.undo()
    lines = lines_of(folder)
    unnumbered = json.loads(lines[2])
    del unnumbered["n"]
    lines.append(json.dumps(unnumbered) + "\n")
    (folder / JOURNAL).write_text("".join(lines[number] for number in order))
    refused(folder, sentence)


@pytest.mark.parametrize("name", ["../../evil", "a/b", "..", "", "C:evil"])
def test_name_that_leads_elsewhere_is_refused(folder, name):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"name": name}))
    refused(folder, "no name of a file")


def test_prediction_cut_short_or_of_noise_is_refused(folder):
    content = (folder / PREDICTION).read_bytes()
    for damaged in (b"", b"PK", content[: len(content) // 2], bytes(len(content))):
        (folder / PREDICTION).write_bytes(damaged)
        with pytest.raises(InputError, match="not a complete prediction"):
            open_session(folder)
    middle = len(content) // 2
    (folder / PREDICTION).write_bytes(content[:middle] + bytes(9) + content[middle + 9 :])
    refused(folder, "not a complete prediction|is not the prediction")


def test_prediction_that_unpacks_to_far_more_than_its_image_is_refused(folder):
    with zipfile.ZipFile(folder / PREDICTION) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    bomb = io.BytesIO()
    np.save(bomb, np.zeros(10**7, np.uint8))
    members["counts.npy"] = bomb.getvalue()
    with zipfile.ZipFile(folder / PREDICTION, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    refused(folder, "don't fill their boxes")


#: Box far outside, inside out, or larger than any memory; ids that skip; peaks that are none.
HOSTILE = {
    "outside": {"bbox": [0, 0, 4000, 6000]},
    "negative": {"bbox": [-5, -5, 2, 2]},
    "inside out": {"bbox": [14, 40, 2, 2]},
    "huge": {"bbox": [0, 0, 2**31, 2**31]},
    "beyond integers": {"bbox": [0, 0, 10**30, 10**30]},
    "id zero": {"id": 0},
    "id far": {"id": 10**9},
    "no base64": {"data": "§"},
    "no pixels": {"data": ""},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_hostile_edit_is_refused(folder, change):
    journal = folder / JOURNAL
    header, line = journal.read_text().splitlines()
    record = json.loads(line)
    record["event"]["delta"]["flips"][0] |= change
    journal.write_text(f"{header}\n{json.dumps(record)}\n")
    refused(folder, "Step 1|Line 2")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "NaN", "null", '"\\ud800"'])
def test_hostile_json_is_refused(folder, text):
    header, line = (folder / JOURNAL).read_text().splitlines()
    (folder / JOURNAL).write_text(f"{header}\n{text}\n{line}\n")
    copy = shutil.copytree(folder, folder.with_name("other.probinst"))
    (copy / MANIFEST).write_text(text)
    refused(folder, "Line 2")
    refused(copy, "damaged")


@posix
@pytest.mark.parametrize("name", [JOURNAL, LOCK, MANIFEST, PREDICTION])
@pytest.mark.parametrize("exists", [True, False])
def test_links_in_a_session_lead_nowhere(folder, tmp_path, name, exists):
    victim = tmp_path / "victim"
    if exists:
        victim.write_text("precious")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(victim)
    with pytest.raises((InputError, OutputError), match=r"\.$"):
        open_session(folder)
    assert (victim.read_text() == "precious") if exists else not victim.exists()


@posix
@pytest.mark.parametrize("name", [JOURNAL, MANIFEST, PREDICTION])
@pytest.mark.parametrize("make", ["mkfifo", "mkdir"])
def test_what_is_no_file_is_not_waited_for(folder, name, make):
    (folder / name).unlink()
    getattr(os, make)(folder / name)
    for read_only in (True, False):
        with pytest.raises(InputError, match=f"{name} is no file: "):
            open_session(folder, read_only=read_only)


@posix
@pytest.mark.parametrize("name", [JOURNAL, MANIFEST, PREDICTION])
def test_files_of_a_session_elsewhere_are_refused_by_readers_too(folder, tmp_path, name):
    elsewhere = (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(elsewhere)
    refused(folder, f"{name} is a link")
