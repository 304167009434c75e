"""A training in a process of its own, as the docks and the window see it.

The process neither freezes napari nor dies with it. The monitor belongs to the window: closing the
dock loses nothing, and closing the window asks what is to become of the training.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QEvent, QObject, QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_probinst.core.data.atomic import output_error
from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.widgets.remembered import remember_model, remember_training
from napari_probinst.widgets.training.log import (
    LOG,
    OUTPUT,
    STOP,
    DataRead,
    Ended,
    Failed,
    LogReader,
    Noted,
    Score,
    Scoring,
    Started,
    Step,
    TrainingRequest,
    is_running,
    prepare,
    read_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_probinst.widgets.training.log import Event

#: Milliseconds between two looks at the log: curves are drawn no more often.
POLL = 500
#: Points kept of the loss: at twice a second, a long training makes more than a curve can show.
_MOST_POINTS = 4000
_PROCESS = "napari_probinst.widgets.training.process"


@dataclass(slots=True)
class TrainingState:
    """What a training said so far.

    Parameters
    ----------
    pid : int or None
        Its process, once it runs.
    data : DataRead or None
        Once the images are in memory.
    step : Step or None
        The last one told.
    scoring : bool
        Whether the validation images are being predicted.
    losses : list of (int, float)
        Steps and their loss.
    scores : list of (int, float)
        Steps and the DSB of the validation images.
    notes : list of str
        Sentences about the images that the user has not been told yet.
    stopping : bool
        Whether it was asked to stop.
    end : Ended or Failed or None
        How it ended.
    """

    pid: int | None = None
    data: DataRead | None = None
    step: Step | None = None
    scoring: bool = False
    losses: list[tuple[int, float]] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopping: bool = False
    end: Ended | Failed | None = None

    def take(self, event: Event) -> None:
        """Take in what was said."""
        self.scoring = isinstance(event, Scoring)
        match event:
            case Started():
                self.begin_anew()
                self.pid = event.pid
            case DataRead():
                self.data = event
            case Noted():
                self.notes.append(event.text)
            case Step():
                self.step = event
                self.losses.append((event.step, event.loss))
                if len(self.losses) > _MOST_POINTS:
                    del self.losses[::2]
            case Score():
                self.scores.append((event.step, event.score))
            case Ended() | Failed():
                self.end = event

    def begin_anew(self) -> None:
        """Another process goes on: how the one before ended, and what it noted, is over."""
        self.pid, self.end, self.stopping = None, None, False
        self.notes.clear()


class TrainingMonitor(QObject):
    """Start a training or find one that runs, and tell what it says.

    Parameters
    ----------
    request : TrainingRequest
        What is trained.
    window : QWidget or None
        The main window: its closing asks.

    Attributes
    ----------
    updated : Signal
        The training said something.
    ended : Signal
        It is over; ``state.end`` says how.
    """

    updated = Signal()
    ended = Signal()

    def __init__(self, request: TrainingRequest, window: QWidget | None) -> None:
        super().__init__(window)
        self.request = request
        self.state = TrainingState()
        #: Asks what becomes of the training when the window closes; tests put their answer here.
        self.ask: Callable[[], str] = self._ask
        self._process: subprocess.Popen[bytes] | None = None
        self._reader = LogReader(request.folder / LOG)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL)
        self._timer.timeout.connect(self._look)
        if window is not None:
            window.installEventFilter(self)

    @classmethod
    def start(cls, request: TrainingRequest, window: QWidget | None) -> TrainingMonitor:
        """Start a training.

        Raises
        ------
        InputError
            If this model is being trained already.
        OutputError
            If its folder can't be written.
        """
        if is_running(request.folder):
            raise InputError(
                f"{request.output.name} is being trained already: choose another name, or stop "
                "that training first."
            )
        prepare(request)
        monitor = cls(request, window)
        monitor._look_back()
        monitor._launch()
        remember_training(request.folder)
        monitor._timer.start()
        return monitor

    @classmethod
    def find(cls, folder: Path, window: QWidget | None) -> TrainingMonitor | None:
        """Watch a training that an earlier napari started; None where none runs."""
        if not is_running(folder):
            return None
        try:
            monitor = cls(read_request(folder), window)
        except InputError:
            # The lock of something else.
            return None
        monitor._look()
        monitor._timer.start()
        return monitor

    @property
    def running(self) -> bool:
        """Whether the training goes on."""
        return self._timer.isActive()

    def stop(self) -> None:
        """End the training after the step that runs, and keep the model.

        Raises
        ------
        OutputError
            If the request can't be written.
        """
        path = self.request.folder / STOP
        try:
            path.touch()
        except OSError as error:
            raise output_error(path, error) from error
        self.state.stopping = True
        self.updated.emit()

    def kill(self) -> None:
        """End the process at once: what it learnt since its last checkpoint is lost."""
        if self._process is not None:
            self._process.kill()
        # The lock tells that the number still is that of the training.
        elif self.state.pid is not None and is_running(self.request.folder):
            # It may have ended by itself in between.
            with suppress(ProcessLookupError):
                os.kill(self.state.pid, signal.SIGTERM)

    def _launch(self) -> None:
        folder = self.request.folder
        # In a group of its own: Ctrl-C in the terminal that napari runs in is not meant for it.
        own_group: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        try:
            with (folder / OUTPUT).open("wb") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", _PROCESS, str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    **own_group,
                )
        except OSError as error:
            raise output_error(folder, error) from error
        # Waited for wherever the docks and the window are by then, so that no zombie is left.
        threading.Thread(target=self._process.wait, daemon=True).start()

    def _look_back(self) -> None:
        """Take in what was said before a training goes on: its curves, and not its end."""
        for event in self._reader.read():
            self.state.take(event)
        self.state.begin_anew()

    def _look(self) -> None:
        """Read what was said, and notice an end."""
        # Asked first: what the process says last is in the log when it is gone.
        alive = self._alive()
        events = self._reader.read()
        for event in events:
            self.state.take(event)
        while self.state.notes:
            show_warning(self.state.notes.pop(0))
        over = self.state.end is not None
        if over or not alive:
            if not over:
                self.state.end = Failed(self._last_words())
            self._finish()
        elif events:
            self.updated.emit()

    def _alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return is_running(self.request.folder)

    def _finish(self) -> None:
        self._timer.stop()
        parent = self.parent()
        if parent is not None:
            parent.removeEventFilter(self)
        end = self.state.end
        if isinstance(end, Ended):
            remember_model(end.model)
            show_info(end_text(end))
        elif end is not None:
            show_error(end.message)
        self.ended.emit()

    def _last_words(self) -> str:
        path = self.request.folder / OUTPUT
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            lines = []
        said = [line.strip() for line in lines if line.strip()]
        reason = f"its last line is: {said[-1]}" if said else "it said nothing, as if killed"
        return (
            f"The training of {self.request.output.name} broke off; {reason} ({path}). Train again "
            "with 'Go on' to continue from the last checkpoint."
        )

    # The window ----------------------------------------------------------------------------

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask before the window closes."""
        if event is None or event.type() != QEvent.Type.Close:
            return False
        if watched is self.parent() and self.running:
            answer = self.ask()
            if answer == "cancel":
                event.ignore()
                return True
            if answer == "stop":
                try:
                    self.stop()
                except OutputError as error:
                    # Closed, the window could not say that the training goes on.
                    show_error(str(error))
                    event.ignore()
                    return True
        return False

    def _ask(self) -> str:
        parent = self.parent()
        box = QMessageBox(parent if isinstance(parent, QWidget) else None)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Train")
        box.setText(f"{self.request.output.name} is being trained.")
        box.setInformativeText(
            "The training runs in a process of its own and can go on without napari: the Train "
            "dock finds it again."
        )
        stop = box.addButton("Stop and keep the model", QMessageBox.ButtonRole.AcceptRole)
        go_on = box.addButton("Let it go on", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(stop)
        box.exec()
        clicked = box.clickedButton()
        if clicked is stop:
            return "stop"
        return "go on" if clicked is go_on else "cancel"


def end_text(end: Ended | Failed) -> str:
    """How a training ended, in a sentence."""
    if isinstance(end, Failed):
        return end.message
    score = "" if end.score is None else f"; best DSB on the validation images {end.score:.3f}"
    steps = "step" if end.steps == 1 else "steps"
    return f"{end.model.name} written after {end.steps} {steps}{score}."
