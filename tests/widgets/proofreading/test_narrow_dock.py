"""The dock stays as narrow as a notebook's screen needs it, whatever has to be said."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel, QScrollArea, QSplitter, QTableView

from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.widgets.elided import ElidedBox, ElidedButton
from napari_probinst.widgets.proofreading.hypothesis_card import (
    LEAST_SIDE,
    PICTURE_SIDE,
    HypothesisCard,
)
from napari_probinst.widgets.proofreading.queue_table import QueueTable
from napari_probinst.widgets.proofreading.queue_view import QueueView
from napari_probinst.widgets.proofreading.queue_words import listed_text
from napari_probinst.widgets.scrolling_dock import MINIMUM_WIDTH

#: Words that can't be wrapped; wells differ in the middle and at the end.
LONG = "1649_1109_0003_Amp5_1_B_20070424_{}_w1_9E84F49F1B254E7E8040D1BB2D7E73EA"


def least_width(dock):
    """Width that what scrolls needs."""
    return max(area.widget().minimumSizeHint().width() for area in dock.findChildren(QScrollArea))


def test_each_place_is_told_in_view_and_long_names_push_no_button_out_of_it(person):
    head = person.dock.findChild(QLabel, "kind")
    around = [area for area in person.dock.findChildren(QScrollArea) if area.isAncestorOf(head)]
    assert len(around) == 2
    bars = [area.verticalScrollBar() for area in around]

    def scrolled_down_and_gone_on():
        for bar in bars:
            bar.setRange(0, 100)
            bar.setValue(60)
        person.dock.queue.next()
        return [bar.value() for bar in bars]

    assert scrolled_down_and_gone_on() == [0, 0]
    person.viewer.window._qt_window.activateWindow()
    field = person.dock.findChild(QTableView)
    field.setFocus()
    person.qtbot.waitUntil(field.hasFocus)
    person.dock.queue.previous()
    assert scrolled_down_and_gone_on() == [60, 60]

    name = LONG.format("C12")
    person.viewer.layers[0].name = name
    person.dock.act("accept")
    person.qtbot.wait(20)
    for button in ("open", "uncertainty", "delete", "save"):
        assert _in_view(person.dock, person.button(button)), button

    # The button that goes on gives way.
    person.dock._panel.show_nothing(None, f"Continue {name} (00:25, 1 edit, 2 decisions)")
    person.qtbot.wait(20)
    going_on = person.button("continue")
    assert isinstance(going_on, ElidedButton)
    assert name in going_on.toolTip()
    assert least_width(person.dock) < MINIMUM_WIDTH
    assert _in_view(person.dock, person.button("open"))


def test_buttons_stay_where_they_are_whatever_number_of_places_is_listed(person):
    table = person.dock.findChild(QueueTable)
    listed = table.findChild(QLabel, "listed")
    heights = set()
    for numbers in ((1, 3, 0), (11, 124, 11), (999, 1234, 999)):
        listed.setText(listed_text(*numbers))
        table.layout().activate()
        heights.add(table.layout().minimumHeightForWidth(MINIMUM_WIDTH - 20))
    assert len(heights) == 1


def test_pictures_are_seen_as_a_whole_in_a_low_window(person):
    cards = [each for each in person.dock.findChildren(HypothesisCard) if each.isVisible()]
    rows = person.dock.findChild(QTableView).viewport()
    split = person.dock.findChild(QSplitter)

    def is_whole(card):
        return card.visibleRegion().boundingRect().height() == card.height()

    sides = []
    for height in (960, 720):
        person.viewer.window.resize(1280, height)
        person.qtbot.wait(50)
        person.qtbot.waitUntil(lambda: all(map(is_whole, cards)))
        sides.append(cards[0].side)
        assert len(cards) == 2
        assert rows.height() >= 2 * rows.fontMetrics().height()
    assert sides[0] == PICTURE_SIDE > sides[1] > LEAST_SIDE
    # A line that the curator has moved stays where it is.
    split.moveSplitter(200, 1)
    person.viewer.window.resize(1280, 960)
    person.qtbot.wait(50)
    assert abs(split.sizes()[0] - 200) < 5
    assert cards[0].side == LEAST_SIDE


def _in_view(dock, widget):
    corner = widget.mapTo(dock, widget.rect().topRight())
    return widget.isVisible() and corner.x() < dock.width()


def test_folder_of_long_names(viewer, make_prediction, open_proofread, qtbot, tmp_path):
    names = [LONG.format(well) for well in ("C11", "C12")]
    for name in names:
        save_prediction(make_prediction(name), tmp_path / f"{name}.prediction.npz")
    _, dock = open_proofread(viewer)
    dock.open(tmp_path)
    qtbot.waitUntil(lambda: dock.shown is not None)
    qtbot.wait(20)
    assert least_width(dock) < MINIMUM_WIDTH
    box = dock.findChild(QComboBox, "predictions")
    assert isinstance(box, ElidedBox)
    assert box.view().textElideMode() == Qt.TextElideMode.ElideMiddle
    assert names[0] in box.toolTip()
    assert names[1] in box.itemData(1, Qt.ItemDataRole.ToolTipRole)


def test_names_in_box_and_table_lose_their_middle(qtbot):
    box = ElidedBox()
    qtbot.addWidget(box)
    box.resize(150, 30)
    pictures = []
    for well in ("C11", "C12"):
        box.clear()
        box.add_name(f"{'plate' * 20} {well}", None)
        pictures.append(np.array(_pixels(box)))
    assert not np.array_equal(*pictures)
    table = QueueTable()
    qtbot.addWidget(table)
    assert table.findChild(QueueView).textElideMode() == Qt.TextElideMode.ElideMiddle


def _pixels(widget):
    image = widget.grab().toImage()
    return [image.pixel(x, y) for y in range(0, image.height()) for x in range(0, image.width())]
