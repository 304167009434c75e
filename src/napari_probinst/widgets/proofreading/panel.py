"""What the Proofread dock shows; it knows no layers and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_probinst.widgets.proofreading.hypotheses import HypothesesStrip
from napari_probinst.widgets.proofreading.keys import KEYS, key_label
from napari_probinst.widgets.proofreading.queue_table import QueueTable
from napari_probinst.widgets.proofreading.tool_switch import BANNER_COLOUR
from napari_probinst.widgets.proofreading.tools import BrushTool
from napari_probinst.widgets.proofreading.words import (
    peak_text,
    position_text,
    reason_text,
    selection_text,
    statistics_text,
)
from napari_probinst.widgets.saved_state import kept_text
from napari_probinst.widgets.scrolling_dock import button

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qtpy.QtWidgets import QPushButton

    from napari_probinst.core.curation.kept_session import KeptSession
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.core.curation.proposals import Proposal
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.tools import Tool

#: Buttons: action, text, tooltip.
_QUEUE_BUTTONS = (
    ("previous", "Previous", "Go back to the place before"),
    ("next", "Next", "Go to the next place"),
    ("accept", "Accept", "It is right now: go to the next open place"),
    ("skip", "Skip", "Put it off: go to the next open place"),
    ("flag", "Flag", "Leave it to somebody who knows better: go to the next open place"),
    ("jump", "Jump", "Zoom to this place again"),
    ("isolate", "Isolate", "Show the selected instances alone, or all again"),
    ("uncertainty", "Uncertainty", "Show or hide the entropy"),
)
_EDIT_BUTTONS = (
    ("merge", "Merge", "Pick instances that are one, by clicks; then again to merge them"),
    ("split", "Split", "Drag a line across the selected instance"),
    ("add", "Add", "Paint an instance that was missed"),
    ("repaint", "Repaint", "Paint or erase the selected instance with napari's brush"),
    ("delete", "Delete", "Delete the selected instances"),
)
#: The banner's colours: they must stand out in any theme.
_ALARM = f"background: {BANNER_COLOUR}; color: black; font-weight: bold;"


class ProofreadPanel(QWidget):
    """Queue, tools, banner and saved state.

    Parameters
    ----------
    actions : mapping of str to callable
        What each button does, by its name.
    on_chosen : callable
        Called with the prediction that is chosen in the combo box.
    on_visit : callable
        Called with the peak that is clicked in the table.
    on_adopt : callable
        Called with the hypothesis that is chosen.
    """

    def __init__(
        self,
        actions: Mapping[str, Callable[[], None]],
        on_chosen: Callable[[ShownPrediction], None],
        on_visit: Callable[[int], None],
        on_adopt: Callable[[Proposal], None],
    ) -> None:
        super().__init__()
        self._actions = actions
        self._on_chosen = on_chosen
        self._buttons: dict[str, QPushButton] = {}
        self._hypotheses = HypothesesStrip(on_adopt)
        self._table = QueueTable(on_visit, filter_chosen=self._show_hint)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._build_files())
        layout.addWidget(self._build_queue())
        layout.addWidget(self._build_tools())
        layout.addWidget(self._build_saving())
        # Comes and goes, so it lies below all buttons: none may move under the pointer.
        layout.addWidget(self._build_banner())
        layout.addWidget(self._build_table(), stretch=1)

    def show_predictions(
        self, choices: Sequence[ShownPrediction], current: ShownPrediction | None
    ) -> None:
        """List the predictions that can be worked on."""
        self._choices.blockSignals(True)
        self._choices.clear()
        for shown in choices:
            image = shown.image
            self._choices.addItem(shown.title if image is None else image.name, shown)
        index = next((i for i, shown in enumerate(choices) if shown is current), -1)
        self._choices.setCurrentIndex(index)
        self._choices.blockSignals(False)
        self._choices.setEnabled(bool(choices))

    def show_nothing(self) -> None:
        """Say what to do where there is no prediction."""
        self._position.setText("No prediction")
        self._kind.setText("Run Predict, or open a prediction's file.")
        for label in (self._reason, self._selected, self._statistics, self._saved, self._finished):
            label.setText("")
        self._saved.setStyleSheet("")
        self._finished.hide()
        self._hypotheses.show_nothing()
        self._table.show_session(None)
        self._show_tool(None)
        for name, made in self._buttons.items():
            made.setEnabled(name == "open")

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
        image, colours
            What is behind the hypotheses, and the colours of instances; see
            `HypothesesStrip.show_session`.
        """
        statistics = session.statistics()
        self._position.setText(position_text(session))
        self._kind.setText(peak_text(session))
        self._reason.setText(reason_text(session))
        self._selected.setText(selection_text(session, selected))
        self._statistics.setText(statistics_text(statistics))
        self._table.show_session(session)
        self._hypotheses.show_session(session, image, colours)
        self._hypotheses.setEnabled(tool is None)
        self._show_hint()
        self._show_tool(tool)
        queued = session.position is not None
        painting = isinstance(tool, BrushTool)
        for name, made in self._buttons.items():
            made.setEnabled(not painting or name in ("confirm", "leave"))
        for name, *_ in _QUEUE_BUTTONS:
            self._buttons[name].setEnabled(queued and not painting)
        self._buttons["undo"].setEnabled(session.can_undo and not painting)
        self._buttons["redo"].setEnabled(session.can_redo and not painting)
        self._buttons["undo"].setToolTip(_step_text("Take back", session.undo_step))
        self._buttons["redo"].setToolTip(_step_text("Make again", session.redo_step))
        for name in ("delete", "repaint"):
            self._buttons[name].setEnabled(bool(selected) and not painting)

    def show_saved(self, kept: KeptSession, results: str) -> None:
        """Show where the corrections are, and what is said of the result files."""
        self._saved.setText("\n".join(filter(None, (kept_text(kept), results))))
        self._saved.setToolTip(str(kept.path or ""))
        self._saved.setStyleSheet(_ALARM if kept.n_waiting or kept.read_only else "")

    def _show_hint(self) -> None:
        hint = self._table.hint
        self._finished.setText(hint)
        self._finished.setVisible(bool(hint))

    def _show_tool(self, tool: Tool | None) -> None:
        self._banner.setVisible(tool is not None)
        self._banner_text.setText("" if tool is None else tool.banner)
        for name in ("merge", "split", "add", "repaint"):
            self._buttons[name].setDown(tool is not None and tool.name == name)

    def _build_files(self) -> QHBoxLayout:
        self._choices = QComboBox()
        self._choices.setObjectName("predictions")
        self._choices.setToolTip("Prediction to proofread")
        self._choices.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._choices.activated.connect(lambda _: self._on_chosen(self._choices.currentData()))
        row = QHBoxLayout()
        row.addWidget(self._choices, stretch=1)
        row.addWidget(
            self._button("open", "Open…", "Open a NAME.prediction.npz or a NAME.probinst")
        )
        return row

    def _build_banner(self) -> QWidget:
        self._banner = QWidget()
        self._banner.setObjectName("banner")
        # The one fixed colour: it must stand out in any theme.
        self._banner.setStyleSheet(
            f"#banner {{ background: {BANNER_COLOUR}; border-radius: 4px; }}"
        )
        self._banner_text = _label("banner_text")
        self._banner_text.setStyleSheet("color: black; font-weight: bold;")
        row = QHBoxLayout()
        row.addWidget(self._button("confirm", "Finish [Enter]", "Make the edit"))
        row.addWidget(self._button("leave", "Leave [Esc]", "Leave without an edit"))
        column = QVBoxLayout(self._banner)
        column.addWidget(self._banner_text)
        column.addLayout(row)
        self._banner.hide()
        return self._banner

    def _build_queue(self) -> QWidget:
        self._position = _label("position")
        font = self._position.font()
        font.setPointSize(font.pointSize() + 6)
        font.setBold(True)
        self._position.setFont(font)
        self._kind = _label("kind", lines=2)
        bold = self._kind.font()
        bold.setBold(True)
        self._kind.setFont(bold)
        self._reason = _label("reason", lines=4)
        self._finished = _label("finished")
        self._finished.hide()
        self._statistics = _label("statistics", lines=2)
        self._keep_zoom = QCheckBox("Keep my zoom")
        self._keep_zoom.setObjectName("keep_zoom")
        self._keep_zoom.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._keep_zoom.setToolTip("Go from place to place without zooming; Jump still zooms")
        box = QGroupBox("Review")
        column = QVBoxLayout(box)
        for label in (self._position, self._kind, self._reason):
            column.addWidget(label)
        column.addWidget(self._hypotheses)
        column.addLayout(self._button_grid(_QUEUE_BUTTONS))
        column.addWidget(self._keep_zoom)
        column.addWidget(self._statistics)
        return box

    def _build_table(self) -> QWidget:
        box = QGroupBox("Queue")
        column = QVBoxLayout(box)
        column.addWidget(self._finished)
        column.addWidget(self._table)
        return box

    def _build_tools(self) -> QWidget:
        self._selected = _label("selected")
        box = QGroupBox("Correct")
        column = QVBoxLayout(box)
        column.addWidget(self._selected)
        column.addLayout(self._button_grid(_EDIT_BUTTONS))
        row = QHBoxLayout()
        row.addWidget(self._button("undo", "Undo", "Take back"))
        row.addWidget(self._button("redo", "Redo", "Make again"))
        column.addLayout(row)
        return box

    def _build_saving(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        self._saved = _label("saved", lines=2)
        row.addWidget(self._saved, stretch=1)
        tooltip = "Write the corrected masks, NAME.corrected.*, for other programs"
        row.addWidget(self._button("save", "Save results", tooltip))
        return box

    def _button_grid(self, buttons: Sequence[tuple[str, str, str]]) -> QGridLayout:
        grid = QGridLayout()
        for number, (name, text, tooltip) in enumerate(buttons):
            alone = number % 2 == 0 and number + 1 == len(buttons)
            made = self._button(name, text, tooltip)
            grid.addWidget(made, number // 2, number % 2, 1, 2 if alone else 1)
        return grid

    def _button(self, name: str, text: str, tooltip: str) -> QPushButton:
        if name in KEYS:
            text = f"{text} [{key_label(name)}]"
        self._buttons[name] = button(name, text, tooltip, self._actions[name])
        return self._buttons[name]


class _Text(QLabel):
    """Text that keeps room for some lines, so that the buttons below it seldom move."""

    def __init__(self, name: str, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self.setObjectName(name)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)

    def heightForWidth(self, width: int) -> int:
        """Height of the text, or of all its lines; asked anew whenever the font changes."""
        room = self._lines * self.fontMetrics().lineSpacing()
        return max(super().heightForWidth(width), room)


def _label(name: str, lines: int = 1) -> QLabel:
    return _Text(name, lines)


def _step_text(verb: str, step: Any) -> str:
    return verb if step is None else f"{verb}: {step.summary}"
