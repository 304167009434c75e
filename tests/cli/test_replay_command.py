"""Replaying a session gives the masks that the window saved, byte by byte."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.cli.main import main
from napari_probinst.core.curation.corrected import save_corrected
from napari_probinst.core.curation.edits import Delete, SplitAlongLine
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction


@pytest.fixture
def prediction():
    masks = np.zeros((2, 30, 40), bool)
    masks[0, 2:10, 2:30] = True
    masks[1, 5:25, 12:20] = True
    instances = agglomerate([InstanceSet.from_masks(list(masks), (30, 40))] * 2)
    return Prediction("C04", instances, rank_peaks(instances))


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code or 0


def test_replay_writes_what_was_saved_while_the_session_is_still_open(prediction, tmp_path, capsys):
    saved, replayed = tmp_path / "saved", tmp_path / "replayed"
    with create_session(prediction, tmp_path / "C04.probinst") as opened:
        opened.session.apply(SplitAlongLine(1, ((0, 25), (20, 25))))
        opened.session.apply(Delete((2,)))
        opened.session.undo()
        save_corrected(opened.session, saved)
        assert run("replay", opened.path, "--output", replayed) == 0
    assert "3 records replayed, 3 instances" in capsys.readouterr().out
    files = sorted(path.name for path in saved.iterdir())
    assert len(files) == 5
    assert sorted(path.name for path in replayed.iterdir()) == files
    for name in files:
        assert (saved / name).read_bytes() == (replayed / name).read_bytes()


def test_folder_that_is_no_session_is_a_sentence(tmp_path, capsys):
    assert run("replay", tmp_path, "--output", tmp_path / "out") == 2
    assert "no session of corrections" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_replay_replaces_what_it_has_written_and_nothing_else(prediction, tmp_path, capsys):
    out, path = tmp_path / "out", tmp_path / "C04.probinst"
    with create_session(prediction, path) as opened:
        assert run("replay", path, "--output", out) == 0
        opened.session.apply(Delete((2,)))
    native = out / "C04.corrected.npz"
    before = native.read_bytes()
    assert run("replay", path, "--output", out) == 0
    assert native.read_bytes() != before

    nothing = agglomerate([InstanceSet((30, 40), ())])
    create_session(Prediction("C04", nothing, ()), tmp_path / "C04-2.probinst").close()
    before = native.read_bytes()
    assert run("replay", tmp_path / "C04-2.probinst", "--output", out) == 2
    assert f"{native} exists and is no earlier result of this" in capsys.readouterr().err
    assert native.read_bytes() == before

    labels = tmp_path / "mine" / "C04.corrected.labels.tif"
    labels.parent.mkdir()
    labels.write_text("mine")
    assert run("replay", path, "--output", labels.parent) == 2
    assert f"{labels} exists and is no earlier result" in capsys.readouterr().err
    assert [each.read_text() for each in labels.parent.iterdir()] == ["mine"]
