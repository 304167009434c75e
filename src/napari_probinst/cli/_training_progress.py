"""Progress of a training in the terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from napari_probinst.core.network.concrete_dropout import dropout_rates
from napari_probinst.core.training.loading import WAITING
from napari_probinst.core.training.module import SCORE

if TYPE_CHECKING:
    import lightning.pytorch as pl

#: A log file gets a line this often, seconds; a terminal shows a living bar.
_LINE_EVERY = 60.0
_SMOOTHING = 0.98


class TrainingProgress(Callback):
    """A bar with the loss terms, the dropout rates and the time left."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("step {task.fields[step]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]} left"),
            TextColumn("{task.fields[state]}"),
            console=self._console,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=1.0, step=0, left="?", state="")
        self._smooth: dict[str, float] = {}
        self._score = self._waiting = ""
        self._began = (time.monotonic(), 0.0)
        self._last_line = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Show the bar."""
        del trainer
        self._began = (time.monotonic(), pl_module.progress)
        self._progress.start()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        """Show the smoothed terms of the last steps."""
        for name, value in trainer.callback_metrics.items():
            if name.startswith("loss"):
                old = self._smooth.get(name, float(value))
                self._smooth[name] = _SMOOTHING * old + (1 - _SMOOTHING) * float(value)
        if WAITING in trainer.callback_metrics:
            self._waiting = f"  waiting {float(trainer.callback_metrics[WAITING]):.0%}"
        now = time.monotonic()
        if self._progress.disable and now - self._last_line < _LINE_EVERY:
            return
        self._last_line = now
        state = self._state(pl_module)
        left = self._left(pl_module.progress)
        self._progress.update(
            self._task,
            completed=pl_module.progress,
            step=trainer.global_step,
            left=left,
            state=state,
        )
        if self._progress.disable:
            self._console.print(f"step {trainer.global_step}, {left} left: {state}", soft_wrap=True)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Tell the score."""
        score = trainer.callback_metrics.get(SCORE)
        if score is not None:
            self._score = f"DSB {float(score):.3f}, best {pl_module.best_score:.3f}"
            self._console.print(f"step {trainer.global_step}: validation {self._score}")

    def on_train_end(self, *_: Any) -> None:
        """Take the bar away."""
        self._progress.stop()

    def on_exception(self, *_: Any) -> None:
        """Take the bar away."""
        self._progress.stop()

    def _state(self, pl_module: Any) -> str:
        terms = " ".join(
            f"{name.removeprefix('loss/')} {value:.3g}" for name, value in self._smooth.items()
        )
        rates = dropout_rates(pl_module.network).values()
        spread = f"  rates {min(rates):.3f} to {max(rates):.3f}" if rates else ""
        return f"{terms}{spread}{self._waiting}  {self._score}".rstrip()

    def _left(self, progress: float) -> str:
        started, before = self._began
        done = progress - before
        if done <= 0:
            return "?"
        seconds = int((time.monotonic() - started) * (1 - progress) / done)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
