"""The edits that the Proofread dock offers: at once, or through a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning

from napari_probinst.core.curation.edits import Delete, FillHoles, Grow, Merge, Shrink
from napari_probinst.core.errors import OutputError
from napari_probinst.widgets.proofreading.brushes import AddTool, RepaintTool, SharedTool
from napari_probinst.widgets.proofreading.previewed_tools import OwnerTool, PartsTool, PointsTool
from napari_probinst.widgets.proofreading.tools import CutTool, PickTool
from napari_probinst.widgets.proofreading.words import removed_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_probinst.core.curation.edits import Edit
    from napari_probinst.core.curation.proposals import Proposal
    from napari_probinst.widgets.proofreading.desk import Desk, Workplace
    from napari_probinst.widgets.proofreading.tools import Tool
    from napari_probinst.widgets.proofreading.workbench import Workbench


class EditActions:
    """Edits of the prediction that lies on a desk.

    Every edit is one step of the history; a refused one is said as a sentence, and changes
    nothing.

    Parameters
    ----------
    desk : Desk
        Its bench and tools.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def named(self) -> dict[str, Callable[[], None]]:
        """Every edit by the name of its button and key."""
        return {
            "merge": self.merge,
            "split": lambda: self._start(CutTool),
            "split_points": lambda: self._start(PointsTool),
            "split_parts": lambda: self._start(PartsTool),
            "add": self.add,
            "repaint": self.repaint,
            "delete": self.delete,
            "fill": lambda: self._change(FillHoles, "fill"),
            "grow": lambda: self._change(Grow, "grow"),
            "shrink": lambda: self._change(Shrink, "shrink"),
            "overlap_one": lambda: self._start(OwnerTool),
            "overlap_both": lambda: self._start(SharedTool),
            "confirm": self.confirm,
            "leave": self.leave,
        }

    def place(self) -> Workplace | None:
        """Return where one works, whatever tool is on; say so where there is no prediction."""
        if self._desk.place is None:
            # The one removed last is what the curator was working on.
            removed = [shown.title for shown in self._desk.removed][-1:]
            show_warning(
                removed_text(*removed)
                if removed
                else "There is no prediction: run Predict, or open a prediction's file."
            )
        return self._desk.place

    def ready(self) -> Workplace | None:
        """Return where one works, with no tool on; None if nowhere or a painting isn't finished."""
        place = self.place()
        return place if place is not None and self._desk.free() else None

    def merge(self) -> None:
        """Merge what was picked by hand, or let the user pick."""
        here = self._desk.place
        if here is not None and isinstance(here.tools.tool, PickTool):
            here.tools.confirm()
            return
        place = self.ready()
        if place is None:
            return
        if place.bench.by_hand and len(place.bench.selected) > 1:
            place.bench.apply(Merge(place.bench.selected))
        else:
            place.tools.start(PickTool(place.bench))

    def delete(self) -> None:
        """Delete the selected instances in one step."""
        place = self.ready()
        if place is not None:
            place.bench.apply(Delete(place.bench.selected))

    def add(self) -> None:
        """Let the user paint a missed instance."""
        self._start(AddTool)

    def repaint(self) -> None:
        """Let the user paint the current instance."""
        place = self.ready()
        current = None if place is None else _current(place.bench, "repaint")
        if place is not None and current is not None:
            place.tools.start(RepaintTool(place.bench, current))

    def adopt(self, proposal: Proposal) -> None:
        """Take over what some of the draws saw."""
        place = self.ready()
        if place is not None:
            place.bench.apply(proposal.edit(place.bench.session.instances))

    def confirm(self) -> None:
        """Finish the tool that is on."""
        if self._desk.place is not None:
            self._desk.place.tools.confirm()

    def leave(self) -> None:
        """Leave the tool that is on; a painting only when asked twice."""
        if self._desk.place is not None:
            self._desk.place.tools.leave(discard=True)

    def _start(self, make: Callable[[Workbench], Tool]) -> None:
        place = self.ready()
        if place is not None:
            place.tools.start(make(place.bench))

    def _change(self, make: Callable[[int], Edit], verb: str) -> None:
        """Make an edit of the current instance at once."""
        place = self.ready()
        current = None if place is None else _current(place.bench, verb)
        if place is not None and current is not None:
            place.bench.apply(make(current))


def tried(action: Callable[[], object]) -> bool:
    """Do something that is recorded; say why where the session is open for reading only."""
    try:
        action()
    except OutputError as error:
        show_warning(str(error))
        return False
    return True


def _current(bench: Workbench, verb: str) -> int | None:
    if bench.current is None:
        show_warning(f"No instance is selected: click the one to {verb}.")
    return bench.current
