"""The process that trains for the Train dock.

It is run as ``python -m napari_probinst.widgets.training.process NAME.run``, needs no window, and
imports neither napari nor Qt. What can't be told as an event is left to its standard error, which
the dock keeps in ``output.txt``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from lightning.pytorch.callbacks import Callback

from napari_probinst.core.errors import ProbinstError
from napari_probinst.core.training.advice import advice
from napari_probinst.core.training.module import SCORE
from napari_probinst.core.training.plan import plan_training
from napari_probinst.widgets.training.log import (
    LOCK,
    LOG,
    STOP,
    DataRead,
    Ended,
    Failed,
    LogWriter,
    Noted,
    Score,
    Scoring,
    Started,
    Step,
    TrainingRequest,
    read_request,
)

if TYPE_CHECKING:
    import lightning.pytorch as pl

#: Seconds between two lines about steps.
_EVERY = 0.5
#: A dock that looks whether a training runs holds the lock for a moment.
_LOCK_SECONDS = 10.0
#: How much the process yields to napari, where the system knows of such a thing; 0 is normal.
_NICENESS = 5


class Reporter(Callback):
    """Write what happens, and end the training when the stop file appears."""

    def __init__(self, log: LogWriter, stop: Path) -> None:
        self._log = log
        self._stop = stop
        self._stopping = False
        self._began = (0.0, 0.0)
        self._last = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Start the clock."""
        del trainer
        self._began = (time.monotonic(), pl_module.progress)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        """Tell the step; ask the training to stop, once, as Ctrl-C does."""
        if not self._stopping and self._stop.exists():
            self._stopping = True
            signal.raise_signal(signal.SIGINT)
        now = time.monotonic()
        if now - self._last < _EVERY and trainer.global_step > 1:
            return
        self._last = now
        began, before = self._began
        progress = pl_module.progress
        done = progress - before
        left = (now - began) * (1 - progress) / done if done > 0 else None
        loss = float(trainer.callback_metrics["loss"])
        self._log.write(Step(trainer.global_step, progress, left, loss))

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Tell why no steps come."""
        del pl_module
        self._log.write(Scoring(trainer.global_step))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Tell the score."""
        score = trainer.callback_metrics.get(SCORE)
        if score is not None:
            self._log.write(Score(trainer.global_step, float(score), pl_module.best_score))


def train(request: TrainingRequest, log: LogWriter) -> Ended | Failed:
    """Read the data, train, and write the model.

    Raises
    ------
    ProbinstError
        As `plan_training`, `load_training_data` and `fit` do.
    """
    limit = None if request.max_minutes is None else 60 * request.max_minutes
    plan = plan_training(
        request.output,
        request.data,
        request.config,
        start_from=request.start_from,
        max_steps=request.config.training.max_steps,
        max_seconds=limit,
        resume=request.resume,
        # The dock has asked before.
        overwrite=not request.resume,
    )
    # The form always says whether there is a limit, also where the training began with another.
    plan = replace(plan, beginning=replace(plan.beginning, max_seconds=limit))
    data = plan.read()
    n_scored = min(len(data.validation), request.config.training.validation_images)
    log.write(DataRead(len(data.training), n_scored))
    for sentence in advice(data, request.data):
        log.write(Noted(f"{sentence}."))
    stop = request.folder / STOP
    if stop.exists():
        return Failed("Stopped before the first step: there is no model.")
    result = plan.fit(data, request.device, callbacks=[Reporter(log, stop)])
    return Ended(result.model_path, result.steps, result.score, result.interrupted)


def main(folder: Path) -> int:
    """Run the request of a folder; return the exit code."""
    if hasattr(os, "nice"):
        os.nice(max(0, _NICENESS - os.nice(0)))
    with FileLock(folder / LOCK, timeout=_LOCK_SECONDS), (folder / LOG).open("ab") as file:
        log = LogWriter(file)
        log.write(Started(os.getpid()))
        try:
            end: Ended | Failed = train(read_request(folder), log)
        except ProbinstError as error:
            end = Failed(str(error))
        except OSError as error:
            reason = error.strerror or error
            end = Failed(f"{error.filename or 'A file'} can't be used: {reason}.")
        log.write(end)
    return 0 if isinstance(end, Ended) else 2


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
