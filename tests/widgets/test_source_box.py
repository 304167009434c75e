"""What is chosen in a box stays chosen while the viewer offers other things."""

from __future__ import annotations

from pathlib import Path

from napari_probinst.widgets.source_box import EntryBox


def test_what_has_come_in_the_place_of_the_choice_is_chosen(qtbot):
    offered = [("C03", "first"), ("C04", "second")]
    chosen = []
    box = EntryBox("scored", "", lambda: offered, lambda: chosen.append(box.entry))
    qtbot.addWidget(box)
    box.choose("second")
    assert chosen == ["second"]

    offered[1] = ("C04", "predicted again")
    box.refresh()
    assert box.entry == "predicted again"

    # A path stays, whatever else is offered.
    box.choose(Path("results"))
    offered.reverse()
    box.refresh()
    assert box.entry == Path("results")

    # What is gone for good gives way to the first one.
    box.choose("predicted again")
    del offered[0]
    box.refresh()
    assert box.entry == "first"
