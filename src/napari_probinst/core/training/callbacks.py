"""What happens around the steps of a training: stopping it, and its last checkpoint."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Callback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import lightning.pytorch as pl


class StopOnRequest(Callback):
    """End the run after the current step once Ctrl-C was pressed or the time is over.

    All processes end after the same step, whichever was told to stop.
    """

    def __init__(self) -> None:
        self.requested = False

    @contextmanager
    def on_interrupt(self) -> Iterator[None]:
        """Turn the first Ctrl-C into a request to stop; a second one is passed on."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.getsignal(signal.SIGINT)

        def request(number: int, frame: Any) -> None:
            if self.requested and callable(previous):
                previous(number, frame)
            self.requested = True

        signal.signal(signal.SIGINT, request)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        """Ask all processes."""
        anyone = trainer.strategy.reduce_boolean_decision
        requested = anyone(self.requested, all=False)
        self.requested = self.requested or requested
        if requested or anyone(pl_module.progress >= 1, all=False):
            trainer.should_stop = True


class LastCheckpoint(Callback):
    """Write the last checkpoint before the averaged weights replace the current ones."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it; all processes take part."""
        del pl_module
        trainer.save_checkpoint(self._path)
