"""The predicted planes of a stack (time, z) as the images of one queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info

from napari_probinst.core.curation.image_review import ImageReview
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.layers import plane_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.desk import Desk


def planes_of_stack(viewer: Any, shown: ShownPrediction) -> tuple[ShownPrediction, ...]:
    """Predictions of all planes of the stack that one is of, by their planes.

    Empty where it is of a plain image, or the only one of its stack. Of two predictions of one
    plane ``shown`` is taken, else the first one.
    """
    if not shown.plane:
        return ()
    present = [each for each in shown_predictions(viewer) if each.image is shown.image]
    planes = {each.plane: each for each in (*reversed(present), shown)}
    return tuple(planes[plane] for plane in sorted(planes)) if len(planes) > 1 else ()


class StackPlanes:
    """Leads from plane to plane; all of them stay in the viewer, and their sessions open.

    Parameters
    ----------
    desk : Desk
        Puts them on the bench.
    planes : sequence of ShownPrediction
        Predictions of planes of one stack.

    Attributes
    ----------
    named : dict of str to ShownPrediction
        The planes in their order, by their titles.
    """

    def __init__(self, desk: Desk, planes: Sequence[ShownPrediction]) -> None:
        self._desk = desk
        self.named = {plane_title(each.image, each.plane): each for each in planes}

    @property
    def planes(self) -> tuple[ShownPrediction, ...]:
        """The predictions, by their planes."""
        return tuple(self.named.values())

    def reviews(self) -> list[ImageReview]:
        """How far each plane is; corrections on the disk are taken up first."""
        resumed = sum(self._desk.keep(each) for each in self.planes)
        if resumed:
            show_info(f"Corrections of {resumed} more plane{'s' * (resumed > 1)} taken up again.")
        return [
            replace(ImageReview.of(each.session), name=name) for name, each in self.named.items()
        ]

    def missing(self, _names: Iterable[str]) -> tuple[str, ...]:
        """Names of planes without an image: none, as the stack is in the viewer."""
        return ()

    def name_of(self, shown: ShownPrediction | None) -> str | None:
        """Name of the plane that a prediction is of; None for any other prediction."""
        return next((name for name, each in self.named.items() if each is shown), None)

    def show(self, image: ImageReview) -> bool:
        """Work on a plane, and move the sliders there; False if the present one can't be left."""
        if not self._desk.free():
            return False
        self._desk.choose(self.named[image.name])
        return True
