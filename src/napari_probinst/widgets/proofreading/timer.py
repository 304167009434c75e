"""The time worked on an image, with a pause, and the audit of what was done in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from napari_probinst.core.curation.work_clock import IDLE_LIMIT, WorkClock
from napari_probinst.widgets.canvas import camera
from napari_probinst.widgets.wording import clock_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QHideEvent, QShowEvent

    from napari_probinst.core.curation.session import CurationSession

_INTERVAL = 1000
_TOOLTIP = (
    "Time worked on this image. It stands in a pause, while another image is worked on, and "
    f"{IDLE_LIMIT:.0f} seconds after the last movement of mouse or view, key or edit. "
    "The durations in the audit are taken from it."
)


class TimeRow(QWidget):
    """How long a session has been worked on.

    Parameters
    ----------
    viewer : napari.Viewer
        Movements of its mouse and its view are signs of activity.
    on_audit : callable
        Called when the button Audit is pressed.
    """

    def __init__(self, viewer: Any, on_audit: Callable[[], None]) -> None:
        super().__init__()
        self._session: CurationSession | None = None
        self._clock: WorkClock | None = None
        self._text = QLabel()
        self._text.setObjectName("worked")
        self._text.setToolTip(_TOOLTIP)
        self._pause = _button("pause", "Pause", "Stop the time; Pause again goes on")
        self._pause.setCheckable(True)
        self._pause.toggled.connect(self._set_paused)
        self._audit = _button(
            "audit", "Audit", "Write every edit and decision with its time to a table (CSV)"
        )
        self._audit.clicked.connect(lambda _: on_audit())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._text, stretch=1)
        row.addWidget(self._pause)
        row.addWidget(self._audit)
        self._ticks = QTimer(self)
        self._ticks.setInterval(_INTERVAL)
        self._ticks.timeout.connect(self._show)
        self._activity = (viewer.cursor.events.position, camera(viewer).events)
        for event in self._activity:
            event.connect(self._touch)
        self.follow(None)

    def follow(self, session: CurationSession | None) -> None:
        """Tell the time of a session, which is being worked on right now; that of another stops.

        A session that was paused stays so.
        """
        if session is not self._session:
            if self._clock is not None:
                self._clock.stop()
            self._session, self._clock = session, _clock_of(session)
            paused = self._clock is not None and self._clock.paused
            self._pause.blockSignals(True)
            self._pause.setChecked(paused)
            self._pause.blockSignals(False)
            for made in (self._pause, self._audit):
                made.setEnabled(session is not None)
        self._touch()
        self._show()

    def stop(self) -> None:
        """Stop the time, and listen to the viewer no longer."""
        self.follow(None)
        for event in self._activity:
            event.disconnect(self._touch)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Count while somebody can see it."""
        super().showEvent(event)
        self._show()
        self._ticks.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Show nothing that nobody sees."""
        super().hideEvent(event)
        self._ticks.stop()

    def _touch(self, _event: Any = None) -> None:
        if self._clock is not None:
            self._clock.touch()

    def _set_paused(self, paused: bool) -> None:
        if self._clock is not None:
            if paused:
                self._clock.pause()
            else:
                self._clock.resume()
        self._show()

    def _show(self) -> None:
        if self._session is None or self._clock is None:
            self._text.setText("")
            return
        state = " · paused" if self._clock.paused else " · idle" if self._clock.idle else ""
        self._text.setText(f"Worked {clock_text(self._session.worked)}{state}")


def _clock_of(session: CurationSession | None) -> WorkClock | None:
    """Clock of a session; one that was never worked on here gets its own."""
    if session is None:
        return None
    clock = session.clock
    if not isinstance(clock, WorkClock):
        clock = WorkClock()
        session.clock = clock
    return clock


def _button(name: str, text: str, tooltip: str) -> QToolButton:
    made = QToolButton()
    made.setObjectName(name)
    made.setText(text)
    made.setToolTip(tooltip)
    # A button that has the focus would take keys that are the canvas's.
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made
