"""Average the weights of networks that were trained from one another.

Networks that lie in one valley of the loss, such as stages of a training, err differently at
the contours, and their mean errs less than each, at the cost of one (Izmailov et al. 2018,
"Averaging weights leads to wider optima and better generalization").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.errors import ModelError
from napari_probinst.core.network.inherited_weights import load_weights_of
from napari_probinst.core.network.unet import CONTEXT, UNet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.network.checkpoint import Model


def average(models: Sequence[Model], shares: Sequence[float] | None = None) -> UNet:
    """Weighted mean of networks.

    Parameters
    ----------
    models : sequence of Model
        At least one. The last one's architecture is the result's; the others may lack its class
        decoder or global context, which then start as `load_weights_of` says.
    shares : sequence of float, optional
        Share of each model, in the same order, that sum to 1; equal ones by default.

    Returns
    -------
    UNet
        In evaluation mode.

    Raises
    ------
    ModelError
        If the networks don't fit together, or the shares don't fit the models.
    """
    shares = [1 / len(models)] * len(models) if shares is None else shares
    if len(shares) != len(models) or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise ModelError(
            f"{len(models)} models need as many shares, none negative, that sum to 1; got "
            f"{', '.join(f'{share:g}' for share in shares)}."
        )
    last = models[-1]
    own = last.network.state_dict()
    states = []
    for model in models:
        network = UNet(last.network.config)
        try:
            load_weights_of(network, model.network)
        except RuntimeError as error:
            raise ModelError(
                f"The weights of {model.file_name} and {last.file_name} can't be averaged: the "
                "networks differ. Use stages of one training."
            ) from error
        state = network.state_dict()
        if model.network.context is None:
            # Read with weight zero, so any will do: a mean with random ones would not.
            state |= {name: own[name] for name in own if name.startswith(CONTEXT)}
        states.append(state)
    result = UNet(last.network.config)
    result.load_state_dict(
        {
            name: sum(share * state[name] for share, state in zip(shares, states, strict=True))
            for name in own
        }
    )
    return result.eval().requires_grad_(requires_grad=False)
