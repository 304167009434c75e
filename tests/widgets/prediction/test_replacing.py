"""A new prediction takes the place of corrections only where these are on the disk."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.curation.kept_session import KeptSession
from napari_probinst.core.curation.session_place import SessionPlace
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Provenance
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.events import Ended
from napari_probinst.widgets.prediction.layer_results import LayerResults

SHAPE = (12, 16)


def done():
    mask = np.zeros(SHAPE, bool)
    mask[2:8, 2:8] = True
    draws = [InstanceSet.from_masks([mask], SHAPE)] * 2
    settings = InferenceConfig(n_draws=2, min_size=1)
    provenance = Provenance("", "m", "", "p")
    return Ended(0, "done", prediction=compose(draws, settings, name="A", provenance=provenance))


@pytest.fixture
def viewer():
    made = ViewerModel()
    made.add_image(np.zeros(SHAPE), name="A")
    return made


@pytest.fixture
def questions():
    return []


@pytest.fixture
def results(viewer, questions):
    """Results of an image that has one already; each question is answered yes."""
    sources = [(ChannelSource(viewer.layers["A"]),)]
    made = LayerResults(viewer, sources, lambda question: questions.append(question) or True)
    made.end(done())
    return made


def correct(viewer, folder):
    """Delete the only instance, in a session that goes to a folder."""
    (shown,) = shown_predictions(viewer)
    place = SessionPlace("A", (), folder)
    shown.kept = KeptSession(shown.prediction, place, lambda _text: None)
    shown.session = shown.kept.session
    shown.session.apply(Delete((1,)))
    return shown


def test_corrections_that_cannot_be_written_are_not_replaced(viewer, results, questions, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    shown = correct(viewer, file / "sessions")
    assert shown.kept.n_waiting == 1
    assert not results.may_begin()
    said = notification_manager.records[-1].message
    assert said.startswith("Corrections of 'A' are not on disk")
    assert "the corrections are kept" in results.end(done())
    assert list(shown_predictions(viewer)) == [shown]
    assert not questions

    file.unlink()  # they can be written now
    assert results.may_begin()
    assert "They stay on disk" in questions[0]
    assert shown.kept.n_waiting == 0
    results.end(done())
    assert list(shown_predictions(viewer)) != [shown]
    assert (shown.kept.path / "journal.jsonl").is_file()


def test_corrections_that_nobody_writes_are_said_to_be_lost(viewer, results, questions):
    (shown,) = shown_predictions(viewer)
    shown.session.apply(Delete((1,)))
    assert results.may_begin()
    assert questions[0].endswith("They are not on disk, and would be lost.")
