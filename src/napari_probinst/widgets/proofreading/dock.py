"""The Proofread dock: go through the places where the draws disagree, and correct them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info, show_warning

from napari_probinst.core.curation.edits import Delete, Merge
from napari_probinst.core.curation.review import ReviewQueue
from napari_probinst.core.errors import OutputError, ProbinstError
from napari_probinst.widgets.layers import METADATA_KEY, add_layers, shown_predictions
from napari_probinst.widgets.prediction.channels import plane_of
from napari_probinst.widgets.proofreading import files
from napari_probinst.widgets.proofreading.canvas import typical_width, zoom_to_peak
from napari_probinst.widgets.proofreading.close_guard import CloseGuard
from napari_probinst.widgets.proofreading.keeping import SessionKeeper
from napari_probinst.widgets.proofreading.keys import KeyBindings
from napari_probinst.widgets.proofreading.panel import ProofreadPanel
from napari_probinst.widgets.proofreading.tool_switch import ToolSwitch
from napari_probinst.widgets.proofreading.tools import BrushTool, CutTool, PickTool
from napari_probinst.widgets.proofreading.workbench import Workbench
from napari_probinst.widgets.scrolling_dock import ScrollingDock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from napari.layers import Layer
    from qtpy.QtGui import QShowEvent

    from napari_probinst.core.curation.history import Decision
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.core.curation.proposals import Proposal
    from napari_probinst.widgets.layers import ShownPrediction


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
        #: Sessions whose instances layer was removed; they can be shown again.
        self._orphans: list[ShownPrediction] = []
        self._switching = False
        self._keeper = SessionKeeper()
        # A window that closes tells its docks nothing: its sessions are given free all the same.
        self.destroyed.connect(self._keeper.close)
        #: Asks before napari closes on work that isn't on the disk.
        self.guard = CloseGuard(self, self._at_stake)
        #: Asks for a folder, or None; tests put their own answer here.
        self.choose_folder: Callable[[Path], Path | None] = self._ask_folder

        actions: dict[str, Callable[[], None]] = {
            "next": self.next,
            "previous": self.previous,
            "accept": self.accept,
            "skip": self.skip,
            "flag": self.flag,
            "jump": self.jump,
            "isolate": self.isolate,
            "uncertainty": self.toggle_uncertainty,
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
        self._panel = ProofreadPanel(actions, self._choose, self._go_to, self._adopt)
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
            self._keeper.keep(shown)
            bench = Workbench(self._viewer, shown, self._refresh)
            self._bench = bench
            self._tools = ToolSwitch(bench, self._keys, self._refresh)
            self._width = typical_width(list(shown.session.instances.values()))
            self._backdrop = plane_of(shown.image)
            if shown in self._orphans:
                self._orphans.remove(shown)
                add_layers(self._viewer, shown)
            bench.open()
        for layer in bench.own_layers:
            self._keys.bind_layer(layer)
        self._show_choices()
        self._visit()

    def open(self, path: Path) -> None:
        """Open a prediction's file or a session, on its image where that is in the viewer."""
        try:
            shown = files.open_path(self._viewer, path)
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
        for shown in self._keeper.shown:
            if _removed(event, shown.instances):
                self._let_go(shown)
        self._show_choices()
        if self._bench is None and present and not self._orphans:
            self.choose(present[0])
        elif self._bench is None:
            self._panel.show_nothing()

    def _let_go(self, shown: ShownPrediction) -> None:
        """Close a prediction whose instances layer was removed."""
        if shown is self.shown:
            with self._switch():
                self._close_bench()
        # Predict takes its mark off a layer that it replaces; a user's removal doesn't.
        if shown.corrected and shown.instances.metadata.get(METADATA_KEY):
            self._orphans.append(shown)
            show_warning(
                f"The instances of '{shown.title}' were removed; their corrections are "
                "kept: choose the prediction in the Proofread dock to show them again."
            )
        else:
            self._keeper.let_go(shown)

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

    def flag(self) -> None:
        """Leave the place to somebody who knows better, and go to the next open one."""
        self._decide("flagged")

    def isolate(self) -> None:
        """Show the selected instances alone, or all again."""
        if self._bench is not None:
            self._bench.isolate()

    def toggle_uncertainty(self) -> None:
        """Show or hide the entropy."""
        if self._bench is not None:
            self._bench.toggle_uncertainty()

    def jump(self) -> None:
        """Zoom to the current place again."""
        self._look(keep_zoom=False)

    def _look(self, *, keep_zoom: bool) -> None:
        bench = self._bench
        if bench is None or bench.session.position is None:
            return
        peak = bench.session.peaks[bench.session.position]
        patch = bench.session.prediction.settings.patch
        layer = bench.shown.instances
        zoom_to_peak(self._viewer, layer, peak, patch, self._width, keep_zoom=keep_zoom)

    def _step(self, following: Callable[[ReviewQueue, int, PeakFilter], int | None]) -> None:
        bench = self._ready()
        if bench is None or bench.session.position is None:
            return
        peak = following(bench.session.queue, bench.session.position, self._panel.peak_filter)
        if peak is None:
            show_info("No further place in this direction passes the filters of the queue.")
            return
        self._go_to(peak)

    def _go_to(self, peak: int) -> None:
        bench = self._ready()
        if bench is not None:
            bench.session.position = peak
            self._visit()

    def _decide(self, decision: Decision) -> None:
        bench = self._ready()
        if bench is None or bench.session.position is None:
            return
        position = bench.session.position
        if not self._tried(lambda: bench.session.decide(position, decision)):
            return
        following = bench.session.queue.next_open(position, self._panel.peak_filter)
        if following is not None:
            self._go_to(following)

    def _visit(self) -> None:
        if self._bench is not None:
            self._bench.activate()
            self._bench.select_peak()
            self._look(keep_zoom=self._panel.keep_zoom)

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

    def _adopt(self, proposal: Proposal) -> None:
        bench = self._ready()
        if bench is not None:
            bench.apply(proposal.edit(bench.session.instances))

    def undo(self) -> None:
        """Take back the last edit or decision."""
        bench = self._ready()
        if bench is not None:
            self._tried(bench.session.undo)

    def redo(self) -> None:
        """Make the last edit or decision again that was taken back."""
        bench = self._ready()
        if bench is not None:
            self._tried(bench.session.redo)

    def _tried(self, action: Callable[[], object]) -> bool:
        """Do something that is recorded; say why where the session is open for reading only."""
        try:
            action()
        except OutputError as error:
            show_warning(str(error))
            return False
        return True

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
        """Write the results beside the prediction; the folder is asked for once.

        Corrections that couldn't be written to the disk go to the folder too.
        """
        bench = self._ready()
        if bench is None:
            return
        shown = bench.shown
        # The folder that is known may be the one that can't be written.
        stuck = shown.kept is not None and shown.kept.n_waiting > 0 and not shown.kept.write()
        known = None if stuck else shown.folder
        folder = known or self.choose_folder(files.likely_folder(shown))
        if folder is None:
            return
        try:
            if stuck:
                files.move_session(shown, folder)
            files.save(shown, folder)
        except ProbinstError as error:
            show_error(str(error))
            # Next time another folder can be chosen.
            shown.folder = None
        else:
            shown.folder = folder
        self._refresh()

    def _open_dialog(self) -> None:
        path = files.ask_prediction(self)
        if path is not None:
            self.open(path)

    def _ask_folder(self, start: Path) -> Path | None:
        return files.ask_folder(self, start)

    # Showing and closing -------------------------------------------------------------------

    def _refresh(self) -> None:
        if self._bench is None or self._tools is None:
            return
        bench = self._bench
        shown = bench.shown
        self._panel.show_session(
            bench.session, bench.selected, self._tools.tool, self._backdrop, shown.colours
        )
        if shown.kept is not None:
            self._panel.show_saved(shown.kept, shown.saved.text(bench.session))

    def _at_stake(self) -> str | None:
        """Return what napari would take with it if it closed now."""
        if self._painting() is not None:
            return "A painting isn't finished, and would be lost."
        waiting = [shown.title for shown in self._keeper.shown if not _on_disk(shown)]
        return f"Corrections of {_names(waiting)} are not on disk." if waiting else None

    def _painting(self) -> Layer | None:
        """Layer of a painting that isn't finished."""
        tool = None if self._tools is None else self._tools.tool
        return tool.layer if tool is not None and tool.unfinished() else None

    def showEvent(self, event: QShowEvent | None) -> None:
        """Guard the window that we are in."""
        super().showEvent(event)
        self.guard.watch()

    def on_close(self) -> None:
        """Give back keys, callbacks, layers and sessions; a painting stays, as a layer."""
        painting = self._painting()
        self.guard.stop()
        for event in self._layer_events:
            event.disconnect(self._layers_changed)
        self._close_bench()
        self._keys.release()
        if painting is not None:
            self._viewer.add_layer(painting)
            show_warning(f"The painting wasn't finished: it stays as the layer '{painting.name}'.")
        waiting = [shown.title for shown in self._keeper.close()]
        if waiting:
            show_warning(
                f"Corrections of {_names(waiting)} are not on disk; they stay in the viewer until "
                "it closes: open Proofread again, and save the results to another folder."
            )


def _removed(event: Any, layer: Any) -> bool:
    """Whether an event of the list of layers tells of this layer's removal."""
    return event is not None and event.type == "removed" and event.value is layer


def _on_disk(shown: ShownPrediction) -> bool:
    return shown.kept is None or shown.kept.n_waiting == 0


def _names(titles: Iterable[str]) -> str:
    return ", ".join(map(repr, titles))
