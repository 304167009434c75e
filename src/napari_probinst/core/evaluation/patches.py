"""Patches of instance predictions: where they are right, and how uncertain they are there.

Section 2.4 of the paper, which adapts J. Mukhoti, Y. Gal, "Evaluating Bayesian Deep Learning
Methods for Semantic Segmentation", 2018, arXiv:1811.12709.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.boxes import crop_to, enclose
from napari_probinst.core.data.flattening import NO_PIXELS, exported_in_place
from napari_probinst.core.evaluation.pairing import counterparts
from napari_probinst.core.patch_grid import PatchGrid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.instances import Instance, InstanceSet, ProbabilisticInstance
    from napari_probinst.core.prediction import Prediction

PATCH = 4


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """Patches of all instances of one image or several, one entry a patch and instance.

    Parameters
    ----------
    accurate : ndarray of bool, shape (n_patches,)
        More than half of the pixels are as in the matched true instance.
    entropy : ndarray of float64, shape (n_patches,)
        Mean entropy of the instance over the patch's pixels, nats, 0 to ln 2.
    distance : ndarray of float64, shape (n_patches,)
        Mean distance of the patch's pixels to the instance's predicted boundary, pixels: of a
        pixel inside to the nearest one outside, and the other way round.
    """

    accurate: NDArray[np.bool_]
    entropy: NDArray[np.float64]
    distance: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.accurate)


def image_patches(prediction: Prediction, truth: InstanceSet, patch: int = PATCH) -> Patches:
    """Patches of every exported instance of one image that belong to it or to its true counterpart.

    The grid starts at pixel (0, 0); patches at the other edges may be partial, and means are
    over the pixels there are. A pixel is right where the binary prediction equals the matched
    truth (`counterparts`). An instance without a match is inaccurate in all its patches. A
    patch without a pixel of the prediction or of the matched truth is left out. An instance
    that is not worth exporting (too few draws agree on too few pixels) has no patches: nothing
    is predicted there, and what it misses is no error of a prediction.

    Parameters
    ----------
    prediction : Prediction
        Binarised at its own threshold.
    truth : InstanceSet
        True instances of the same image.
    patch : int, default 4
        Side of a patch, pixels.

    Returns
    -------
    Patches
        By instance, then from the top left row by row.
    """
    binary = exported_in_place(prediction)
    partners = counterparts(binary, truth)
    return joined(
        _instance_patches(
            probabilistic,
            shown,
            None if partner is None else truth.instances[partner],
            prediction.shape,
            patch,
        )
        for probabilistic, shown, partner in zip(
            prediction.instances.instances, binary.instances, partners, strict=True
        )
        if shown.mask.any()
    )


def joined(parts: Iterable[Patches]) -> Patches:
    """All patches one after the other."""
    parts = list(parts)
    return Patches(
        np.concatenate([np.zeros(0, dtype=bool), *(part.accurate for part in parts)]),
        np.concatenate([np.zeros(0), *(part.entropy for part in parts)]),
        np.concatenate([np.zeros(0), *(part.distance for part in parts)]),
    )


def _instance_patches(
    probabilistic: ProbabilisticInstance,
    shown: Instance,
    true: Instance | None,
    shape: Shape,
    patch: int,
) -> Patches:
    matched = NO_PIXELS if true is None else true
    grid = PatchGrid.around(enclose([shown.bbox, matched.bbox]), patch)
    bbox = grid.bbox_in(shape)
    predicted, expected = shown.crop(bbox), matched.crop(bbox)
    counts = crop_to(probabilistic.bbox, probabilistic.counts, bbox)
    sizes = grid.sizes(shape)
    accurate = 2 * grid.sums(predicted == expected, bbox) > sizes
    entropy = grid.sums(entropy_levels(probabilistic.n_draws)[counts], bbox) / sizes
    distance = grid.sums(_distance_to_boundary(predicted), bbox) / sizes
    kept = grid.sums(predicted | expected, bbox) > 0
    # Patches with the same values tie exactly, in whatever order their pixels were added up.
    return Patches(
        accurate[kept] & (true is not None),
        entropy[kept].round(9),
        distance[kept].round(9),
    )


def _distance_to_boundary(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of each pixel to the nearest one on the other side; beyond the edges is outside."""
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask)
    return np.asarray(np.where(mask, inside, outside))
