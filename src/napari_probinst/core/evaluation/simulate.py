"""Simulated proofreading: what corrections gain in one order and another (section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.evaluation.average_precision import NOTHING, THRESHOLDS, mean_dsb
from napari_probinst.core.evaluation.correction import Case, hits, untouched, visit
from napari_probinst.core.evaluation.orders import (
    ORACLES,
    ORDERS,
    at_random,
    by_boundary,
    by_confidence,
    by_entropy_mass,
    by_gain,
    by_patch_peaks,
    by_ranking,
    by_size,
    by_truth,
)
from napari_probinst.core.inference.ranking import DEFAULT_RANKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_probinst.core.evaluation.average_precision import Counts
    from napari_probinst.core.evaluation.correction import Stop
    from napari_probinst.core.inference.ranking import Ranking
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.prediction import Prediction

#: Columns of the paper's table 2, and the DSB of all images together.
SCORES = ("precision", "precision50", "precision75", "recall80", "dsb_image", "dsb_global")
#: Numbers of corrections in the paper's table 2.
CORRECTIONS = (0, 5, 10, 15, 20)
#: What gains are told of.
GAIN = "dsb_image"
#: What is equal where orders are compared.
AXES = ("stops", "corrected")
N_RANDOM = 20

Scores = dict[str, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Scores of all images after so much work, in one order.

    Parameters
    ----------
    by_stops : tuple of dict
        `SCORES` after 0, 1, 2, ... stops. An order that has come to its end stays as it is.
    by_corrected : tuple of dict
        `SCORES` with at most 0, 1, 2, ... instances corrected: before the first stop that would
        correct more in all.
    corrected : tuple of float
        Instances corrected after 0, 1, 2, ... stops.
    """

    by_stops: tuple[Scores, ...]
    by_corrected: tuple[Scores, ...]
    corrected: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """Curves of all orders.

    Parameters
    ----------
    images : tuple of str
        Names.
    n_predicted, n_true : int
        Instances of all images.
    ranking : str
        What "ours" is ranked by.
    corrections : tuple of int
        Numbers of stops, and of corrected instances, that tables tell.
    curves : mapping of str to Curve
        By the names of `ORDERS`, up to the largest of ``corrections``.
    """

    images: tuple[str, ...]
    n_predicted: int
    n_true: int
    ranking: str
    corrections: tuple[int, ...]
    curves: Mapping[str, Curve]

    def scores(self, order: str, axis: str) -> tuple[Scores, ...]:
        """Scores of an order over ``axis``, one of `AXES`."""
        curve = self.curves[order]
        return curve.by_stops if axis == "stops" else curve.by_corrected

    def gain(self, order: str, axis: str, number: int) -> float:
        """What ``number`` stops or corrected instances add to the DSB averaged over images."""
        scores = self.scores(order, axis)
        return scores[number][GAIN] - scores[0][GAIN]

    def share(self, order: str, axis: str, number: int, oracle: str = "oracle") -> float | None:
        """Gain as a share of an oracle's with ``number`` corrected instances.

        Over 1 where stops correct more instances than one, or where the oracle, which goes by
        IoU, is no optimum. None where the oracle gains nothing.
        """
        best = self.gain(oracle, "corrected", number)
        return self.gain(order, axis, number) / best if best > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "images": list(self.images),
            "n_predicted": self.n_predicted,
            "n_true": self.n_true,
            "ranking": self.ranking,
            "corrections": list(self.corrections),
            "orders": {name: self._order(name) for name in self.curves},
        }

    def _order(self, name: str) -> dict[str, Any]:
        curve = self.curves[name]
        return {
            "description": ORDERS[name],
            "table": {
                axis: [
                    {
                        axis: number,
                        **self.scores(name, axis)[number],
                        "gain": self.gain(name, axis, number),
                        **{
                            f"share_of_{oracle.replace(' ', '_')}": self.share(
                                name, axis, number, oracle
                            )
                            for oracle in ORACLES
                        },
                    }
                    for number in self.corrections
                ]
                for axis in AXES
            },
            "dsb_image_by_stops": [scores[GAIN] for scores in curve.by_stops],
            "dsb_image_by_corrected": [scores[GAIN] for scores in curve.by_corrected],
            "corrected_by_stops": list(curve.corrected),
        }


