"""What the Proofread dock shows; it knows no layers and changes nothing."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_probinst.widgets.busy import busy
from napari_probinst.widgets.proofreading.brushes import BrushTool
from napari_probinst.widgets.proofreading.continue_button import ContinueButton
from napari_probinst.widgets.proofreading.edit_buttons import EditButtons
from napari_probinst.widgets.proofreading.file_row import FileRow
from napari_probinst.widgets.proofreading.hypotheses import HypothesesStrip
from napari_probinst.widgets.proofreading.mode_banner import ModeBanner
from napari_probinst.widgets.proofreading.notice_card import NoticeCard
from napari_probinst.widgets.proofreading.place_box import PlaceBox
from napari_probinst.widgets.proofreading.queue_pages import QueuePages
from napari_probinst.widgets.proofreading.queue_table import QueueTable
from napari_probinst.widgets.proofreading.saved_row import SavedRow
from napari_probinst.widgets.proofreading.split_height import split_height
from napari_probinst.widgets.proofreading.top_in_view import show_top
from napari_probinst.widgets.proofreading.under_cursor import UnderCursor
from napari_probinst.widgets.scrolling_dock import button

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from qtpy.QtWidgets import QPushButton

    from napari_probinst.core.curation.folder_review import FolderReview
    from napari_probinst.core.curation.kept_session import KeptSession
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.widgets.proofreading.key_table import KeyTable
    from napari_probinst.widgets.proofreading.queue_words import Notice
    from napari_probinst.widgets.proofreading.tools import Tool
    from napari_probinst.widgets.saved_state import SavedState

#: Buttons: action, text, tooltip.
_QUEUE_BUTTONS = (
    (
        ("previous", "Previous", "Go back to the place before"),
        ("next", "Next", "Go to the next place"),
    ),
    (
        ("accept", "Accept", "It is right now: go to the next open place"),
        ("skip", "Skip", "Put it off: go to the next open place"),
        ("flag", "Flag", "Leave it to somebody who knows better: go to the next open place"),
    ),
)
_LOOK_BUTTONS = (
    ("jump", "Jump", "Zoom to this place again"),
    ("isolate", "Isolate", "Show the selected instances alone, or all again"),
    ("uncertainty", "Uncertainty", "Show or hide the entropy"),
)


class ProofreadPanel(QWidget):
    """Queue, tools, banner and saved state.

    Parameters
    ----------
    keys : KeyTable
        Keys that stand on the buttons.

    Attributes
    ----------
    asked : Signal of str
        A button or an entry of a menu was clicked: the name of its action.
    chosen : Signal of object
        What is to be worked on: a prediction, or the index of an image of the folder.
    visited : Signal of int
        The place that is to be gone to: its row in the review.
    adopted : Signal of Proposal
        The hypothesis that is to be adopted.
    order_chosen : Signal of str
        Another order of the places, "image" or "score".
    filter_chosen : Signal
        Another filter of the places was chosen.
    """

    asked = Signal(str)
    chosen = Signal(object)
    visited = Signal(int)
    adopted = Signal(object)
    order_chosen = Signal(str)
    filter_chosen = Signal()

    def __init__(self, keys: KeyTable) -> None:
        super().__init__()
        self._buttons: dict[str, QPushButton] = {}
        self._texts: dict[str, str] = {}
        self._edits = EditButtons(keys)
        self._banner = ModeBanner()
        tooltip = "Open a prediction, a session, or a folder of them"
        self._files = FileRow(self._button("open", "Open…", tooltip))
        tooltip = "Write this image's corrected masks, NAME.corrected.*, for other programs"
        self._saved = SavedRow(self._button("save", "Save results", tooltip))
        self._place = PlaceBox()
        self._hypotheses = HypothesesStrip()
        self._table = QueueTable()
        #: What can be worked on after what is worked on now; empty where there is nothing else.
        self._following: tuple[Any, ...] = ()
        self._pixel = UnderCursor()
        self._card = NoticeCard()
        self._continue = ContinueButton()
        self._pages = QueuePages(self._table, self._banner, self._card)
        # What scrolls, above what a curator always sees, however low the screen.
        layout = QVBoxLayout()
        for part in (self._files, self._place, self._continue, self._hypotheses):
            layout.addWidget(part)
        layout.addLayout(self._build_looking())
        layout.addWidget(self._edits)
        fixed = QVBoxLayout()
        for buttons in _QUEUE_BUTTONS:
            fixed.addLayout(self._button_row(buttons))
        self._scrolled = layout
        fixed.addWidget(self._edits.quick)
        fixed.addWidget(self._pixel)
        fixed.addWidget(self._pages, stretch=1)
        fixed.addWidget(self._saved)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split_height(layout, fixed, self._hypotheses))
        self._connect()
        self.show_keys(keys)

    def _connect(self) -> None:
        """Pass on what the parts ask for."""
        for part in (self._edits, self._banner, self._files, self._continue):
            part.asked.connect(self.asked)
        self._files.chosen.connect(self.chosen)
        self._hypotheses.adopted.connect(self.adopted)
        self._table.visited.connect(self.visited)
        self._table.order_chosen.connect(self.order_chosen)
        self._table.filter_chosen.connect(self.filter_chosen)
        answers: dict[str, Callable[[], None]] = {
            "end_save": partial(self.asked.emit, "save"),
            "end_next": self._go_on,
            "end_hidden": self._table.show_hidden,
            "end_list": self._pages.put_away,
        }
        self._card.asked.connect(lambda name: answers[name]())

    def show_keys(self, keys: KeyTable) -> None:
        """Show the keys on the buttons."""
        for name, text in self._texts.items():
            self._buttons[name].setText(keys.labelled(name, text))
        self._edits.show_keys(keys)

    def show_pixel(self, lines: Sequence[str]) -> None:
        """Show what is under the cursor, one line an instance."""
        self._pixel.show_lines(lines)

    def add_part(self, part: QWidget) -> None:
        """Add a widget below the tools, where the panel scrolls."""
        self._scrolled.addWidget(part)

    def show_choices(
        self, choices: Sequence[tuple[str, Any]], current: Any, *, in_folder: bool
    ) -> None:
        """List what can be worked on; see `FileRow.show_choices`."""
        self._files.show_choices(choices, current, in_folder=in_folder)
        values = [value for _, value in choices]
        place = next((i for i, value in enumerate(values) if value is current), None)
        # The queue of a stack or a folder goes on in the next image by itself.
        by_itself = isinstance(current, int) or place is None
        self._following = () if by_itself else (*values[place:], *values[:place])[1:2]

    def show_nothing(
        self,
        review: FolderReview | None = None,
        earlier: str = "",
        *,
        removed: Sequence[str] = (),
    ) -> None:
        """Say what to do where there is no prediction; a folder's places stay listed.

        Parameters
        ----------
        review : FolderReview, optional
            The folder.
        earlier : str, optional
            What the button says that goes on with earlier corrections; empty for no button.
        removed : sequence of str, optional
            Titles of predictions whose instances were removed.
        """
        self._place.show_nothing(removed)
        self._continue.offer(earlier)
        self._saved.show_nothing()
        self._hypotheses.show_nothing()
        self._table.show_review(review, None)
        self._show_tool(None)
        self._pixel.show_lines(())
        self._say(None)
        self._edits.show_nothing()
        for name, made in self._buttons.items():
            made.setEnabled(name == "open")

    def show_reading(self, done: int, total: int) -> None:
        """Say how much of a folder is read."""
        self._place.show_reading(done, total)

    @contextmanager
    def opening(self, name: str) -> Iterator[None]:
        """Say that something is being opened while the window can't answer."""
        self._place.show_opening(name)
        with busy(self._continue, self._buttons["open"]):
            yield

    def show_top(self) -> None:
        """Scroll to what is said of the place, unless the curator types or is in the list."""
        show_top(self._place)

    @property
    def keep_zoom(self) -> bool:
        """Whether going to a place leaves the zoom as it is."""
        return self._keep_zoom.isChecked()

    @property
    def peak_filter(self) -> PeakFilter:
        """Peaks that the table lists, and that Next and Previous go through."""
        return self._table.peak_filter

    def show_session(
        self,
        session: CurationSession,
        selected: tuple[int, ...],
        tool: Tool | None,
        *,
        refused: str = "",
        image: Any | None = None,
        colours: Mapping[int, int] | None = None,
    ) -> None:
        """Show where the review is, and what can be done now.

        Parameters
        ----------
        session : CurationSession
            The corrections.
        selected : tuple of int
            Selected instances.
        tool : Tool or None
            The tool that is on.
        refused : str, default ""
            Why the edit that it was to make was refused.
        image, colours
            What is behind the hypotheses, and the colours of instances; see
            `HypothesesStrip.show_session`.
        """
        self._continue.hide()
        self._edits.show_session(session, selected, tool)
        self._hypotheses.show_session(session, image, colours)
        self._hypotheses.setEnabled(tool is None)
        self._show_tool(tool, refused)
        queued = session.position is not None
        painting = isinstance(tool, BrushTool)
        for made in self._buttons.values():
            made.setEnabled(not painting)
        for name, *_ in chain(*_QUEUE_BUTTONS, _LOOK_BUTTONS):
            self._buttons[name].setEnabled(queued and not painting)

    def show_steps_elsewhere(self, images: Mapping[str, str]) -> None:
        """Say of "undo" and "redo" in which other image the step is that they concern."""
        self._edits.show_steps_elsewhere(images)

    def show_review(
        self,
        session: CurationSession,
        review: FolderReview,
        row: int | None,
        image: int,
        edited: str = "",
    ) -> None:
        """Show the queue over one image or a folder, and where one is in it.

        Parameters
        ----------
        session : CurationSession
            Corrections of the image that is worked on.
        review : FolderReview
            Images and their peaks.
        row : int or None
            Place one is at.
        image : int
            Index of the image that is worked on.
        edited : str, default ""
            What the last edit has done.
        """
        # What is jitter depends on the review that is listed.
        self._table.show_review(review, row)
        progress = self._table.progress
        if progress is not None:
            among = self.peak_filter
            self._place.show_place(
                session, review, row, image, progress, among=among, edited=edited
            )
        self._say(self._table.notice)

    def show_saved(self, kept: KeptSession, saved: SavedState, session: CurationSession) -> None:
        """Show where the corrections are, and where the result files."""
        self._saved.show_saved(kept, saved, session, named=self._table.has_several)

    def _show_tool(self, tool: Tool | None, refused: str = "") -> None:
        self._banner.show_tool(tool, refused)
        self._pages.show_tool(tool is not None)

    def _say(self, notice: Notice | None) -> None:
        """Say that it is the end or the time to stop, or nothing."""
        following = bool(self._following) or self._table.leaves_images_out
        self._card.show_notice(
            notice, hidden=self._table.hides, following=following, unit=self._table.unit
        )
        self._pages.show_notice(notice)

    def _go_on(self) -> None:
        """Go to the next image, or have those of a folder listed again."""
        if self._table.leaves_images_out:
            self._table.show_all_images()
        elif self._following:
            self.chosen.emit(self._following[0])

    def _build_looking(self) -> QVBoxLayout:
        self._keep_zoom = QCheckBox("Keep my zoom")
        self._keep_zoom.setObjectName("keep_zoom")
        self._keep_zoom.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._keep_zoom.setToolTip("Go from place to place without zooming; Jump still zooms")
        column = QVBoxLayout()
        column.addLayout(self._button_row(_LOOK_BUTTONS))
        column.addWidget(self._keep_zoom)
        return column

    def _button_row(self, buttons: Sequence[tuple[str, str, str]]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(3)
        for name, text, tooltip in buttons:
            row.addWidget(self._button(name, text, tooltip))
        return row

    def _button(self, name: str, text: str, tooltip: str) -> QPushButton:
        self._buttons[name] = button(name, text, tooltip, partial(self.asked.emit, name))
        self._texts[name] = text
        return self._buttons[name]
