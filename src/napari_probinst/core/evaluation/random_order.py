"""What a curator who looks at instances in random order can expect after so many stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.evaluation.correction import Case, untouched, visit
from napari_probinst.core.evaluation.live import LiveScores
from napari_probinst.core.evaluation.orders import at_random
from napari_probinst.core.evaluation.simulate import N_RANDOM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.evaluation.correction import Corrected, Stop
    from napari_probinst.core.instances import Instance, InstanceSet
    from napari_probinst.core.prediction import Prediction


def random_review(
    prediction: Prediction, truth: InstanceSet, n_stops: int, seed: int = 0
) -> tuple[float, ...]:
    """DSB of one image after 0, 1, ... ``n_stops`` stops in random order, each corrected perfectly.

    The same as the order "random" of `simulate`: the mean of `N_RANDOM` orders, in which a stop
    swaps an instance for its truth and adds the missed ones around it (`correction`).

    Parameters
    ----------
    prediction : Prediction
        What was predicted.
    truth : InstanceSet
        True instances of the same image.
    n_stops : int
        At least 0. An order that has come to its end stays as it is.
    seed : int, default 0
        Of the orders.
    """
    case = Case.create(prediction, truth)
    generator = np.random.default_rng(seed)
    curves = [_curve(case, at_random([case], generator), n_stops) for _ in range(N_RANDOM)]
    return tuple(np.mean(curves, axis=0).tolist())


def _curve(case: Case, stops: Sequence[Stop], n_stops: int) -> list[float]:
    state = untouched(case)
    live = LiveScores(case.truth, _instances(case, state))
    curve = [live.score.dsb]
    for stop in stops[:n_stops]:
        before, state = state, visit(case, state, stop)
        gone: dict[int, Instance | None] = dict.fromkeys(before.kept - state.kept)
        placed = {
            len(case.binary) + index: case.truth.instances[index]
            for index in state.placed - before.placed
        }
        curve.append(live.update(gone | placed).dsb)
    return curve + curve[-1:] * (n_stops + 1 - len(curve))


def _instances(case: Case, state: Corrected) -> dict[int, Instance]:
    """Predicted instances by their index; those of the truth come after them."""
    return {index: case.binary.instances[index] for index in state.kept}
