"""The main job done by X11's own mouse and keyboard, in a window of napari, on the sample.

The other tests send Qt's events straight to a widget. Here `xdotool` moves the pointer of the
X server, so whatever lies over a button, steals a key or needs the focus is in the way as it
would be for a user.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDockWidget,
    QLabel,
    QPushButton,
    QScrollArea,
)

from napari_probinst.cli.main import main
from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.data.io import read_instances
from napari_probinst.sample_data import sample_image
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.proofreading.hypothesis_card import HypothesisCard

PAUSE = 60


def xdotool(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True, timeout=20)


def has_real_screen():
    # Qt's "offscreen" platform draws windows that no pointer of the X server reaches.
    return shutil.which("xdotool") is not None and QApplication.platformName() == "xcb"


class Hands:
    """Pointer and keyboard of the X server, and a camera: its pictures stay in ``pictures``."""

    def __init__(self, viewer, qtbot, pictures):
        self.viewer = viewer
        self.qtbot = qtbot
        self.pictures = pictures
        xdotool("windowfocus", "--sync", int(self.window.winId()))

    # Not kept: napari's fixture takes a window that outlives its test for a leak.
    @property
    def window(self):
        return self.viewer.window._qt_window

    @property
    def canvas(self):
        return self.viewer.window._qt_viewer.canvas.native

    def picture(self, name):
        """Take a picture of the window, to be looked at."""
        number = len(list(self.pictures.iterdir()))
        path = self.pictures / f"{number}-{name}.png"
        self.viewer.screenshot(str(path), canvas_only=False, flash=False)

    def at(self, widget, place=None):
        place = widget.mapToGlobal(widget.rect().center() if place is None else place)
        xdotool("mousemove", place.x(), place.y())
        self.qtbot.wait(PAUSE)

    def click(self, widget, place=None):
        self.rest(widget)
        self.at(widget, place)
        xdotool("click", 1)
        self.qtbot.wait(PAUSE)

    def rest(self, widget):
        """Wait until a widget stands still: a text that changed moves what is below it."""
        before = None
        while before != (before := widget.mapToGlobal(QPoint(0, 0))):
            self.qtbot.wait(5 * PAUSE)

    def press(self, *keys):
        for key in keys:
            xdotool("key", key)
            self.qtbot.wait(3 * PAUSE)

    def button(self, dock, name):
        found = dock.findChild(QAbstractButton, name)
        # What a small screen hides, a person scrolls to.
        dock.findChild(QScrollArea).ensureWidgetVisible(found)
        self.qtbot.wait(3 * PAUSE)
        self.click(found)

    def open_dock(self, name):
        self.menu("Plugins", "Probabilistic Instances", name)
        return self.viewer.window.dock_widgets[f"{name} (Probabilistic Instances)"]

    def close_dock(self, dock):
        """Click the cross in the dock's title."""
        frame = dock
        while not isinstance(frame, QDockWidget):
            frame = frame.parent()
        self.click(frame.titleBarWidget().findChild(QPushButton, "QTitleBarCloseButton"))
        self.qtbot.wait(3 * PAUSE)

    def menu(self, *path):
        """Click along the beginnings of the entries of the menu bar and its menus."""
        bar = self.window.menuBar()
        place = bar
        for text in path:
            action = next(a for a in place.actions() if a.text().replace("&", "").startswith(text))
            self.click(place, place.actionGeometry(action).center())
            place = action.menu() or place
            self.qtbot.wait(3 * PAUSE)

    def point(self, layer, y, x):
        """Place of a layer's pixel on the canvas."""
        camera = self.viewer.scene.camera if hasattr(self.viewer, "scene") else self.viewer.camera
        world = np.asarray(layer.data_to_world((y, x)))[-2:]
        offset = (world - camera.center[-2:]) * camera.zoom
        middle = self.canvas.rect().center()
        return QPoint(round(middle.x() + offset[1]), round(middle.y() + offset[0]))

    def drag(self, layer, *points):
        places = [self.point(layer, *point) for point in points]
        self.at(self.canvas, places[0])
        xdotool("mousedown", 1)
        for start, stop in pairwise(places):
            for share in np.linspace(0, 1, 7)[1:]:
                self.at(self.canvas, start + (stop - start) * float(share))
        xdotool("mouseup", 1)
        self.qtbot.wait(PAUSE)


def masks(session):
    return {
        identifier: (instance.bbox, instance.mask.tobytes())
        for identifier, instance in session.instances.items()
    }


def own_pixel(session, identifier):
    """Return the pixel of an instance's midline that is in no other instance."""
    instance = session.instances[identifier]
    ys, xs = np.nonzero(instance.mask)
    depths = [_depth(instance.mask, y, x) for y, x in zip(ys, xs, strict=True)]
    for index in np.argsort(depths)[::-1]:
        pixel = int(ys[index] + instance.bbox[0]), int(xs[index] + instance.bbox[1])
        if session.instances_at(*pixel) == (identifier,):
            return pixel
    raise AssertionError("the instance is covered")


def _depth(mask, y, x):
    """Largest square around a pixel that lies within the mask, half its side."""
    padded = np.pad(mask, 8)
    return next(
        (
            r - 1
            for r in range(1, 9)
            if not padded[y + 8 - r : y + 9 + r, x + 8 - r : x + 9 + r].all()
        ),
        8,
    )


