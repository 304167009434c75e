"""A real window with a hand-made prediction, driven by mouse and keys."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QLabel, QPushButton

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction
from napari_probinst.widgets.canvas import camera
from napari_probinst.widgets.layers import show_prediction
from napari_probinst.widgets.proofreading.key_table import KEYS_VARIABLE
from napari_probinst.widgets.proofreading.keys import REPEAT_GAP
from napari_probinst.widgets.proofreading.session_place import SESSIONS_VARIABLE

if TYPE_CHECKING:
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.dock import ProofreadWidget

SHAPE = (64, 96)
#: y0, x0, y1, x1 of the bars. LEFT and RIGHT touch; ACROSS and DOWN cross.
LEFT, RIGHT = (6, 8, 16, 40), (6, 40, 16, 72)
ACROSS, DOWN = (36, 40, 44, 88), (26, 60, 56, 68)


def bar(box):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return mask


def _make_prediction(name="well", *, certain=False, empty=False):
    """Eight draws: all see four bars, but two see LEFT and RIGHT as one."""
    four = InstanceSet.from_masks([bar(LEFT), bar(RIGHT), bar(ACROSS), bar(DOWN)], SHAPE)
    three = InstanceSet.from_masks([bar(LEFT) | bar(RIGHT), bar(ACROSS), bar(DOWN)], SHAPE)
    # In some draws the crossing bar is shorter: a second, smaller disagreement.
    short = (36, 40, 44, 80)
    shorter = InstanceSet.from_masks([bar(LEFT), bar(RIGHT), bar(short), bar(DOWN)], SHAPE)
    draws = [four] * 8 if certain else [four] * 4 + [shorter] * 2 + [three] * 2
    if empty:
        draws = [InstanceSet(SHAPE, ())] * 8
    instances = agglomerate(draws)
    return Prediction(name, instances, rank_peaks(instances))


@dataclass
class Person:
    """Somebody with a mouse and a keyboard in front of the window."""

    viewer: Any
    dock: ProofreadWidget
    qtbot: Any

    @property
    def shown(self) -> ShownPrediction:
        return self.dock.shown

    @property
    def session(self) -> CurationSession:
        return self.shown.session

    @property
    def canvas(self):
        return self.viewer.window._qt_viewer.canvas.native

    @property
    def camera(self):
        return camera(self.viewer)

    def press(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        self.qtbot.keyClick(self.canvas, key, modifier)
        self.qtbot.wait(int(1000 * REPEAT_GAP) + 20)

    def click_button(self, name):
        self.qtbot.mouseClick(self.button(name), Qt.MouseButton.LeftButton)

    def button(self, name) -> QPushButton:
        return self.dock.findChild(QPushButton, name)

    def text(self, name):
        return self.dock.findChild(QLabel, name).text()

    def point(self, y, x):
        """Where a pixel of the instances layer is on the screen."""
        world = np.asarray(self.shown.instances.data_to_world((y, x)))[-2:]
        offset = (world - self.camera.center[-2:]) * self.camera.zoom
        return QPoint(
            round(offset[1] + self.canvas.width() / 2), round(offset[0] + self.canvas.height() / 2)
        )

    def click(self, y, x, modifier=Qt.KeyboardModifier.NoModifier):
        self.qtbot.mouseMove(self.canvas, self.point(y, x))
        self.qtbot.mouseClick(
            self.canvas, Qt.MouseButton.LeftButton, modifier, self.point(y, x), delay=5
        )

    def drag(self, *points, steps=7):
        """Drag the mouse along points (y, x), so many steps from each to the next."""
        places = [self.point(*point) for point in points]
        self.qtbot.mousePress(self.canvas, Qt.MouseButton.LeftButton, pos=places[0], delay=5)
        for start, stop in pairwise(places):
            for step in np.linspace(0, 1, steps + 1)[1:]:
                self._move(start + (stop - start) * float(step))
        self.qtbot.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, pos=places[-1], delay=5)

    def _move(self, place):
        # `qtbot.mouseMove` moves the pointer with no button held.
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(place),
            QPointF(self.canvas.mapToGlobal(place)),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.canvas, event)
        self.qtbot.wait(5)

    def show_all(self):
        self.viewer.reset_view()
        self.qtbot.wait(20)

    def mask(self, identifier):
        return self.session.instances[identifier].full(SHAPE)


def _put(viewer, prediction, name="well", **place):
    """Add an image and the prediction of it."""
    image = viewer.add_image(np.zeros(prediction.shape, dtype=np.uint8), name=name, **place)
    return show_prediction(viewer, prediction, CurationSession(prediction), image)


def _open_proofread(viewer):
    return viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")


@pytest.fixture(scope="session", autouse=True)
def _everything_is_imported():
    import_module("napari.window")
    gc.collect()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _collections_are_quick(_everything_is_imported, monkeypatch):
    """Collect garbage at the end of a test, and only what the test has made.

    napari collects at every layer it removes, too: a fifth of the time of all these tests.
    """
    gc.freeze()
    canvas = import_module("napari._vispy.canvas")
    monkeypatch.setattr(canvas, "gc", SimpleNamespace(collect=int), raising=False)


@pytest.fixture(autouse=True)
def _no_earlier_messages():
    """Forget what napari was told in the tests before: a test is to hear its own notifications."""
    notification_manager.records.clear()


@pytest.fixture(autouse=True)
def sessions(tmp_path_factory, monkeypatch):
    """Folder of sessions whose image has no file, out of the user's own; also of subprocesses."""
    folder = tmp_path_factory.mktemp("sessions")
    monkeypatch.setenv(SESSIONS_VARIABLE, str(folder))
    monkeypatch.setenv(KEYS_VARIABLE, str(folder / "keys.json"))
    return folder


@pytest.fixture
def viewer(make_napari_viewer):
    made = make_napari_viewer(show=True)
    made.window.resize(1280, 720)
    return made


@pytest.fixture
def person(viewer, as_person):
    """Proofread dock on the hand-made prediction."""
    _put(viewer, _make_prediction())
    return as_person(viewer)


@pytest.fixture
def make_prediction():
    return _make_prediction


@pytest.fixture
def put():
    return _put


@pytest.fixture
def open_proofread():
    return _open_proofread


@pytest.fixture
def as_person(qtbot):
    """Open the Proofread dock of a viewer, all of the image in view."""

    def make(viewer):
        _, dock = _open_proofread(viewer)
        qtbot.wait(50)
        made = Person(viewer, dock, qtbot)
        made.show_all()
        return made

    return make
