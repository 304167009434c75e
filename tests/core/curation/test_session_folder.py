"""A session on disk: the same after any end, one writer, and a sentence for anything else."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest

from napari_probinst.core.curation.edits import Delete, Merge, SplitAlongLine
from napari_probinst.core.curation.journal import read_journal
from napari_probinst.core.curation.manifest import JOURNAL, MANIFEST, PREDICTION
from napari_probinst.core.curation.session_folder import create_session, open_session
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import InputError, OutputError, SessionInUseError


@pytest.fixture
def prediction(make_prediction):
    masks = np.zeros((3, 40, 60), bool)
    masks[0, 2:14, 2:40] = True
    masks[1, 8:30, 20:32] = True
    masks[2, 20:32, 25:58] = True
    return make_prediction(list(masks), [(8, 20, (0, 1)), (20, 25, (1, 2))])


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "C04.probinst"


def test_opens_as_it_was_left_with_its_history(prediction, folder, pixels):
    with create_session(prediction, folder) as opened:
        session = opened.session
        session.apply(Merge((1, 2)))
        session.decide(0, "accepted")
        session.position = 1
        session.apply(Delete((3,)))
        session.undo()
        before = pixels(session.instances, prediction.shape)
    with open_session(folder) as again:
        assert pixels(again.session.instances, prediction.shape) == before
        assert again.session.position == 1
        assert again.session.status(0) == "accepted"
        assert not again.session.modified
        again.session.redo()
        assert 3 not in again.session.instances
    assert [path.name for path in sorted(folder.iterdir()) if path.name != "session.lock"] == [
        JOURNAL,
        MANIFEST,
        PREDICTION,
    ]


def test_each_record_is_on_the_disk_before_the_next(prediction, folder):
    with create_session(prediction, folder) as opened:
        for number, identifier in enumerate((1, 2, 3), start=1):
            opened.session.apply(Delete((identifier,)))
            assert len(read_journal(folder / JOURNAL).records) == number


def test_second_opener_reads_but_does_not_write(prediction, folder):
    with create_session(prediction, folder) as first:
        first.session.apply(Delete((1,)))
        with pytest.raises(SessionInUseError, match="another window"):
            open_session(folder)
        with open_session(folder, read_only=True) as second:
            assert set(second.session.instances) == {2, 3}
            with pytest.raises(OutputError, match="reading only"):
                second.session.apply(Delete((2,)))
            assert set(second.session.instances) == {2, 3}
    with open_session(folder) as third:
        assert not third.read_only


def test_closed_session_refuses_edits(prediction, folder):
    opened = create_session(prediction, folder)
    opened.close()
    opened.close()
    with pytest.raises(OutputError, match="reading only"):
        opened.session.apply(Delete((1,)))


def test_torn_last_line_is_cut_off_by_a_writer_only(prediction, folder):
    with create_session(prediction, folder) as opened:
        opened.session.apply(Delete((1,)))
        opened.session.apply(Delete((2,)))
    journal = folder / JOURNAL
    torn = journal.read_bytes()[:-5]
    journal.write_bytes(torn)
    with open_session(folder, read_only=True) as reader:
        assert "not finished" in reader.warning
        assert set(reader.session.instances) == {2, 3}
    assert journal.read_bytes() == torn
    with open_session(folder) as writer:
        assert "not finished" in writer.warning
        writer.session.apply(Delete((3,)))
    with open_session(folder) as again:
        assert again.warning is None
        assert set(again.session.instances) == {2}


def test_another_prediction_in_its_place_is_noticed(prediction, make_prediction, folder):
    create_session(prediction, folder).close()
    other = make_prediction([np.ones((40, 60), bool)], [(8, 20, (0,))])
    save_prediction(other, folder / PREDICTION)
    with pytest.raises(InputError, match="not the prediction"):
        open_session(folder)


def test_another_file_of_the_same_masks_is_noticed(prediction, folder):
    create_session(prediction, folder).close()
    provenance = dataclasses.replace(prediction.provenance, model_name="another")
    save_prediction(dataclasses.replace(prediction, provenance=provenance), folder / PREDICTION)
    with pytest.raises(InputError, match="not the prediction"):
        open_session(folder)
    # Sessions of early programs say nothing about the file.
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["prediction_file"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    open_session(folder).close()


def test_journal_of_another_session_is_refused_and_kept(prediction, make_prediction, folder):
    create_session(prediction, folder).close()
    other = make_prediction([np.ones((40, 60), bool)], [(8, 20, (0,))])
    strange = folder.with_name("other.probinst")
    with create_session(other, strange) as opened:
        opened.session.apply(Delete((1,)))
    shutil.copy(strange / JOURNAL, folder / JOURNAL)
    content = (folder / JOURNAL).read_bytes()
    with pytest.raises(InputError, match="another prediction"):
        open_session(folder)
    assert (folder / JOURNAL).read_bytes() == content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"version": 1', '"version": 2'), "newer version"),
        (lambda text: text[:20], "damaged"),
        (lambda _: '{"format": "something else"}', "damaged or of another program"),
    ],
)
def test_manifest_that_cannot_be_used_is_a_sentence(prediction, folder, change, message):
    create_session(prediction, folder).close()
    path = folder / MANIFEST
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=message):
        open_session(folder)


def test_manifest_holds_the_settings(prediction, folder):
    create_session(prediction, folder).close()
    with open_session(folder) as opened:
        assert opened.manifest.settings == prediction.settings.model_dump(mode="json")
        assert opened.manifest.settings["bandwidth"] == prediction.settings.bandwidth


def test_no_session_and_an_existing_folder_are_refused(prediction, tmp_path, folder):
    with pytest.raises(InputError, match="no session"):
        open_session(tmp_path)
    with pytest.raises(InputError, match="no session"):
        open_session(tmp_path / "missing.probinst")
    folder.mkdir()
    with pytest.raises(OutputError, match="exists already"):
        create_session(prediction, folder)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't remove open files")
def test_folder_that_vanishes_refuses_the_edit(prediction, folder):
    with create_session(prediction, folder) as opened:
        shutil.rmtree(folder)
        with pytest.raises(OutputError, match="removed"):
            opened.session.apply(Delete((1,)))
        assert 1 in opened.session.instances


def test_id_is_never_used_twice_also_across_openings(prediction, folder):
    with create_session(prediction, folder) as opened:
        opened.session.apply(SplitAlongLine(1, ((0, 10), (20, 12))))
        opened.session.undo()
    with open_session(folder) as again:
        again.session.apply(SplitAlongLine(1, ((0, 10), (20, 12))))
        assert set(again.session.instances) == {1, 2, 3, 5}
