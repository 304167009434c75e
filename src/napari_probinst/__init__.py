"""Proofreading of instance segmentation, guided by a probabilistic U-Net's uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_probinst.core.api import predict, train

__version__ = "0.1.0"
__all__ = ["__version__", "predict", "train"]


def __getattr__(name: str) -> Any:
    """Import the API on first use, so that the command line's ``--help`` needn't wait."""
    if name in ("predict", "train"):
        from napari_probinst.core import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
