"""Layers that tools draw in: made once, empty in between, gone with the dock."""

from __future__ import annotations

import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt

from napari_probinst.widgets.finding import is_result


def names(person):
    return [layer.name for layer in person.viewer.layers]


def test_a_cut_is_black_above_a_wider_white_halo(person):
    person.press(Qt.Key_H)
    for point in ((4, 20), (10, 20), (18, 20)):
        person.dock._desk.place.tools.tool.dragged(point)
    line = person.viewer.layers["well | cut"]
    assert [tuple(colour) for colour in line.edge_color] == [(1, 1, 1, 1), (0, 0, 0, 1)]
    halo, cut = line.edge_width
    assert halo > 2 * cut
    assert list(line.z_index) == [0, 1]
    assert line.opacity == 1


def test_tools_have_their_layers_again(person):
    before = names(person)
    for key in (Qt.Key_H, Qt.Key_Escape, Qt.Key_H):
        person.press(key)
    line = person.viewer.layers["well | cut"]
    assert line.visible
    assert sorted(names(person)) == sorted([*before, "well | cut"])
    # It lies where the image lies, also after that was moved.
    person.shown.image.translate = (3, 4)
    assert tuple(line.translate) == (3, 4)

    # Removed by the user it leaves the tool, and comes anew.
    person.viewer.layers.remove(line)
    assert person.text("banner_text") == ""
    person.press(Qt.Key_H)
    assert person.viewer.layers["well | cut"] is not line
    person.press(Qt.Key_Escape)

    # None of our helpers is offered as truth, or as an image.
    assert all(is_result(layer) for layer in person.viewer.layers if isinstance(layer, Labels))
    person.viewer.window.remove_dock_widget(person.dock)
    assert set(names(person)) == {name for name in before if "selection" not in name} - {
        "well | place"
    }


@pytest.fixture
def changes(person, monkeypatch):
    """How often napari has drawn the scene of this window anew."""
    counted = []
    canvas = person.viewer.window._qt_viewer.canvas
    clean = canvas._clean_and_update_scenegraph
    monkeypatch.setattr(
        canvas, "_clean_and_update_scenegraph", lambda: (counted.append(1), clean())[1]
    )
    return counted


def test_layers_of_a_prediction_go_as_one_change(person, changes):
    person.viewer.window.remove_dock_widget(person.dock)
    assert len(changes) == 1
