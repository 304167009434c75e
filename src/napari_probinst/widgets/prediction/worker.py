"""A queue of images in a thread of its own: what it tells, and how it is cancelled."""

from __future__ import annotations

from collections import deque
from functools import partial
from threading import Event as Flag
from typing import TYPE_CHECKING

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_probinst.core.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.qt.threading import FunctionWorker

    from napari_probinst.widgets.prediction.events import Event, ImageQueue


class QueueRun(QObject):
    """Runs a queue; all callables are called in the thread that made this object.

    Parameters
    ----------
    queue : ImageQueue
        What is predicted.
    on_event : callable
        Called with what the queue tells, in its order.
    on_error : callable
        Called with the exception that ended the whole queue.
    on_finished : callable
        Called at the end, whatever it was.
    """

    _told = Signal(object)

    def __init__(
        self,
        queue: ImageQueue,
        *,
        on_event: Callable[[Event], None],
        on_error: Callable[[Exception], None],
        on_finished: Callable[[], None],
    ) -> None:
        super().__init__()
        self._queue = queue
        self._on_event, self._on_error, self._on_finished = on_event, on_error, on_finished
        self._inbox: deque[Callable[[], None]] = deque()
        self._dispatching = False
        #: Whether those who started the queue have gone.
        self._left = False
        self._stopped = Flag()
        self._cancelled: set[int] = set()
        # Told from the worker's thread, received in this object's.
        self._told.connect(self._receive)
        self._worker: FunctionWorker = create_worker(
            queue.run,
            self,
            _start_thread=False,
            _connect={"errored": self._fail, "finished": self._finish},
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images, in their order."""
        return self._queue.names

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def cancel(self, index: int) -> None:
        """Give up one image after the tile that runs; the others go on."""
        self._cancelled.add(index)

    def cancel_all(self) -> None:
        """Give up all that is not finished, after the tile that runs."""
        self._stopped.set()

    def leave(self) -> None:
        """Cancel all, and call nobody any more: those who would be called are gone."""
        self._left = True
        self.cancel_all()

    # Called in the worker's thread ---------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Tell what happened; see `Talk.tell`."""
        self._told.emit(event)

    def is_cancelled(self, index: int) -> bool:
        """Whether an image is to be given up; napari asks for it, too, when it closes."""
        return (
            self._stopped.is_set() or index in self._cancelled or bool(self._worker.abort_requested)
        )

    def check(self, index: int) -> None:
        """Give up an image that was cancelled; see `Talk.check`."""
        if self.is_cancelled(index):
            raise CancelledError(f"{self.names[index]} was cancelled.")

    # Called in the thread of the windows ---------------------------------------------------

    def _receive(self, event: Event) -> None:
        self._dispatch(partial(self._on_event, event))

    def _fail(self, error: Exception) -> None:
        self._dispatch(partial(self._on_error, error))

    def _finish(self) -> None:
        self._dispatch(self._on_finished)

    def _dispatch(self, call: Callable[[], None]) -> None:
        """Call after what came before: napari's bars let Qt deliver more in the middle of it."""
        self._inbox.append(call)
        if self._dispatching:
            return
        self._dispatching = True
        try:
            self._deliver()
        finally:
            self._dispatching = False

    def _deliver(self) -> None:
        try:
            while self._inbox:
                following = self._inbox.popleft()
                if not self._left:
                    following()
        finally:
            # A call that fails, as that of an error does, holds up none of the others.
            if self._inbox:
                self._deliver()
