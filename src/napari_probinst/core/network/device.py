"""Where the network runs and in which precision: chosen by what the machine offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_probinst.core.errors import ConfigError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True)
class Runtime:
    """Device and precision of the convolutions; everything after them is float32.

    Parameters
    ----------
    device : str
        A torch device, e.g. "cpu" or "cuda:0".
    bfloat16 : bool
        Run convolutions in bfloat16 under autocast.
    """

    device: str
    bfloat16: bool

    @property
    def precision(self) -> str:
        """Name of the precision."""
        return "bfloat16" if self.bfloat16 else "float32"

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which the network runs."""
        kind = torch.device(self.device).type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=self.bfloat16)


def choose_runtime(device: str = "auto") -> Runtime:
    """Best available device, or the one asked for.

    Parameters
    ----------
    device : str, default "auto"
        "auto" takes a GPU where there is one; otherwise "cpu", "cuda", "cuda:1", "mps".

    Raises
    ------
    ConfigError
        If the device is unknown or not on this machine.
    """
    if device == "auto":
        device = _available()
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ConfigError(
            f"'{device}' is no device; use auto, cpu, cuda, cuda:N or mps."
        ) from error
    if kind == "cuda":
        index = torch.device(device).index or 0
        if not torch.cuda.is_available() or index >= torch.cuda.device_count():
            raise ConfigError(f"The device '{device}' is not on this machine; use auto or cpu.")
        return Runtime(device, torch.cuda.is_bf16_supported())
    if kind == "mps":
        if not torch.backends.mps.is_available():
            raise ConfigError("The device 'mps' is not on this machine; use auto or cpu.")
        return Runtime(device, bfloat16=False)
    if kind != "cpu":
        raise ConfigError(f"The device '{device}' is not supported; use auto, cpu, cuda or mps.")
    return Runtime("cpu", has_fast_bfloat16())


def has_fast_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 faster than in float32.

    It does with matrix units (AMX), and with AMD's AVX512-bf16, whose convolutions were measured
    to take half the time. Intel's AVX512 makes one such product a cycle where it makes two in
    float32: they took the same time there.
    """
    # Older releases of torch don't tell.
    offered = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if offered.get("amx_bf16", False):
        return True
    return bool(offered.get("avx512_bf16", False)) and offered.get("cpu_name", "").startswith("AMD")


def _available() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
