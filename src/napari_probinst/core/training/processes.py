"""How many processes share a training, and which of them speaks and writes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_probinst.core.errors import ConfigError

if TYPE_CHECKING:
    from napari_probinst.core.network.device import Runtime

STRATEGIES = ("auto", "ddp")

#: What Lightning, torchrun and SLURM number a process by.
_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes that train one model together, each on its share of every batch.

    Parameters
    ----------
    devices : int, default 1
        GPUs of each node, or processes on its CPU.
    num_nodes : int, default 1
        Computers that run the same command, with a common folder for the results.
    strategy : str, default "auto"
        "ddp" (gradients are averaged), or "auto": that where there is more than one process.
    """

    devices: int = 1
    num_nodes: int = 1
    strategy: str = "auto"

    @property
    def n(self) -> int:
        """Processes in all."""
        return self.devices * self.num_nodes

    def check(self, batch_size: int, runtime: Runtime) -> None:
        """Refuse what can't be shared out.

        Raises
        ------
        ConfigError
            If the batch isn't divisible, or there are not as many devices.
        """
        if self.strategy not in STRATEGIES:
            raise ConfigError(
                f"The strategy {self.strategy!r} is unknown; expected {' or '.join(STRATEGIES)}."
            )
        if self.devices < 1 or self.num_nodes < 1:
            raise ConfigError(
                f"{self.devices} devices on {self.num_nodes} nodes can't train; give at least one "
                "of each."
            )
        if batch_size % self.n:
            raise ConfigError(
                f"training.batch_size is {batch_size}, which {self.n} processes can't share "
                f"equally; set it to a multiple of {self.n}."
            )
        kind, _, index = runtime.device.partition(":")
        if self.devices == 1:
            return
        if index or kind not in ("cpu", "cuda"):
            raise ConfigError(
                f"The device {runtime.device} is a single one; for {self.devices} of them give "
                "--device cuda or --device cpu."
            )
        if kind == "cuda" and self.devices > torch.cuda.device_count():
            raise ConfigError(
                f"There are {torch.cuda.device_count()} GPUs here, not {self.devices}; ask for as "
                "many with --devices."
            )


def is_first_process() -> bool:
    """Whether this process is the one that speaks and writes, known before training begins."""
    return all(os.environ.get(name, "0") == "0" for name in _RANKS)
