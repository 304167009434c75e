"""Time, audit, and scores before and after, in a real window."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QToolButton, QWidget

from napari_probinst.core.curation.edits import Merge
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.fold import Fold
from napari_probinst.widgets.layers import show_prediction
from napari_probinst.widgets.live_figure import text_colour
from napari_probinst.widgets.truth import LayerTruth, read_image_truth
from napari_probinst.widgets.wording import clock_text

SHAPE = (64, 96)
#: y0, x0, y1, x1: LEFT and RIGHT are one worm; ACROSS and DOWN cross.
TRUTH = ((6, 8, 16, 72), (36, 40, 44, 88), (26, 60, 56, 68))


def masks():
    pages = np.zeros((len(TRUTH), *SHAPE), dtype=np.uint8)
    for page, (y0, x0, y1, x1) in zip(pages, TRUTH, strict=True):
        page[y0:y1, x0:x1] = 255
    return pages


@pytest.fixture
def account(person):
    return person.dock._account


@pytest.fixture
def cells(account):
    def read(name):
        found = (
            account.fold.findChild(QLabel, f"{name} {moment}").text()
            for moment in ("before", "now", "change")
        )
        return tuple(found)

    return read


def load(person, account, truth):
    account.before_after.choose_truth(truth)
    person.qtbot.waitUntil(lambda: not account.before_after.loading, timeout=60_000)


def test_scores_follow_the_corrections(person, account, cells, tmp_path, monkeypatch):
    errors = []
    monkeypatch.setattr(
        "napari_probinst.widgets.proofreading.before_after.show_error", errors.append
    )
    view = account.before_after
    assert not account.fold.findChild(QLabel, "dsb now").isVisible()
    assert person.dock.findChild(Fold, "section Before / after") is account.fold
    account.fold.unfold()
    stack = tmp_path / "well.tif"
    tifffile.imwrite(stack, masks(), photometric="minisblack")
    load(person, account, stack)
    assert view.compared is not None, errors
    assert cells("splits") == ("1", "1", "")
    assert cells("hits")[:2] == ("2", "2")
    before = cells("dsb")[0]

    person.session.apply(Merge((1, 2)))
    assert cells("splits") == ("1", "0", "−1")
    assert cells("dsb")[:2] == (before, "1.000")
    curve = account.fold.findChild(QWidget, "review_curve")
    drawn = {line.get_label(): line.get_ydata() for line in curve.figure.axes[0].lines}
    assert list(drawn["this review"]) == pytest.approx([float(before), 1], abs=1e-3)
    assert drawn["random order"][0] == pytest.approx(float(before), abs=1e-3)
    person.session.undo()
    assert cells("dsb") == (before, before, "")

    for theme in ("light", "dark"):
        person.viewer.theme = theme
        assert curve.figure.axes[0].xaxis.label.get_color() == text_colour(theme)

    # Truth of another image: a sentence, and no scores.
    wrong = person.viewer.add_labels(np.zeros((5, 6), dtype=int), name="other")
    load(person, account, wrong)
    assert view.compared is None
    assert errors == [
        "The layer 'other' is 5 x 6 pixels, but the prediction is 64 x 96; choose the truth of "
        "this image."
    ]
    assert account.fold.findChild(QLabel, "before_after_status").text() == errors[0]
    assert not curve.isVisible()
    load(person, account, None)
    assert "Choose the truth" in account.fold.findChild(QLabel, "before_after_status").text()
    assert len(errors) == 1


def test_the_truth_of_a_stack_is_that_of_the_plane():
    frames = np.zeros((3, 8, 9), dtype=np.uint8)
    frames[0, :2], frames[1, 4:, :3], frames[1, 4:, 5:] = 1, 1, 2
    film = Labels(frames, name="film")

    def count(layer, *plane):
        return len(read_image_truth(LayerTruth.of(layer, plane), "x", (8, 9)))

    assert [count(film, number) for number in range(3)] == [1, 2, 0]
    assert count(Labels(frames[1]), 1) == 2, "drawn on this plane alone"
    assert count(Labels(frames[None, ::2]), 0) == 1, "masks of a plane"
    with pytest.raises(
        InputError, match=r"'film' has planes of the shape \(3,\), and none at \(3,"
    ):
        count(film, 3)


def test_scores_of_a_plane_are_against_its_own_truth(viewer, make_prediction, as_person):
    film = viewer.add_image(np.zeros((2, *SHAPE), np.uint8), name="film")
    labels = np.zeros((2, *SHAPE), np.uint8)
    labels[0, 60:], labels[1, :20] = 1, masks()[0, :20] > 0
    viewer.add_labels(labels, name="truth")
    made = make_prediction("film_001")
    show_prediction(viewer, made, CurationSession(made), film, plane=(1,), axes=(0,))
    person = as_person(viewer)
    account = person.dock._account
    load(person, account, viewer.layers["truth"])
    errors = account.before_after.compared.scores.before.errors
    assert (errors.misses, errors.false_splits) == (0, 1)


def test_the_time_stands_in_a_pause_and_stands_in_the_audit(person, account):
    row = account.time
    pause, audit = (row.findChild(QToolButton, name) for name in ("pause", "audit"))
    text = row.findChild(QLabel, "worked")
    assert text.text().startswith("Worked 0:0")
    person.qtbot.mouseClick(pause, Qt.MouseButton.LeftButton)
    person.qtbot.wait(300)
    stands = person.session.worked
    person.session.decide(0, "flagged")
    person.qtbot.wait(100)
    assert person.session.worked == pytest.approx(stands, abs=2e-3)
    assert text.text().endswith("paused")
    person.qtbot.mouseClick(pause, Qt.MouseButton.LeftButton)
    person.qtbot.wait(100)
    assert person.session.worked > stands
    assert "paused" not in text.text()

    person.qtbot.mouseClick(audit, Qt.MouseButton.LeftButton)
    folder = person.shown.kept.path
    with folder.with_name("well.audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["event"], row["what"]) for row in rows] == [("decision", "flagged")]
    assert float(rows[0]["elapsed_s"]) == pytest.approx(stands, abs=2e-3)
    # No other prediction is worked on: the time of this one stops.
    clock = person.session.clock
    person.viewer.layers.remove(person.shown.instances)
    assert text.text() == ""
    stands = clock()
    person.qtbot.wait(50)
    assert clock() == stands


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.99, "0:59"), (187, "3:07"), (3600, "1:00:00"), (36610, "10:10:10")],
)
def test_durations_in_words(seconds, text):
    assert clock_text(seconds) == text
