"""The first layer of a network, computed once for all draws that see an image alike."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from napari_probinst.core.network.unet import UNet


class FirstLayer:
    """What the first layer makes of one image; it has no dropout, so that no draw changes it.

    Draws that see the image in another orientation have nothing to share, and of an image in
    tiles all of it would have to be held.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._output: Tensor | None = None

    def of(self, network: UNet, x: Tensor) -> Tensor | None:
        """Output for ``x``, the image as every draw sees it.

        Parameters
        ----------
        network : UNet
            One of the draws.
        x : Tensor of shape (1, n_channels [+ 2], height, width)
            As for `UNet.forward`.

        Returns
        -------
        Tensor of shape (1, filters, height, width) or None
            After the ReLU. None where the draw has dropped some of the channels: to compute the
            others is cheaper than to choose them.
        """
        if network.first_width != network.config.filters:
            return None
        with self._lock:
            if self._output is None:
                self._output = network.first(x)
            return self._output
