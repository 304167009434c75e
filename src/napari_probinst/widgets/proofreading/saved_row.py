"""The row at the bottom of the Proofread dock: where the corrections are, and *Save results*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_probinst.widgets.proofreading.tool_switch import BANNER_COLOUR
from napari_probinst.widgets.proofreading.wrapped_label import WrappedLabel
from napari_probinst.widgets.saved_state import kept_text

if TYPE_CHECKING:
    from qtpy.QtWidgets import QPushButton

    from napari_probinst.core.curation.kept_session import KeptSession
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.widgets.saved_state import SavedState

#: It must stand out in any theme.
_ALARM = f"background: {BANNER_COLOUR}; color: black; font-weight: bold;"


class SavedRow(QWidget):
    """What is on the disk and what isn't.

    Parameters
    ----------
    save : QPushButton
        Writes the results.
    """

    def __init__(self, save: QPushButton) -> None:
        super().__init__()
        self._label = WrappedLabel("saved", lines=3)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._label, stretch=1)
        row.addWidget(save)

    def show_nothing(self) -> None:
        """Say nothing, where there is no prediction."""
        self._label.setText("")
        self._label.setStyleSheet("")

    def show_saved(
        self,
        kept: KeptSession,
        saved: SavedState,
        session: CurationSession,
        *,
        named: bool = False,
    ) -> None:
        """Show where the corrections are, and where the result files; the tooltip has the paths.

        ``named`` says whose result files they are, where there are several images.
        """
        texts = (kept_text(kept), saved.text(session, named=named))
        self._label.setText("\n".join(filter(None, texts)))
        paths = (kept.path, saved.folder)
        self._label.setToolTip("\n".join(str(path) for path in paths if path is not None))
        self._label.setStyleSheet(_ALARM if kept.n_waiting or kept.read_only else "")
