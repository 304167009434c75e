"""How well the uncertainty tells where a prediction is wrong (section 2.4 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from napari_probinst.core.evaluation.calibration import calibrate
from napari_probinst.core.evaluation.instance_errors import instance_errors
from napari_probinst.core.evaluation.patches import image_patches, joined
from napari_probinst.core.evaluation.ties import expected_among_highest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.evaluation.calibration import Calibration
    from napari_probinst.core.evaluation.instance_errors import RiskCoverage
    from napari_probinst.core.evaluation.patches import Patches
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.prediction import Prediction

#: Entropy thresholds of the curves, nats: 0, 0.01, ... 0.69; no entropy exceeds ln 2 = 0.693.
THRESHOLDS = tuple(step / 100 for step in range(70))
#: Shares of all patches that are flagged: 0, 0.01, ... 1.
SHARES = tuple(step / 100 for step in range(101))
#: Entropy threshold at which the paper states its figures, nats.
PAPER_THRESHOLD = 0.05
#: Shares of flagged patches that are told in tables.
TOLD_SHARES = (0.05, 0.10, 0.20)


@dataclass(frozen=True, slots=True)
class ThresholdCurves:
    """The paper's measures over the entropy threshold t: a patch is uncertain above it.

    With n_ac, n_ic, n_au, n_iu patches that are accurate or inaccurate and certain or
    uncertain; None where a denominator is 0.

    Parameters
    ----------
    thresholds : tuple of float
        t, nats.
    p_accurate_certain : tuple of float or None
        n_ac / (n_ac + n_ic), equation 6.
    p_uncertain_inaccurate : tuple of float or None
        n_iu / (n_ic + n_iu), equation 7.
    pavpu : tuple of float or None
        (n_ac + n_iu) / all, equation 8: patch accuracy versus patch uncertainty.
    flagged : tuple of float or None
        (n_au + n_iu) / all: what has to be looked at.
    """

    thresholds: tuple[float, ...]
    p_accurate_certain: tuple[float | None, ...]
    p_uncertain_inaccurate: tuple[float | None, ...]
    pavpu: tuple[float | None, ...]
    flagged: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Detection:
    """How well a score finds inaccurate patches: the highest scores are flagged.

    At a stated share of flagged patches, which different scores can be compared at. Within a
    tie the flagged patches are drawn at random, and the expected value is told.

    Parameters
    ----------
    auroc : float or None
        Area under the receiver operating characteristic; 0.5 by chance. None unless there are
        both accurate and inaccurate patches.
    average_precision : float or None
        Of "inaccurate"; by chance the share of inaccurate patches. None as above.
    shares : tuple of float
        Shares of all patches that are flagged.
    p_uncertain_inaccurate : tuple of float or None
        Share of the inaccurate patches that are flagged, for each of ``shares``.
    p_accurate_certain : tuple of float or None
        Share of accurate patches among those that are not flagged.
    """

    auroc: float | None
    average_precision: float | None
    shares: tuple[float, ...]
    p_uncertain_inaccurate: tuple[float | None, ...]
    p_accurate_certain: tuple[float | None, ...]

    def found_at(self, share: float) -> float | None:
        """p(uncertain | inaccurate) where ``share``, one of ``shares``, is flagged."""
        return self.p_uncertain_inaccurate[self.shares.index(share)]

    def accurate_at(self, share: float) -> float | None:
        """p(accurate | certain) where ``share``, one of ``shares``, is flagged."""
        return self.p_accurate_certain[self.shares.index(share)]


@dataclass(frozen=True, slots=True)
class UncertaintyScores:
    """All scores of the uncertainty of a set of predictions.

    Parameters
    ----------
    n_patches, n_inaccurate : int
        Patches of all instances, and how many of them are inaccurate.
    curves : ThresholdCurves
        The paper's measures over the entropy threshold.
    detection : mapping of str to Detection
        ``"entropy"`` and two baselines that know no draws: ``"boundary"`` flags patches near
        the predicted boundary first, ``"random"`` any (in expectation).
    instance_errors : mapping of float to RiskCoverage
        For each IoU threshold, errors among the instances the draws agree on most.
    calibration : Calibration
        Reliability of the pixel probabilities.
    """

    n_patches: int
    n_inaccurate: int
    curves: ThresholdCurves
    detection: Mapping[str, Detection]
    instance_errors: Mapping[float, RiskCoverage]
    calibration: Calibration

    @property
    def p_accurate_certain_005(self) -> float | None:
        """p(accurate | certain) at 0.05 nats; 0.962 in the paper."""
        return self._at_paper_threshold(self.curves.p_accurate_certain)

    @property
    def p_uncertain_inaccurate_005(self) -> float | None:
        """p(uncertain | inaccurate) at 0.05 nats; 0.559 in the paper."""
        return self._at_paper_threshold(self.curves.p_uncertain_inaccurate)

    @property
    def flagged_005(self) -> float | None:
        """Share of the patches that are uncertain at 0.05 nats."""
        return self._at_paper_threshold(self.curves.flagged)

    def _at_paper_threshold(self, curve: tuple[float | None, ...]) -> float | None:
        return curve[self.curves.thresholds.index(PAPER_THRESHOLD)]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; what is undefined is null."""
        return {
            "p_accurate_certain_005": self.p_accurate_certain_005,
            "p_uncertain_inaccurate_005": self.p_uncertain_inaccurate_005,
            "flagged_005": self.flagged_005,
            "n_patches": self.n_patches,
            "n_inaccurate": self.n_inaccurate,
            "curves": {
                "threshold_nats": list(self.curves.thresholds),
                "p_accurate_certain": list(self.curves.p_accurate_certain),
                "p_uncertain_inaccurate": list(self.curves.p_uncertain_inaccurate),
                "pavpu": list(self.curves.pavpu),
                "flagged": list(self.curves.flagged),
            },
            "detection": {
                name: {
                    "auroc": each.auroc,
                    "average_precision": each.average_precision,
                    "flagged": list(each.shares),
                    "p_uncertain_inaccurate": list(each.p_uncertain_inaccurate),
                    "p_accurate_certain": list(each.p_accurate_certain),
                    "at_flagged": {
                        f"{share:.2f}": {
                            "p_uncertain_inaccurate": each.found_at(share),
                            "p_accurate_certain": each.accurate_at(share),
                        }
                        for share in TOLD_SHARES
                    },
                }
                for name, each in self.detection.items()
            },
            "instance_errors": {
                f"{threshold:.2f}": {
                    "n_instances": each.n_instances,
                    "n_errors": each.n_errors,
                    "aurc": each.aurc,
                    "aurc_random": each.aurc_random,
                    "aurc_best": each.aurc_best,
                    "coverage": list(each.coverage),
                    "risk": list(each.risk),
                }
                for threshold, each in self.instance_errors.items()
            },
            "calibration": {
                "expected_error": self.calibration.expected_error,
                "n_pixels": self.calibration.n_pixels,
                "probability": [each.probability for each in self.calibration.bins],
                "observed": [each.observed for each in self.calibration.bins],
                "pixels": [each.n_pixels for each in self.calibration.bins],
            },
        }


