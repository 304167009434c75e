"""The Proofread dock: go through the places where the draws disagree, and correct them."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Qt, QTimer

from napari_probinst.core.errors import ProbinstError
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.pixel_status import pixel_lines
from napari_probinst.widgets.proofreading import files
from napari_probinst.widgets.proofreading.account import ReviewAccount
from napari_probinst.widgets.proofreading.close_guard import CloseGuard
from napari_probinst.widgets.proofreading.desk import Desk
from napari_probinst.widgets.proofreading.earlier import EarlierSession, earlier_session
from napari_probinst.widgets.proofreading.edit_actions import EditActions
from napari_probinst.widgets.proofreading.exporting import ask_export, export_corrected
from napari_probinst.widgets.proofreading.folder_opening import (
    FolderOpener,
    is_folder_of_predictions,
)
from napari_probinst.widgets.proofreading.key_table import KeyTable, keys_file, save_keys
from napari_probinst.widgets.proofreading.keys import KeyBindings, keys_of_napari, keys_of_user
from napari_probinst.widgets.proofreading.keys_dialog import KeysDialog
from napari_probinst.widgets.proofreading.panel import ProofreadPanel
from napari_probinst.widgets.proofreading.queue_actions import QueueActions
from napari_probinst.widgets.proofreading.refresh import Refresh
from napari_probinst.widgets.proofreading.removal_notice import RemovalNotice
from napari_probinst.widgets.proofreading.review_walk import ReviewWalk
from napari_probinst.widgets.scrolling_dock import ScrollingDock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from qtpy.QtGui import QShowEvent

    from napari_probinst.core.curation.folder_review import Order
    from napari_probinst.core.curation.image_review import ImageReview
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.workbench import Workbench


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
        #: Corrections that can be gone on with where there is no prediction.
        self._earlier: EarlierSession | None = None
        #: Asks for a folder, or None; tests put their own answer here.
        self.choose_folder: Callable[[Path], Path | None] = self._ask_folder
        #: Asks for a format and a file, or None.
        self.choose_export = partial(ask_export, self)

        self._refresh = Refresh(self._show)
        self._keys = KeyBindings(napari_viewer, self.act, keys_of_user())
        self._panel = ProofreadPanel(self._keys.table)
        self._desk = Desk(napari_viewer, self._keys)
        #: Edits of the prediction that is worked on.
        self.edits = EditActions(self._desk)
        self._walk = ReviewWalk(napari_viewer, self._desk)
        #: Steps and decisions of its review.
        self.queue = QueueActions(self._desk, self.edits, self._walk, self._panel, self._refresh)
        self._actions: dict[str, Callable[[], None]] = {
            "save": self.save,
            "export": self.export,
            "open": self.ask_to_open,
            "open_folder": self._open_folder_dialog,
            "images": self._images_dialog,
            "keys": self.choose_keys,
            "continue": self._continue,
            **self.edits.named,
            **self.queue.named,
        }
        # The panel shares its height among its parts, and scrolls them by itself.
        self.content.setAlignment(Qt.AlignmentFlag(0))
        sides = self.content.contentsMargins()
        self.content.setContentsMargins(sides.left(), 4, sides.right(), 4)
        self.content.addWidget(self._panel)
        self._account = ReviewAccount(napari_viewer)
        self._panel.add_part(self._account.time)
        self._panel.add_part(self._account.fold)
        self._opener = FolderOpener(self._panel.show_reading, self._open_reviews)
        #: Asks before napari closes on work that isn't on the disk.
        self.guard = CloseGuard(self, self._desk.at_stake)
        self._connect()
        self._keys.bind_viewer()
        self._desk.follow_layers()
        self._resume()

    def _connect(self) -> None:
        """Let the parts know of each other's news."""
        panel, desk, queue = self._panel, self._desk, self.queue
        panel.asked.connect(self.act)
        panel.chosen.connect(self._choose)
        panel.visited.connect(queue.go_to)
        panel.adopted.connect(self.edits.adopt)
        panel.order_chosen.connect(self._order)
        panel.filter_chosen.connect(self._filter)
        desk.changed.connect(self._refresh)
        desk.choices_changed.connect(self._show_choices)
        desk.chosen.connect(queue.visit)
        desk.hovered.connect(self._show_pixel)
        self._removal = RemovalNotice(self)
        desk.orphaned.connect(self._removal.tell)
        queue.arrived.connect(self._show_place)
        queue.images_changed.connect(self._show_choices)
        # A window that closes tells its docks nothing: its sessions are given free all the same.
        self.destroyed.connect(self._walk.close)
        self.destroyed.connect(self._opener.stop)
        self.destroyed.connect(desk.keeper.close)

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
        with self._opening(path):
            try:
                if is_folder_of_predictions(path):
                    self._opener.start(path)
                    return
                present = list(shown_predictions(self._viewer))
                shown = files.open_path(self._viewer, path, self._desk.choices)
            except ProbinstError as error:
                show_error(str(error))
                return
            self.choose(shown)
            if shown in present and shown is self.shown:
                show_info(f"{path.name} is shown already, as '{shown.instances.name}'.")
                self._desk.see()
                self.queue.jump()

    @contextmanager
    def _opening(self, path: Path) -> Iterator[None]:
        """Say that something is being opened, before the work that keeps the window busy."""
        with self._panel.opening(path.name):
            yield
        # What was said before, or of what is open now.
        if self.shown is None:
            self._show_choices()
        self._refresh()

    def _open_reviews(self, path: Path, reviews: list[ImageReview]) -> None:
        with self._opening(path):
            if self._desk.free():
                self.queue.forget_visits()
                self._walk.open_folder(path, reviews, self._panel.peak_filter)
                self._show_choices()
                self.queue.visit()

    def _resume(self) -> None:
        if self._bench is not None and self._walk.resume(self._panel.peak_filter):
            self.queue.visit()
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
        if self._walk.follow():
            self._refresh()
            QTimer.singleShot(0, self._resume)  # when all layers of a plane are there
        self._list_choices()
        self._account.follow(self.shown)
        if self.shown is None:
            self._earlier = earlier_session(self._viewer)
            text = "" if self._earlier is None else self._earlier.text
            removed = [shown.title for shown in self._desk.removed]
            self._panel.show_nothing(self._walk.review, text, removed=removed)

    def _list_choices(self) -> None:
        choices, current = self._walk.choices(self._panel.peak_filter), self._walk.current
        self._panel.show_choices(choices, current, in_folder=self._walk.folder is not None)

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

    def _show_pixel(self) -> None:
        """Say what is under the cursor; again after every change of the instances."""
        if (place := self._desk.place) is not None:
            pixel, shown = place.mouse.pixel, place.bench.shown
            self._panel.show_pixel(() if pixel is None else pixel_lines(shown.readings_at(*pixel)))

    def _show_place(self) -> None:
        """Show what is said of the place, and what has come under the cursor there."""
        self._panel.show_top()
        if self._desk.place is not None:
            self._desk.place.mouse.view_moved(on_canvas=not self.underMouse())
        self._show_pixel()

    # Files ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the results beside the prediction; the folder is asked for once.

        Corrections that couldn't be written to the disk go to the folder too.
        """
        place = self.edits.ready()
        if place is not None:
            files.save_results(place.bench.shown, self.choose_folder)
            self._refresh()

    def export(self) -> None:
        """Write the corrected masks in a format and to a file that are asked for."""
        place = self.edits.ready()
        if place is not None:
            export_corrected(place.bench.shown, self.choose_export)

    def ask_to_open(self) -> None:
        """Let the user choose a prediction's file or a session, and open it."""
        if (path := files.ask_prediction(self)) is not None:
            self.open(path)

    def _open_folder_dialog(self) -> None:
        path = files.ask_folder_of_predictions(self)
        if path is not None:
            self.open(path)

    def _images_dialog(self) -> None:
        folder = self._walk.folder
        path = None if folder is None else files.ask_folder_of_images(self, folder)
        if path is not None:
            self._walk.look_for_images(path)
            self._show_choices()

    def _ask_folder(self, start: Path) -> Path | None:
        return files.ask_folder(self, start)

    # Showing and closing -------------------------------------------------------------------

    def _show(self) -> None:
        if (place := self._desk.place) is None:
            return
        bench, shown = place.bench, place.bench.shown
        self._walk.follow()
        self._panel.show_session(
            bench.session,
            bench.selected,
            place.tools.tool,
            refused=bench.refused,
            image=shown.backdrop,
            colours=shown.colours,
        )
        self._panel.show_steps_elsewhere(self._walk.step_names)
        if self._walk.review is not None:
            self._panel.show_review(
                bench.session, self._walk.review, self._walk.row, self._walk.image, bench.edited
            )
            bench.marks.show(self._walk.listed_here(self._panel.peak_filter))
            self._list_choices()  # how many are open there
        self._show_pixel()
        self._account.follow(shown)
        if shown.kept is not None:
            self._panel.show_saved(shown.kept, shown.saved, bench.session)

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
