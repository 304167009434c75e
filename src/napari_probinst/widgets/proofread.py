"""The Proofread dock: go through the places where the draws disagree, and correct them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info, show_warning

from napari_probinst.core.curation.edits import Delete, Merge
from napari_probinst.core.curation.review import ReviewQueue
from napari_probinst.core.errors import ProbinstError
from napari_probinst.widgets import _files
from napari_probinst.widgets._canvas import typical_width, zoom_to_peak
from napari_probinst.widgets._dock import ScrollingDock
from napari_probinst.widgets._keys import KeyBindings
from napari_probinst.widgets._layers import add_layers, shown_predictions
from napari_probinst.widgets._proofread_panel import ProofreadPanel
from napari_probinst.widgets._tool_switch import ToolSwitch
from napari_probinst.widgets._tools import BrushTool, CutTool, PickTool
from napari_probinst.widgets._workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_probinst.core.curation.history import Decision
    from napari_probinst.widgets._layers import ShownPrediction


class ProofreadWidget(ScrollingDock):
    """Review queue, editing tools, one history and saving.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer that the dock belongs to.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._bench: Workbench | None = None
        self._tools: ToolSwitch | None = None
        #: Sessions whose instances layer was removed; kept, so that no correction is lost.
        self._orphans: list[ShownPrediction] = []
        self._switching = False
        #: Asks for a folder, or None; tests put their own answer here.
        self.choose_folder: Callable[[Path], Path | None] = self._ask_folder

        actions: dict[str, Callable[[], None]] = {
            "next": self.next,
            "previous": self.previous,
            "accept": self.accept,
            "skip": self.skip,
            "jump": self.jump,
            "merge": self.merge,
            "split": self.split,
            "delete": self.delete,
            "add": self.add,
            "repaint": self.repaint_instance,
            "undo": self.undo,
            "redo": self.redo,
            "confirm": self.confirm,
            "leave": self.leave,
            "save": self.save,
            "open": self._open_dialog,
        }
        self._panel = ProofreadPanel(actions, self._choose)
        self.content.addWidget(self._panel)
        self._keys = KeyBindings(napari_viewer, actions)
        self._keys.bind_viewer()
        self._layer_events = [
            getattr(napari_viewer.layers.events, name)
            for name in ("inserted", "removed", "reordered", "renamed")
        ]
        for event in self._layer_events:
            event.connect(self._layers_changed)
        self._layers_changed()

    # The prediction that is worked on ------------------------------------------------------

    @property
    def shown(self) -> ShownPrediction | None:
        """Prediction that is worked on."""
        return None if self._bench is None else self._bench.shown

    @property
    def selected(self) -> tuple[int, ...]:
        """Selected instances, in the order they were picked."""
        return () if self._bench is None else self._bench.selected

    def choose(self, shown: ShownPrediction) -> None:
        """Work on a prediction, at the place where its review was left."""
        if shown is self.shown:
            return
        if self._tools is not None and not self._tools.leave():
            self._show_choices()
            return
        with self._switch():
            self._close_bench()
            bench = Workbench(self._viewer, shown, self._refresh)
            self._bench = bench
            self._tools = ToolSwitch(bench, self._keys, self._refresh)
            self._width = typical_width(list(shown.session.instances.values()))
            if shown in self._orphans:
                self._orphans.remove(shown)
                add_layers(self._viewer, shown)
            bench.open()
        for layer in bench.own_layers:
            self._keys.bind_layer(layer)
        self._show_choices()
        self._visit()

    def open(self, path: Path) -> None:
        """Open a prediction's file and show it on its image, where that is in the viewer."""
        try:
            shown = _files.open_prediction(self._viewer, path)
        except ProbinstError as error:
            show_error(str(error))
            return
        self.choose(shown)

    def _choose(self, shown: ShownPrediction) -> None:
        self.choose(shown)
        self.setFocus()

    @contextmanager
    def _switch(self) -> Iterator[None]:
        """Ignore the comings and goings of layers that we cause ourselves."""
        self._switching = True
        try:
            yield
        finally:
            self._switching = False

    def _close_bench(self) -> None:
        if self._bench is None or self._tools is None:
            return
        bench, tools = self._bench, self._tools
        self._bench = self._tools = None
        tools.close()
        self._keys.release(*bench.own_layers)
        bench.close()

    def _layers_changed(self, event: Any = None) -> None:
        """Follow predictions that come and go."""
        if self._switching:
            return
        present = list(shown_predictions(self._viewer))
        shown = self.shown
        if shown is not None and _removed(event, shown.instances):
            with self._switch():
                self._close_bench()
            # Predict takes its mark off a layer that it replaces; a user's removal doesn't.
            if shown.corrected and shown.instances.metadata.get("napari_probinst"):
                self._orphans.append(shown)
                if shown.session.modified:
                    show_warning(
                        f"The instances of '{shown.title}' were removed; their corrections are "
                        "kept: choose the prediction in the Proofread dock to show them again."
                    )
        self._show_choices()
        if self._bench is None and present and not self._orphans:
            self.choose(present[0])
        elif self._bench is None:
            self._panel.show_nothing()

    def _show_choices(self) -> None:
        self._panel.show_predictions([*shown_predictions(self._viewer), *self._orphans], self.shown)

    # The queue -----------------------------------------------------------------------------

    def next(self) -> None:
        """Go to the next place that no edit has settled."""
        self._step(ReviewQueue.next)

    def previous(self) -> None:
        """Go back."""
        self._step(ReviewQueue.previous)

    def accept(self) -> None:
        """Say that the place is right now, and go to the next open one."""
        self._decide("accepted")

    def skip(self) -> None:
        """Put the place off, and go to the next open one."""
        self._decide("skipped")

    def jump(self) -> None:
        """Zoom to the current place again."""
        bench = self._bench
        if bench is None or bench.session.position is None:
            return
        peak = bench.session.peaks[bench.session.position]
        patch = bench.session.prediction.settings.patch
        zoom_to_peak(self._viewer, bench.shown.instances, peak, patch, self._width)

    def _step(self, following: Callable[[ReviewQueue, int], int | None]) -> None:
        bench = self._ready()
        if bench is None or bench.session.position is None:
            return
        peak = following(bench.session.queue, bench.session.position)
        if peak is None:
            show_info("There is no further place in this direction.")
            return
        bench.session.position = peak
        self._visit()

    def _decide(self, decision: Decision) -> None:
        bench = self._ready()
        if bench is None or bench.session.position is None:
            return
        position = bench.session.position
        bench.session.decide(position, decision)
        following = bench.session.queue.next_open(position)
        if following is not None:
            bench.session.position = following
            self._visit()

    def _visit(self) -> None:
        if self._bench is not None:
            self._bench.activate()
            self._bench.select_peak()
            self.jump()

    # Edits ---------------------------------------------------------------------------------

    def merge(self) -> None:
        """Merge what was picked by hand, or let the user pick."""
        if self._bench is None or self._tools is None:
            return
        if self._tools.tool is not None and self._tools.tool.name == "merge":
            self._tools.confirm()
            return
        bench = self._ready()
        if bench is None:
            return
        if bench.by_hand and len(bench.selected) > 1:
            bench.apply(Merge(bench.selected))
        else:
            self._tools.start(PickTool(bench))

    def split(self) -> None:
        """Let the user draw a line."""
        bench = self._ready()
        if bench is not None and self._tools is not None:
            self._tools.start(CutTool(bench))

    def delete(self) -> None:
        """Delete the selected instances in one step."""
        bench = self._ready()
        if bench is not None:
            bench.apply(Delete(bench.selected))

    def add(self) -> None:
        """Let the user paint a missed instance."""
        bench = self._ready()
        if bench is not None and self._tools is not None:
            self._tools.start(BrushTool(bench))

    def repaint_instance(self) -> None:
        """Let the user paint the current instance (`repaint` is Qt's own)."""
        bench = self._ready()
        if bench is None or self._tools is None:
            return
        if bench.current is None:
            show_warning("No instance is selected: click the one to repaint.")
            return
        self._tools.start(BrushTool(bench, bench.current))

    def undo(self) -> None:
        """Take back the last edit or decision."""
        bench = self._ready()
        if bench is not None:
            bench.session.undo()

    def redo(self) -> None:
        """Make the last edit or decision again that was taken back."""
        bench = self._ready()
        if bench is not None:
            bench.session.redo()

    def confirm(self) -> None:
        """Finish the tool that is on."""
        if self._tools is not None:
            self._tools.confirm()

    def leave(self) -> None:
        """Leave the tool that is on; a painting only when asked twice."""
        if self._tools is not None:
            self._tools.leave(discard=True)

    def _ready(self) -> Workbench | None:
        """Return the bench with no tool on; None if there is none or a painting isn't finished."""
        if self._bench is None:
            show_warning("There is no prediction: run Predict, or open a prediction's file.")
            return None
        if self._tools is not None and not self._tools.leave():
            return None
        return self._bench

    # Files ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the corrections beside the prediction; the folder is asked for once."""
        bench = self._ready()
        if bench is None:
            return
        shown = bench.shown
        folder = shown.folder or self.choose_folder(_files.likely_folder(shown))
        if folder is None:
            return
        try:
            _files.save(shown, folder)
        except ProbinstError as error:
            show_error(str(error))
            # Next time another folder can be chosen.
            shown.folder = None
        else:
            shown.folder = folder
        self._refresh()

    def _open_dialog(self) -> None:
        path = _files.ask_prediction(self)
        if path is not None:
            self.open(path)

    def _ask_folder(self, start: Path) -> Path | None:
        return _files.ask_folder(self, start)

    # Showing and closing -------------------------------------------------------------------

    def _refresh(self) -> None:
        if self._bench is None or self._tools is None:
            return
        bench = self._bench
        self._panel.show_session(bench.session, bench.selected, self._tools.tool)
        self._panel.show_saved(bench.shown.saved.text(bench.session))

    def on_close(self) -> None:
        """Give back keys, callbacks and temporary layers; corrections stay with their layers."""
        unsaved = [
            shown.title
            for shown in [*shown_predictions(self._viewer), *self._orphans]
            if shown.session.modified
        ]
        for event in self._layer_events:
            event.disconnect(self._layers_changed)
        self._close_bench()
        self._keys.release()
        if unsaved:
            show_warning(
                f"Corrections of {', '.join(map(repr, unsaved))} are not saved; they stay in the "
                "viewer until it closes: open Proofread again to save them."
            )


def _removed(event: Any, layer: Any) -> bool:
    """Whether an event of the list of layers tells of this layer's removal."""
    return event is not None and event.type == "removed" and event.value is layer
