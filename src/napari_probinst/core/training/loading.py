"""Crops and validation images on their way to the network, shared out among the processes."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_probinst.core.config import Config
    from napari_probinst.core.training.dataset import Crop, CropStream

#: Name under which the share of the time that was spent waiting for crops is logged.
WAITING = "waiting"
#: Stands for no image: each process validates equally often.
NO_IMAGE = -1


class Loaders(pl.LightningDataModule):
    """Batches for this process.

    Parameters
    ----------
    crops : CropStream
        Of the whole training.
    config : Config
        Size of a batch over all processes, and workers of each.
    n_validation : int
        Number of validation images.
    pin_memory : bool
        Whether crops are copied to a GPU.
    """

    def __init__(
        self, crops: CropStream, config: Config, n_validation: int, *, pin_memory: bool
    ) -> None:
        super().__init__()
        self.waited = 0.0
        self._crops = crops
        self._config = config
        self._n_validation = n_validation
        self._pin_memory = pin_memory

    def train_dataloader(self) -> DataLoader[Crop]:
        """Batches of this process's share of the crops, for ever."""
        rank, n_ranks = self._place()
        training = self._config.training
        return _TimedLoader(
            self,
            self._crops.dealt(rank, n_ranks),
            batch_size=training.batch_size // n_ranks,
            num_workers=training.workers,
            pin_memory=self._pin_memory,
            worker_init_fn=_ignore_interrupt,
        )

    def val_dataloader(self) -> DataLoader[int]:
        """Numbers of this process's validation images (Lightning can't move frozen objects)."""
        rank, n_ranks = self._place()
        mine = list(range(rank, self._n_validation, n_ranks))
        mine += [NO_IMAGE] * (-(-self._n_validation // n_ranks) - len(mine))
        return DataLoader(mine, batch_size=None)  # type: ignore[arg-type]

    def _place(self) -> tuple[int, int]:
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)


class DataWait(Callback):
    """Log the share of the time that was spent waiting for crops since the last line of the log.

    Validation doesn't count. What the workers prepare meanwhile costs nothing; with none of
    them, the preparation itself is the waiting.

    Parameters
    ----------
    loaders : Loaders
        Whose batches are waited for.
    log_every : int
        Steps between lines of the log.
    """

    def __init__(self, loaders: Loaders, log_every: int) -> None:
        self._loaders = loaders
        self._log_every = log_every
        self._began = self._spent = self._waited = 0.0

    def on_train_start(self, *_: Any) -> None:
        """Start the clock."""
        self._restart()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Log, and begin anew after each line."""
        spent = self._spent + time.monotonic() - self._began
        share = (self._loaders.waited - self._waited) / spent if spent > 0 else 0.0
        pl_module.log(WAITING, min(share, 1.0))
        if trainer.global_step % self._log_every == 0:
            self._restart()

    def on_validation_start(self, *_: Any) -> None:
        """Stop the clock."""
        self._spent += time.monotonic() - self._began

    def on_validation_end(self, *_: Any) -> None:
        """Let the clock go on."""
        self._began = time.monotonic()

    def _restart(self) -> None:
        self._began, self._spent = time.monotonic(), 0.0
        self._waited = self._loaders.waited


class _TimedLoader(DataLoader["Crop"]):
    """A loader that adds up the time that the next batch was waited for."""

    def __init__(self, loaders: Loaders, crops: CropStream, **options: Any) -> None:
        super().__init__(crops, **options)
        self._loaders = loaders

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        batches = super().__iter__()
        while True:
            began = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._loaders.waited += time.monotonic() - began
            yield batch


def _ignore_interrupt(worker: int) -> None:
    """Leave Ctrl-C, which the terminal sends to every process, to the training loop."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
