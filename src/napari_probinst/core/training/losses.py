"""The discriminative loss on embeddings (equations 1 to 3) and the three-class cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_probinst.core.config import LossConfig

#: Label of pixels that count in no embedding term: background, and overlaps, which belong to
#: several instances and can carry no single embedding.
UNLABELLED = 0


class DiscriminativeTerms(NamedTuple):
    """Equations 1, 2 and 3 of the paper, scalars, unweighted."""

    variance: Tensor
    distance: Tensor
    regulariser: Tensor


def discriminative_terms(
    embeddings: Tensor, labels: Tensor, *, delta_d: float = 4.0, squared: bool = False
) -> DiscriminativeTerms:
    r"""Discriminative loss of one image, without a hinge on the variance.

    .. math::
        L_{var} &= \frac 1 C \sum_c \frac 1 {N_c} \sum_i \lVert \mu_c - e_{c,i} \rVert^2 \\
        L_{dist} &= \frac 1 {C (C - 1)} \sum_{A \ne B}
            [2 \delta_d - \lVert \mu_A - \mu_B \rVert]_+^2 \\
        L_{reg} &= \frac 1 C \sum_c \lVert \mu_c \rVert^2

    Parameters
    ----------
    embeddings : Tensor of shape (dimensions, height, width)
        Computed with in float32.
    labels : Tensor of int, shape (height, width)
        Instance of each pixel; `UNLABELLED` pixels are left out. Labels need not be
        consecutive.
    delta_d : float, default 4
        Half the distance up to which centres are pushed apart.
    squared : bool, default False
        Square the norm inside the hinge, as equation 2 is printed.

    Returns
    -------
    DiscriminativeTerms
        All zero without an instance; the distance is zero with one.
    """
    labelled = labels != UNLABELLED
    points = embeddings[:, labelled].T.float()
    if not len(points):
        zero = embeddings.sum() * 0.0
        return DiscriminativeTerms(zero, zero, zero)
    _, instance, sizes = torch.unique(labels[labelled], return_inverse=True, return_counts=True)
    n_instances = len(sizes)
    centres = points.new_zeros(n_instances, points.shape[1]).index_add(0, instance, points)
    centres = centres / sizes[:, None]

    deviation = (points - centres[instance]).square().sum(dim=1)
    variance = (deviation / sizes[instance]).sum() / n_instances
    regulariser = centres.square().sum() / n_instances
    if n_instances == 1:
        return DiscriminativeTerms(variance, centres.sum() * 0.0, regulariser)

    first, second = torch.triu_indices(n_instances, n_instances, 1, device=centres.device)
    separation = (centres[first] - centres[second]).square().sum(dim=1)
    if not squared:
        # The norm's gradient is undefined where two centres coincide.
        separation = separation.clamp_min(1e-12).sqrt()
    # Each unordered pair stands for two ordered ones.
    distance = (2 * delta_d - separation).clamp_min(0).square().mean()
    return DiscriminativeTerms(variance, distance, regulariser)


def instance_loss(
    embeddings: Tensor, logits: Tensor, labels: Tensor, classes: Tensor, config: LossConfig
) -> dict[str, Tensor]:
    """Weighted terms of the loss of a batch, without the dropout regulariser.

    Parameters
    ----------
    embeddings : Tensor of shape (batch, dimensions, height, width)
    logits : Tensor of shape (batch, 3, height, width)
    labels : Tensor of int, shape (batch, height, width)
        Instance of each pixel, `UNLABELLED` for background and overlaps.
    classes : Tensor of int, shape (batch, height, width)
        0 background, 1 foreground, 2 overlap.
    config : LossConfig
        Weights and hyperparameters.

    Returns
    -------
    dict of str to Tensor
        Scalars "variance", "distance", "regulariser" and "classes", means over the batch.
    """
    squared = config.distance_norm == "squared"
    terms = [
        discriminative_terms(image, label, delta_d=config.delta_d, squared=squared)
        for image, label in zip(embeddings, labels, strict=True)
    ]
    variance, distance, regulariser = torch.stack([torch.stack(term) for term in terms]).mean(dim=0)
    # Some two in a thousand pixels are overlaps: unweighted, they are long learnt as foreground.
    weights = logits.new_tensor([1.0, 1.0, config.overlap_weight], dtype=torch.float32)
    # The weighted mean is one image's: processes that share a batch then average to the same.
    cross_entropy = torch.stack(
        [
            torch.nn.functional.cross_entropy(image[None].float(), target[None].long(), weights)
            for image, target in zip(logits, classes, strict=True)
        ]
    ).mean()
    return {
        "variance": config.variance_weight * variance,
        "distance": config.distance_weight * distance,
        "regulariser": config.regulariser_weight * regulariser,
        "classes": config.class_weight * cross_entropy,
    }