def score_uncertainty(pairs: Sequence[tuple[Prediction, InstanceSet]]) -> UncertaintyScores:
    """Score the uncertainty of predictions against the truth.

    Parameters
    ----------
    pairs : sequence of (Prediction, InstanceSet)
        Predictions with the true instances of the same image. Patches, instances and pixels of
        all images are pooled.

    Returns
    -------
    UncertaintyScores
        Nothing in it is drawn at random. Values that are undefined, as all are without any
        instance, are None.
    """
    patches = joined(image_patches(prediction, truth) for prediction, truth in pairs)
    inaccurate = ~patches.accurate
    return UncertaintyScores(
        n_patches=len(patches),
        n_inaccurate=int(np.count_nonzero(inaccurate)),
        curves=threshold_curves(patches),
        detection={
            "entropy": detect(patches.entropy, inaccurate),
            "boundary": detect(-patches.distance, inaccurate),
            # One tie of all patches: the expectation over all orders.
            "random": detect(np.zeros(len(patches)), inaccurate),
        },
        instance_errors=instance_errors(pairs),
        calibration=calibrate(pairs),
    )


def threshold_curves(patches: Patches, thresholds: Sequence[float] = THRESHOLDS) -> ThresholdCurves:
    """The paper's measures at each of ``thresholds``, nats."""
    n_patches = len(patches)
    certain = _at_most(patches.entropy, thresholds)
    accurate_certain = _at_most(patches.entropy[patches.accurate], thresholds)
    n_accurate = int(np.count_nonzero(patches.accurate))
    inaccurate_uncertain = (n_patches - n_accurate) - (certain - accurate_certain)
    return ThresholdCurves(
        thresholds=tuple(thresholds),
        p_accurate_certain=_shares(accurate_certain, certain),
        p_uncertain_inaccurate=_shares(inaccurate_uncertain, n_patches - n_accurate),
        pavpu=_shares(accurate_certain + inaccurate_uncertain, n_patches),
        flagged=_shares(n_patches - certain, n_patches),
    )


def detect(score: NDArray[np.float64], inaccurate: NDArray[np.bool_]) -> Detection:
    """Score how well high values find inaccurate patches.

    Parameters
    ----------
    score : ndarray of float, shape (n_patches,)
        Higher where a patch is more likely to be inaccurate.
    inaccurate : ndarray of bool, shape (n_patches,)
        Whether it is.
    """
    n_patches, n_inaccurate = len(inaccurate), int(np.count_nonzero(inaccurate))
    both = 0 < n_inaccurate < n_patches
    flagged = np.array(SHARES) * n_patches
    found = expected_among_highest(score, inaccurate, flagged)
    accurate_certain = (n_patches - flagged) - (n_inaccurate - found)
    return Detection(
        auroc=float(roc_auc_score(inaccurate, score)) if both else None,
        average_precision=float(average_precision_score(inaccurate, score)) if both else None,
        shares=SHARES,
        p_uncertain_inaccurate=_shares(found, n_inaccurate),
        p_accurate_certain=_shares(accurate_certain, n_patches - flagged),
    )


def _at_most(values: NDArray[np.float64], thresholds: Sequence[float]) -> NDArray[np.int64]:
    """How many of ``values`` do not exceed each threshold."""
    return np.asarray(np.searchsorted(np.sort(values), thresholds, side="right"))


def _shares(parts: NDArray[Any], wholes: NDArray[Any] | int) -> tuple[float | None, ...]:
    """Quotients; None where the whole is nothing."""
    parts, wholes = np.broadcast_arrays(parts, wholes)
    return tuple(
        float(part / whole) if whole > 0 else None
        for part, whole in zip(parts, wholes, strict=True)
    )
