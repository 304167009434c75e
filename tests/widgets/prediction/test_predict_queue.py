"""The Predict dock with several images: the list, cancelling, a folder."""

from __future__ import annotations

import time

import numpy as np
import tifffile
from napari.utils import progress
from qtpy.QtWidgets import QLabel, QPushButton, QSpinBox, QTreeWidget

from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.instances import InstanceSet
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.prediction import layer_queue
from napari_probinst.widgets.prediction.activity import ActivityBars
from napari_probinst.widgets.prediction.events import Progress

SHAPE = (24, 32)


def states(dock):
    queue = dock.findChild(QTreeWidget, "queue")
    rows = [queue.topLevelItem(row) for row in range(queue.topLevelItemCount())]
    return {row.text(0): row.text(1) for row in rows}


def button(dock, name):
    return dock.findChild(QPushButton, name)


def status(dock):
    return dock.findChild(QLabel, "status").text()


def wait(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.running, timeout=60_000)


class Draws:
    """Draws that are made when the test says so: a bar."""

    def __init__(self):
        self.allowed = 0

    def make(self, _predictor, _channels, settings, *_others, on_tile):
        for number in range(settings.n_draws):
            while number >= self.allowed:
                # Raises as soon as somebody cancels.
                on_tile(0, 2)
                time.sleep(0.02)
            mask = np.zeros(SHAPE, dtype=bool)
            mask[8:16, 4:12] = True
            on_tile(2, 2)
            yield InstanceSet.from_masks([mask], SHAPE)


def check_that_bars_are_nested_and_outlive_an_image(qtbot):
    """The activity dock is hidden, as it is at first: napari deletes nested bars otherwise then."""
    for _ in range(2):
        bars = ActivityBars(["a", "b"])
        bars.show(Progress(0, 0, 4, 1, 9))
        images, draws, tiles = sorted(progress._all_instances, key=lambda bar: bar.total)
        assert (images.nest_under, draws.nest_under, tiles.nest_under) == (None, images, draws)
        assert (draws.n, tiles.n) == (0, 1)
        bars.show(Progress(0, 3, 4, 9, 9))
        bars.end_image()
        bars.show(Progress(1, 1, 3))
        assert (images.n, draws.n, draws.total, draws.desc) == (1, 1, 3, "Draws of b: ")
        assert (tiles.n, tiles.total) == (0, 1)
        bars.close()
        assert not progress._all_instances
        qtbot.wait(50)


def test_each_draw_and_tile_is_told_until_it_is_cancelled(viewer, dock, qtbot, monkeypatch):
    check_that_bars_are_nested_and_outlive_an_image(qtbot)
    monkeypatch.setattr(layer_queue, "_PAUSE", 0)
    monkeypatch.setattr(layer_queue, "_MOST_TIME", 1)
    draws = Draws()
    monkeypatch.setattr(
        Predictor,
        "draws",
        lambda self, *given, on_tile, cache: draws.make(self, *given, on_tile=on_tile),
    )
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="A01")
    dock.findChild(QSpinBox, "n_draws").setValue(5)
    button(dock, "run").click()
    draws.allowed = 2
    qtbot.waitUntil(lambda: "draw 3 of 5" in status(dock), timeout=60_000)
    assert "tile 1 of 2; 1 instance so far" in status(dock)
    draw_bar, tile_bar = sorted(progress._all_instances, key=lambda bar: -bar.total)
    assert (draw_bar.total, draw_bar.n, draw_bar.nest_under) == (5, 2, None)
    assert (tile_bar.total, tile_bar.n, tile_bar.nest_under) == (2, 0, draw_bar)
    button(dock, "cancel").click()
    wait(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == [
        "A01",
        "A01 | entropy of 2 draws",
        "A01 | instances of 2 draws",
    ]
    assert status(dock) == "Cancelled; what the first 2 draws say is shown."
    assert not progress._all_instances


def test_selected_images_and_then_a_folder_are_predicted_one_after_the_other(
    viewer, dock, qtbot, tmp_path
):
    pages = np.random.default_rng(0).integers(0, 4000, (3, *SHAPE), dtype=np.uint16)
    layers = [viewer.add_image(page, name=name) for page, name in zip(pages, "abc", strict=True)]
    layers[1].data = np.full(SHAPE, np.nan)
    viewer.layers.selection = set(layers)
    assert button(dock, "run_selected").text() == "Run 3 selected"
    button(dock, "run_selected").click()
    wait(qtbot, dock)
    assert states(dock) == {"a": "done", "b": "refused", "c": "done"}
    assert status(dock).startswith("3 images: 2 done, 1 refused.\nb: 'b' holds NaN")
    assert [shown.title for shown in shown_predictions(viewer)] == ["a", "c"]
    assert not progress._all_instances

    for page, name in zip(pages, "def", strict=True):
        tifffile.imwrite(tmp_path / f"{name}.tif", page)
    dock.folder.choose = lambda _title: tmp_path
    dock.folder._browse_images()
    button(dock, "run_folder").click()
    wait(qtbot, dock)
    assert set(states(dock).values()) == {"done"}
    assert (tmp_path / "predictions" / "e.prediction.npz").is_file()
    button(dock, "open_folder").click()
    qtbot.waitUntil(lambda: dock.proofread.shown.prediction.name in "def", timeout=60_000)
