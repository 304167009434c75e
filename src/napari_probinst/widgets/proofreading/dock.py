"""The Proofread dock: go through the places where the draws disagree, and correct them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import Qt, QTimer

from napari_probinst.core.curation.folder_review import FolderReview
from napari_probinst.core.errors import ProbinstError
from napari_probinst.widgets.pixel_status import pixel_lines
from napari_probinst.widgets.prediction.channels import plane_of
from napari_probinst.widgets.proofreading import files
from napari_probinst.widgets.proofreading.account import ReviewAccount
from napari_probinst.widgets.proofreading.canvas import typical_width, zoom_to_peak
from napari_probinst.widgets.proofreading.close_guard import CloseGuard
from napari_probinst.widgets.proofreading.desk import Desk
from napari_probinst.widgets.proofreading.earlier import EarlierSession, earlier_session
from napari_probinst.widgets.proofreading.edit_actions import EditActions, tried
from napari_probinst.widgets.proofreading.folder_opening import (
    FolderOpener,
    is_folder_of_predictions,
)
from napari_probinst.widgets.proofreading.key_table import (
    KeyTable,
    keys_file,
    load_keys,
    save_keys,
)
from napari_probinst.widgets.proofreading.keys import KeyBindings, keys_of_napari
from napari_probinst.widgets.proofreading.keys_dialog import KeysDialog
from napari_probinst.widgets.proofreading.panel import ProofreadPanel
from napari_probinst.widgets.proofreading.retrace import Retrace
from napari_probinst.widgets.proofreading.review_walk import ReviewWalk
from napari_probinst.widgets.scrolling_dock import ScrollingDock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from qtpy.QtGui import QShowEvent

    from napari_probinst.core.curation.folder_review import Order
    from napari_probinst.core.curation.history import Decision
    from napari_probinst.core.curation.image_review import ImageReview
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.tool_switch import ToolSwitch
    from napari_probinst.widgets.proofreading.workbench import Workbench

#: napari cuts longer ones off.
_LAST, _FIRST = "This is the last listed place.", "This is the first listed place."


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
        self._holding = False
        #: Corrections that can be gone on with where there is no prediction.
        self._earlier: EarlierSession | None = None
        #: Titles of predictions whose instances were removed; to be said.
        self._removed: list[str] = []
        #: Asks for a folder, or None; tests put their own answer here.
        self.choose_folder: Callable[[Path], Path | None] = self._ask_folder

        self._actions: dict[str, Callable[[], None]] = {
            "next": self.next,
            "previous": self.previous,
            "accept": self.accept,
            "skip": self.skip,
            "flag": self.flag,
            "jump": self.jump,
            "isolate": self.isolate,
            "uncertainty": self.toggle_uncertainty,
            "save": self.save,
            "open": self.ask_to_open,
            "open_folder": self._open_folder_dialog,
            "images": self._images_dialog,
            "keys": self.choose_keys,
            "continue": self._continue,
        }
        self._keys = KeyBindings(napari_viewer, self._actions, _keys_of_user())
        self._desk = Desk(
            napari_viewer,
            self._keys,
            on_change=self._refresh,
            on_choices=self._show_choices,
            on_chosen=self._chosen,
            on_orphan=self._orphaned,
        )
        #: Edits of the prediction that is worked on.
        self.edits = EditActions(self._desk)
        self._walk = ReviewWalk(napari_viewer, self._desk)
        #: Undo and redo, over all images of a folder.
        self.retrace = Retrace(self.edits, self._walk, self._visit)
        self._actions |= self.edits.named
        self._actions |= {"undo": self.retrace.undo, "redo": self.retrace.redo}
        self._panel = ProofreadPanel(
            self._actions,
            self._choose,
            self._go_to,
            self.edits.adopt,
            on_order=self._order,
            on_filter=self._filter,
            keys=self._keys.table,
        )
        # The panel shares its height among its parts, and scrolls them by itself.
        self.content.setAlignment(Qt.AlignmentFlag(0))
        self.content.addWidget(self._panel)
        self._account = ReviewAccount(napari_viewer)
        self._panel.add_part(self._account.time)
        self._panel.add_part(self._account.fold)
        self._keys.bind_viewer()
        self._opener = FolderOpener(self._panel.show_reading, self._open_reviews)
        # A window that closes tells its docks nothing: its sessions are given free all the same.
        self.destroyed.connect(self._walk.close)
        self.destroyed.connect(self._opener.stop)
        self.destroyed.connect(self._desk.keeper.close)
        #: Asks before napari closes on work that isn't on the disk.
        self.guard = CloseGuard(self, self._desk.at_stake)
        self._desk.follow_layers()

    # The prediction that is worked on ------------------------------------------------------

    @property
    def shown(self) -> ShownPrediction | None:
        """Prediction that is worked on."""
        return self._desk.shown

    @property
    def selected(self) -> tuple[int, ...]:
        """Selected instances, in the order they were picked."""
        return () if self._bench is None else self._bench.selected

    @property
    def _bench(self) -> Workbench | None:
        return self._desk.bench

    @property
    def _tools(self) -> ToolSwitch | None:
        return self._desk.tools

    def act(self, name: str) -> None:
        """Do what a button or a key does, by its name."""
        self._actions[name]()

    def choose(self, shown: ShownPrediction) -> None:
        """Work on a prediction, at the place where its review was left."""
        self._desk.choose(shown)

    def open(self, path: Path) -> None:
        """Open a prediction's file or a session, on its image where that is in the viewer.

        A folder of them is read first, and opened where its review was left.
        """
        try:
            if is_folder_of_predictions(path):
                self._opener.start(path)
                return
            shown = files.open_path(self._viewer, path, self._desk.choices)
        except ProbinstError as error:
            show_error(str(error))
            return
        self.choose(shown)

    def _open_reviews(self, path: Path, reviews: list[ImageReview]) -> None:
        if self._desk.free():
            self._walk.open_folder(path, reviews, self._panel.peak_filter)
            self._show_choices()
            self._visit()
        self._refresh()

    def _choose(self, chosen: int | ShownPrediction) -> None:
        """Work on an image of the folder, by its index, or on another prediction."""
        if isinstance(chosen, int):
            self._walk.enter(chosen)
        else:
            self.choose(chosen)
        self._show_choices()
        self.setFocus()

    def _show_choices(self) -> None:
        self._walk.follow()
        choices = self._walk.choices(self._panel.peak_filter)
        in_folder = self._walk.folder is not None
        self._panel.show_choices(choices, self._walk.current, in_folder=in_folder)
        self._account.follow(self.shown)
        if self.shown is None:
            self._earlier = earlier_session(self._viewer)
            text = "" if self._earlier is None else self._earlier.text
            self._panel.show_nothing(self._walk.review, text)

    def _continue(self) -> None:
        """Go on with the corrections that an image of the viewer has."""
        if self._earlier is not None:
            self.open(self._earlier.path)

    def _order(self, order: Order) -> None:
        self._walk.order(order)
        self._refresh()

    def _filter(self) -> None:
        self._show_choices()
        self._refresh()

    def _chosen(self) -> None:
        """Measure what doesn't change while one prediction is worked on, and go to its peak."""
        if self._bench is not None:
            shown = self._bench.shown
            self._width = typical_width(list(shown.session.instances.values()))
            self._backdrop = plane_of(shown.image, shown.plane)
            self._bench.hovered = self._show_pixel
            self._visit()

    def _orphaned(self, shown: ShownPrediction) -> None:
        self._removed.append(shown.title)
        # napari takes all layers out before it closes its window: that is nobody's removal.
        QTimer.singleShot(0, self._say_removed)

    def _say_removed(self) -> None:
        titles, self._removed = self._removed, []
        window = self.window()
        for title in titles if window is not None and window.isVisible() else ():
            show_warning(
                f"The instances of '{title}' were removed; their corrections are "
                "kept: choose the prediction in the Proofread dock to show them again."
            )

    # The queue -----------------------------------------------------------------------------

    def next(self) -> None:
        """Go to the next place that no edit has settled."""
        self._step(FolderReview.next, _LAST)

    def previous(self) -> None:
        """Go back."""
        self._step(FolderReview.previous, _FIRST)

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
        involved = bench.peak_ids()
        # Whether one instance is two objects can't be seen in a part of it.
        merged = peak.kind == "merge" and bool(involved)
        zoom_to_peak(
            self._viewer,
            bench.shown.instances,
            peak,
            patch,
            self._width,
            whole=bench.session.instances[involved[0]].bbox if merged else None,
            keep_zoom=keep_zoom,
        )

    def _step(
        self, following: Callable[[FolderReview, int, PeakFilter], int | None], end: str = ""
    ) -> None:
        if self.edits.ready() is None or self._walk.row is None:
            return
        with self._one_refresh():
            moved = self._walk.step(following, self._panel.peak_filter)
            if moved:
                self._visit()
        if moved:
            return
        # On the way images may have turned out to be unusable.
        self._show_choices()
        self._refresh()
        if end:
            show_info(end)

    def _go_to(self, row: int) -> None:
        if self.edits.ready() is not None and self._walk.go(row):
            self._visit()

    def _decide(self, decision: Decision) -> None:
        bench = self.edits.ready()
        if bench is None or bench.session.position is None:
            return
        position = bench.session.position
        if tried(lambda: bench.session.decide(position, decision)):
            self._step(FolderReview.next_open)

    def _visit(self) -> None:
        if self._bench is not None:
            self._bench.activate()
            self._bench.select_peak()
            self._look(keep_zoom=self._panel.keep_zoom)

    # Keys and the cursor -------------------------------------------------------------------

    def choose_keys(self) -> None:
        """Let the user give actions other keys, which hold at once and from now on."""
        # A tool that is on has keys of its own, bound over these.
        if not self._desk.free():
            return
        window = self.window() or self
        dialog = KeysDialog(self._keys.table, keys_of_napari(self._viewer, window), self)
        dialog.chosen.connect(self._take_keys)
        dialog.open()

    def _take_keys(self, table: KeyTable) -> None:
        try:
            save_keys(table, keys_file())
        except ProbinstError as error:
            show_error(f"{error} The new keys hold until the dock is closed.")
        self._keys.remap(table)
        self._panel.show_keys(table)

    def _show_pixel(self, pixel: tuple[int, int] | None) -> None:
        """Say what is under the cursor."""
        shown = self.shown
        if shown is not None:
            self._panel.show_pixel(() if pixel is None else pixel_lines(shown.readings_at(*pixel)))

    # Files ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the results beside the prediction; the folder is asked for once.

        Corrections that couldn't be written to the disk go to the folder too.
        """
        bench = self.edits.ready()
        if bench is None:
            return
        files.save_results(bench.shown, self.choose_folder)
        self._refresh()

    def ask_to_open(self) -> None:
        """Let the user choose a prediction's file or a session, and open it."""
        path = files.ask_prediction(self)
        if path is not None:
            self.open(path)

    def _open_folder_dialog(self) -> None:
        path = files.ask_folder_of_predictions(self)
        if path is not None:
            self.open(path)

    def _images_dialog(self) -> None:
        if self._walk.folder is None:
            return
        path = files.ask_folder_of_images(self, self._walk.folder)
        if path is not None:
            self._walk.look_for_images(path)
            self._show_choices()

    def _ask_folder(self, start: Path) -> Path | None:
        return files.ask_folder(self, start)

    # Showing and closing -------------------------------------------------------------------

    @contextmanager
    def _one_refresh(self) -> Iterator[None]:
        """Show once what several changes come to."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            self._refresh()

    def _refresh(self) -> None:
        if self._bench is None or self._tools is None or self._holding:
            return
        bench = self._bench
        shown = bench.shown
        self._walk.follow()
        self._panel.show_session(
            bench.session, bench.selected, self._tools.tool, self._backdrop, shown.colours
        )
        self._panel.show_steps_elsewhere(self._walk.step_names)
        if self._walk.review is not None:
            self._panel.show_review(
                bench.session, self._walk.review, self._walk.row, self._walk.image
            )
            bench.show_peaks(self._walk.listed_here(self._panel.peak_filter))
        self._account.follow(shown)
        if shown.kept is not None:
            self._panel.show_saved(shown.kept, shown.saved.text(bench.session))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Guard the window that we are in."""
        super().showEvent(event)
        self.guard.watch()

    def on_close(self) -> None:
        """Give back keys, callbacks, layers and sessions; a painting stays, as a layer."""
        self.guard.stop()
        self._account.close()
        self._opener.stop()
        self._walk.close()
        self._desk.close()
        self._keys.release()


def _keys_of_user() -> KeyTable:
    try:
        return load_keys(keys_file())
    except ProbinstError as error:
        show_warning(str(error))
        return KeyTable()
