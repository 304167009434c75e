"""What happens around the steps of a training: ending it, and its last checkpoint."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.callbacks import Callback

from napari_probinst.core.errors import TrainingError

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


class RefuseDivergence(Callback):
    """End the run with an error once its loss or its weights are not finite.

    It looks where the log gets a line, not after each step, which would make a GPU wait; and
    before a score and a checkpoint, so that none is ever made of such weights.

    Parameters
    ----------
    last : Path
        The last checkpoint, for the message.
    log_every : int
        Steps between lines of the log.
    """

    def __init__(self, last: Path, log_every: int) -> None:
        self._last = last
        self._log_every = log_every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Look, where the log gets a line."""
        if trainer.global_step % self._log_every == 0:
            self._check(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look, before images are predicted."""
        self._check(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Look, before a file is written over."""
        del checkpoint
        self._check(trainer, pl_module)

    def _check(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # The loss is the mean over all processes: they end together.
        values = [*pl_module.parameters(), trainer.callback_metrics.get("loss", torch.zeros(()))]
        if all(bool(value.isfinite().all()) for value in values):
            return
        kept = f" The last checkpoint, {self._last}, is kept." if self._last.is_file() else ""
        raise TrainingError(
            f"The training has diverged: at step {trainer.global_step} its loss or weights are no "
            "finite numbers any more. Lower the learning rate (training.learning_rate), and train "
            f"anew.{kept}"
        )
