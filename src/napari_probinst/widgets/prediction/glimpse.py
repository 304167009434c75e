"""What the first draws of an image say, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.prediction import Prediction
from napari_probinst.widgets.label_view import PALETTE, distinct_places, label_colours
from napari_probinst.widgets.result_layers import entropy_data, instances_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari.utils import DirectLabelColormap
    from numpy.typing import NDArray

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.instances import InstanceSet, ProbabilisticInstances
    from napari_probinst.widgets.pages import PageLevel


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """The instances and the entropy of the draws so far, as the data of layers.

    Parameters
    ----------
    session : CurationSession
        The instances that a prediction of these draws alone would export.
    entropy, labels : ndarray or list of PageLevel
        Data of the layers of the entropy and of the instances.
    places : mapping of int to int
        Place of instances in the palette; see `distinct_places`.
    colours : DirectLabelColormap
        Colours of the instances.
    """

    session: CurationSession
    entropy: NDArray[Any] | list[PageLevel]
    labels: NDArray[Any] | list[PageLevel]
    places: Mapping[int, int]
    colours: DirectLabelColormap

    @classmethod
    def of(
        cls, draws: Sequence[InstanceSet], settings: InferenceConfig, before: Glimpse | None = None
    ) -> Glimpse:
        """Look at draws, in any thread: in that of the windows it would hold them up.

        Parameters
        ----------
        draws : sequence of InstanceSet
            The draws so far, one at least.
        settings : InferenceConfig
            Says which instances are exported.
        before : Glimpse, optional
            At the first ones of these draws: instances keep its colours.
        """
        seen = agglomerate(draws)
        session = CurationSession(Prediction("draws", seen, (), settings))
        kept = {} if before is None else before.places_in(seen)
        places = distinct_places(session, len(seen), kept)
        return cls(
            session,
            entropy_data(seen),
            instances_data(session),
            places,
            label_colours(session.instances, places),
        )

    @property
    def instances(self) -> ProbabilisticInstances:
        """What the draws agree on."""
        return self.session.prediction.instances

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.instances.n_draws

    @property
    def n_found(self) -> int:
        """Number of instances."""
        return len(self.session.instances)

    def places_in(self, later: ProbabilisticInstances) -> dict[int, int]:
        """Places in the palette that instances of these draws and others have here, by their id.

        Agglomeration numbers instances anew. The same one is that with the same instance of a
        draw.
        """
        had = {
            match: self.places.get(identifier, identifier % len(PALETTE))
            for identifier, instance in enumerate(self.instances.instances, start=1)
            for match in enumerate(instance.matches)
            if match[1] is not None
        }
        found = {
            identifier: next(
                (had[match] for match in enumerate(instance.matches) if match in had), None
            )
            for identifier, instance in enumerate(later.instances, start=1)
        }
        return {identifier: place for identifier, place in found.items() if place is not None}