def simulate(
    pairs: Sequence[tuple[Prediction, InstanceSet]],
    corrections: Sequence[int] = CORRECTIONS,
    ranking: Ranking = DEFAULT_RANKING,
    seed: int = 0,
) -> Simulation:
    """Correct predictions by the truth, in all `ORDERS`.

    Parameters
    ----------
    pairs : sequence of (Prediction, InstanceSet)
        Predictions with the true instances of the same image, at least one; each name once.
    corrections : sequence of int, default (0, 5, 10, 15, 20)
        Numbers of stops, and of corrected instances, that tables tell, at least 0.
    ranking : {"mass", "entropy"}, default "mass"
        What "ours" is ranked by.
    seed : int, default 0
        Of the random order.

    Returns
    -------
    Simulation
    """
    cases = [Case.create(prediction, truth) for prediction, truth in pairs]
    length = max(corrections, default=0)
    replay = _Replay(cases, length)
    generator = np.random.default_rng(seed)
    orders = {
        "ours": by_ranking(cases, ranking),
        "paper": by_patch_peaks(cases),
        "entropy mass": by_entropy_mass(cases),
        "confidence": by_confidence(cases),
        "boundary": by_boundary(cases),
        "largest": by_size(cases),
        "oracle": by_truth(cases),
        "greedy oracle": by_gain(cases, length),
    }
    curves = {name: replay.curve(stops) for name, stops in orders.items()}
    curves["random"] = _mean([replay.curve(at_random(cases, generator)) for _ in range(N_RANDOM)])
    return Simulation(
        images=tuple(case.prediction.name for case in cases),
        n_predicted=sum(len(case.shown) for case in cases),
        n_true=sum(int(np.count_nonzero(case.truth.areas())) for case in cases),
        ranking=ranking,
        corrections=tuple(corrections),
        curves={name: curves[name] for name in ORDERS},
    )


class _Replay:
    """Goes through orders from the same start, up to ``length`` stops and corrections."""

    def __init__(self, cases: Sequence[Case], length: int) -> None:
        self._cases = cases
        self._length = length
        self._start = [untouched(case) for case in cases]
        self._hits = [hits(case, state) for case, state in zip(cases, self._start, strict=True)]

    def curve(self, stops: Sequence[Stop]) -> Curve:
        """Scores along an order."""
        states, images = list(self._start), list(self._hits)
        scores, corrected = [_scores(images)], [0]
        for stop in stops:
            if len(scores) > self._length and corrected[-1] > self._length:
                break
            case, before = self._cases[stop.image], states[stop.image]
            after = visit(case, before, stop)
            if after is before:
                scores.append(scores[-1])
            else:
                states[stop.image], images[stop.image] = after, hits(case, after)
                scores.append(_scores(images))
            corrected.append(corrected[-1] + after.n_corrected - before.n_corrected)
        numbers = np.arange(self._length + 1)
        within = np.searchsorted(corrected, numbers, side="right") - 1
        reached = np.minimum(numbers, len(scores) - 1)
        return Curve(
            by_stops=tuple(scores[index] for index in reached),
            by_corrected=tuple(scores[index] for index in within),
            corrected=tuple(float(corrected[index]) for index in reached),
        )


def _scores(images: Sequence[dict[float, Counts]]) -> Scores:
    total = {each: sum((image[each] for image in images), NOTHING) for each in THRESHOLDS}
    return {
        "precision": float(np.mean([counts.precision for counts in total.values()])),
        "precision50": total[0.5].precision,
        "precision75": total[0.75].precision,
        "recall80": total[0.8].recall,
        "dsb_image": mean_dsb(images),
        "dsb_global": float(np.mean([counts.dsb for counts in total.values()])),
    }


def _mean(curves: Sequence[Curve]) -> Curve:
    """Mean of several curves, point by point."""

    def averaged(points: Sequence[Scores]) -> Scores:
        return {name: float(np.mean([point[name] for point in points])) for name in SCORES}

    return Curve(
        tuple(averaged(points) for points in zip(*(c.by_stops for c in curves), strict=True)),
        tuple(averaged(points) for points in zip(*(c.by_corrected for c in curves), strict=True)),
        tuple(float(np.mean(each)) for each in zip(*(c.corrected for c in curves), strict=True)),
    )