@pytest.fixture
def hands(viewer, qtbot, tmp_path):
    if not has_real_screen():
        pytest.skip("needs an X server and xdotool")
    viewer.window._qt_window.setGeometry(0, 0, 1400, 900)
    qtbot.wait(300)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    return Hands(viewer, qtbot, pictures)


def state(session):
    return (
        masks(session),
        session.position,
        session.steps,
        [session.status(peak) for peak in range(len(session.peaks))],
    )


def other_opinion(dock):
    """Name of a hypothesis about the place that is not what is there now."""
    cards = dock.findChildren(HypothesisCard)
    other = (card.objectName() for card in cards if not (card.isHidden() or card.is_current))
    return next(other, None)


def test_predict_review_correct_undo_save_reopen_and_export(hands, tmp_path):
    viewer, qtbot = hands.viewer, hands.qtbot
    for number, channel in ((2, 0), (1, 1)):
        path = tmp_path / f"plate_C07_w{number}.tif"
        tifffile.imwrite(path, sample_image().channels[channel])
        viewer.open(path)

    predict = hands.open_dock("Predict")
    hands.button(predict, "run")
    qtbot.waitUntil(lambda: any(shown_predictions(viewer)), timeout=120_000)
    qtbot.waitUntil(lambda: not predict.running, timeout=10_000)
    hands.picture("predicted")
    hands.button(predict, "open_proofread")
    dock = predict.proofread
    session = dock.shown.session
    qtbot.wait(300)

    # Ten places, some of them mere jitter of contours: eight are right, two are put off, and the
    # last decision is taken back.
    hands.button(dock, "hide_jitter")
    hands.at(hands.canvas)
    hands.press("n", "shift+n")
    assert session.position == 0
    hands.press(*"kkqkkkkqkk")
    statistics = session.statistics()
    assert (statistics.accepted, statistics.skipped) == (8, 2)
    hands.press("ctrl+z")
    assert session.statistics().accepted == 7
    hands.picture("reviewed")

    # Two worms made one.
    viewer.reset_view()
    qtbot.wait(200)
    layer = dock.shown.instances
    before, unchanged = dict(session.instances), masks(session)
    one, other, third = list(before)[:3]
    hands.press("g")
    for identifier in (one, other):
        hands.click(hands.canvas, hands.point(layer, *own_pixel(session, identifier)))
    hands.picture("merging")
    hands.press("g")
    union = before[one].full(session.shape) | before[other].full(session.shape)
    assert len(session.instances) == len(before) - 1
    assert any(
        np.array_equal(instance.full(session.shape), union)
        for instance in session.instances.values()
    )
    hands.press("ctrl+z")
    assert masks(session) == unchanged
    hands.press("ctrl+shift+z")
    assert len(session.instances) == len(before) - 1
    hands.picture("merged")

    # One worm cut in two; no other changes.
    unchanged = masks(session)
    y, x = own_pixel(session, third)
    hands.click(hands.canvas, hands.point(layer, y, x))
    hands.press("h")
    y0, x0, y1, x1 = before[third].bbox
    steep = y1 - y0 > x1 - x0
    line = ((y, x0 - 4), (y, x1 + 4)) if steep else ((y0 - 4, x), (y1 + 4, x))
    hands.drag(layer, *line)
    hands.picture("split")
    parts = [i for i in session.instances if i not in unchanged or i == third]
    assert len(parts) >= 2
    joined = sum(session.instances[i].full(session.shape).astype(int) for i in parts)
    assert np.array_equal(joined, before[third].full(session.shape))
    now = masks(session)
    assert all(now[i] == unchanged[i] for i in unchanged if i != third)

    # Another opinion of the draws adopted, taken back, and made again by the key of the strip.
    while (name := other_opinion(dock)) is None:
        hands.press("n")
    hands.button(dock, name)
    assert session.undo_step.edit == "adopt draw"
    hands.press("ctrl+z")
    assert masks(session) == now
    hands.press(name[-1])
    assert session.undo_step.edit == "adopt draw"
    hands.picture("adopted")

    # Everything is on the disk before anything is saved.
    left = state(session)
    path = dock.shown.kept.path
    assert path.parent == tmp_path
    assert dock.findChild(QLabel, "saved").text().startswith("Every correction is on disk")
    dock.choose_folder = lambda _: tmp_path
    hands.button(dock, "save")
    qtbot.waitUntil(lambda: not session.modified, timeout=10_000)
    saved = read_instances(next(tmp_path.glob("*.corrected.instances.tif")))
    assert len(saved) == len(session.instances)

    # Closed and opened again, it is the disk's session, at the same place.
    hands.close_dock(dock)
    with open_session(path) as alone:
        assert state(alone.session) == left
    reopened = hands.open_dock("Proofread")
    qtbot.waitUntil(lambda: reopened.shown is not None, timeout=10_000)
    again = reopened.shown.session
    assert again is not session
    assert state(again) == left
    hands.at(hands.canvas)
    hands.press("ctrl+z")
    assert masks(again) == now
    hands.picture("reopened")
    assert len(list(hands.pictures.iterdir())) == 7

    exported = tmp_path / "exported.json"
    with pytest.raises(SystemExit, match="0"):
        main(["export", str(path), "--format", "coco", "--output", str(exported)])
    assert len(json.loads(exported.read_text())["annotations"]) == len(again.instances)
