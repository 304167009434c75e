"""Whether the draws agree less on instances that are wrong: risk against coverage.

Y. Geifman, R. El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017,
arXiv:1705.08500; the area is that of Y. Geifman et al., ICLR 2019, arXiv:1805.08206.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.flattening import exported_in_place
from napari_probinst.core.evaluation.matching import iou_matrix, match
from napari_probinst.core.evaluation.ties import expected_among_highest
from napari_probinst.core.inference.entropy import confidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.prediction import Prediction


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Share of wrong instances among the most confident ones.

    Parameters
    ----------
    risk : tuple of float, length n_instances
        Expected share of errors among the k + 1 most confident instances. Instances of the
        same confidence come in random order: the expectation is over all orders.
    n_errors : int
        Wrong instances in all.
    """

    risk: tuple[float, ...]
    n_errors: int

    @property
    def n_instances(self) -> int:
        """Number of instances."""
        return len(self.risk)

    @property
    def coverage(self) -> tuple[float, ...]:
        """Share of the instances that are kept, for each value of ``risk``; ends with 1."""
        return tuple(kept / self.n_instances for kept in range(1, self.n_instances + 1))

    @property
    def aurc(self) -> float | None:
        """Area under the risk-coverage curve, the mean risk: 0 is best; None without instances."""
        return float(np.mean(self.risk)) if self.risk else None

    @property
    def aurc_random(self) -> float | None:
        """Area for instances in random order: the share of errors."""
        return self.n_errors / self.n_instances if self.risk else None

    @property
    def aurc_best(self) -> float | None:
        """Area where every right instance comes before every wrong one."""
        if not self.risk:
            return None
        kept = np.arange(1, self.n_instances + 1)
        n_right = self.n_instances - self.n_errors
        return float(np.mean(np.maximum(kept - n_right, 0) / kept))


def risk_coverage(agreement: NDArray[np.floating[Any]], wrong: NDArray[np.bool_]) -> RiskCoverage:
    """Risk at every coverage, the most confident instances first.

    Parameters
    ----------
    agreement : ndarray of float, shape (n_instances,)
        Confidence; larger where an instance is more likely to be right.
    wrong : ndarray of bool, shape (n_instances,)
        Whether it is not.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if agreement.shape != wrong.shape:
        raise ValueError(f"{agreement.shape} confidences for {wrong.shape} instances")
    kept = np.arange(1, len(wrong) + 1)
    errors = expected_among_highest(agreement, wrong, kept)
    return RiskCoverage(tuple((errors / kept).tolist()), int(np.count_nonzero(wrong)))


def instance_errors(
    images: Iterable[tuple[Prediction, InstanceSet]], thresholds: Sequence[float] = (0.5, 0.8)
) -> dict[float, RiskCoverage]:
    """Risk-coverage curve of the instances of all images together, for each IoU threshold.

    An instance is wrong unless it is a hit: matched, one to one, to a true instance with an
    IoU above the threshold (`match`). Its confidence is the mean IoU over all pairs of draws
    (`confidence`). Instances that are not worth exporting are no predictions.

    Parameters
    ----------
    images : iterable of (Prediction, InstanceSet)
        Predictions with the true instances of the same image.
    thresholds : sequence of float, default (0.5, 0.8)
        IoU that a right instance exceeds.

    Returns
    -------
    dict of float to RiskCoverage
    """
    agreement: list[NDArray[np.float64]] = [np.zeros(0)]
    wrong: dict[float, list[NDArray[np.bool_]]] = {t: [np.zeros(0, bool)] for t in thresholds}
    for prediction, truth in images:
        binary = exported_in_place(prediction)
        shown = binary.areas() > 0
        agreement.append(confidence(prediction.instances)[shown])
        iou = iou_matrix(binary, truth)
        for threshold in thresholds:
            missed = np.ones(len(binary), dtype=bool)
            missed[match(iou, threshold)[:, 0]] = False
            wrong[threshold].append(missed[shown])
    scores = np.concatenate(agreement)
    return {each: risk_coverage(scores, np.concatenate(wrong[each])) for each in thresholds}
