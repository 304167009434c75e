"""Preliminary results: what the draws made so far agree on, while further ones are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.entropy import entropy_map, probability_map
from napari_probinst.core.prediction import Prediction
from napari_probinst.widgets.label_view import distinct_places, label_colours, label_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from napari.utils import DirectLabelColormap
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.instances import InstanceSet, ProbabilisticInstances

#: Of a draw's time, what a look after each draw may cost.
CHEAP = 0.1
#: Pixels of the largest image whose preliminary results are shown: their three pages of four
#: bytes a pixel are in memory twice while they change.
MOST_PIXELS = 2**25


@dataclass(frozen=True, slots=True, eq=False)
class Preliminary:
    """What some of the draws agree on, ready to be shown.

    Parameters
    ----------
    index : int
        Place of the image in the queue.
    n_draws : int
        Draws that there will be; ``instances.n_draws`` of them are done.
    instances : ProbabilisticInstances
        What the draws agree on.
    labels : ndarray of int32, shape (height, width)
        Binary instances; see `label_page`.
    colours : DirectLabelColormap
        Of the labels.
    probability, entropy : ndarray of float32, shape (height, width)
        Maps; see `probability_map` and `entropy_map`.
    """

    index: int
    n_draws: int
    instances: ProbabilisticInstances
    labels: NDArray[np.int32]
    colours: DirectLabelColormap
    probability: NDArray[np.float32]
    entropy: NDArray[np.float32]

    @classmethod
    def of(
        cls, index: int, draws: Sequence[InstanceSet], n_draws: int, settings: InferenceConfig
    ) -> Preliminary:
        """Agglomerate the draws made so far and paint their maps; meant for the worker's thread."""
        instances = agglomerate(draws)
        # The session knows which instances are large enough to be shown.
        session = CurationSession(Prediction("", instances, (), settings))
        return cls(
            index,
            n_draws,
            instances,
            label_page(session, (0, 0, *session.shape)),
            label_colours(session.instances, distinct_places(session, len(instances))),
            probability_map(instances),
            entropy_map(instances),
        )

    @property
    def words(self) -> str:
        """How many draws it is made of, e.g. "3 of 8 draws"."""
        return f"{self.instances.n_draws} of {self.n_draws} draws"


def is_worth_a_look(
    n_done: int, n_draws: int, shape: Shape, a_draw: float, a_look: float | None
) -> bool:
    """Whether a preliminary result is made after a draw.

    After draws 2, 4, 8 ... always, so that all looks together take no longer than twice the
    last; after the others where a look is cheap. The last draw is followed by the result itself.

    Parameters
    ----------
    n_done, n_draws : int
        Draws made, and to be made.
    shape : (int, int)
        Height and width of the image, pixels.
    a_draw : float
        Mean time of a draw so far, seconds.
    a_look : float or None
        Time that the look before took, seconds; None for the first one.
    """
    if not 2 <= n_done < n_draws or shape[0] * shape[1] > MOST_PIXELS:
        return False
    is_power = n_done & (n_done - 1) == 0
    return is_power or (a_look is not None and a_look <= CHEAP * a_draw)
