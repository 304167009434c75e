"""One dock of each kind in a window, whichever way it is opened."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QDockWidget

from napari_probinst.widgets.proofreading.dock import ProofreadWidget
from napari_probinst.widgets.proofreading.key_table import KeyTable
from napari_probinst.widgets.proofreading.keys import KeyBindings


def open_by_menu(viewer, name):
    """Do what the entries of the menus do."""
    from napari._app_model import get_app_model

    get_app_model().commands.execute_command(f"napari-probinst.{name}").result()


def proofread_frames(viewer):
    frames = viewer.window._qt_window.findChildren(QDockWidget)
    return [frame for frame in frames if isinstance(frame.widget(), ProofreadWidget)]


def test_menu_and_program_bring_the_dock_that_the_other_opened(person, qtbot):
    viewer = person.viewer
    person.click(52, 64)
    open_by_menu(viewer, "proofread")
    qtbot.wait(50)
    (frame,) = proofread_frames(viewer)
    assert frame.widget() is person.dock
    assert person.dock.isVisible()
    # It is the same work as before, and still the same keys.
    assert person.dock.selected
    viewer.window.remove_dock_widget(frame)
    assert not viewer.keymap
    assert person.dock.shown is None

    open_by_menu(viewer, "proofread")
    (frame,) = proofread_frames(viewer)
    dock = frame.widget()
    assert dock is not person.dock
    _, again = viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")
    qtbot.wait(50)
    assert again is dock
    assert len(proofread_frames(viewer)) == 1
    viewer.window.remove_dock_widget(again)
    assert not viewer.keymap
    _, new = viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")
    assert new is not dock


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_keys_come_back_in_whichever_order_they_are_released(order):
    def own(_viewer):
        """What the user had bound."""

    viewer = ViewerModel()
    viewer.bind_key("N", own)
    table = KeyTable()
    bindings = [KeyBindings(viewer, print, table) for _ in range(2)]
    for each in bindings:
        each.bind_viewer()
    for place in order:
        bindings[place].release()
    assert list(viewer.keymap.values()) == [own]
