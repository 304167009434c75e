"""The predicted planes of an image as one queue: those of a stack (time, z), or the only one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info

from napari_probinst.core.curation.folder_place import PLACE_NAME, FolderPlace
from napari_probinst.core.curation.image_review import ImageReview
from napari_probinst.core.curation.journal import prediction_checksum
from napari_probinst.core.data.atomic import make_folder
from napari_probinst.core.errors import OutputError
from napari_probinst.widgets.finding import image_name, shown_predictions
from napari_probinst.widgets.layers import plane_title
from napari_probinst.widgets.proofreading.session_place import file_name, user_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_probinst.core.curation.folder_review import FolderReview
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.desk import Desk


def predicted_planes(viewer: Any, shown: ShownPrediction) -> tuple[ShownPrediction, ...]:
    """Predictions of all planes of the stack that one is of, by their planes.

    Of a plain image that one alone. Of two predictions of one plane ``shown`` is taken, else the
    first one.
    """
    if not shown.plane:
        return (shown,)
    present = [each for each in shown_predictions(viewer) if each.image is shown.image]
    planes = {each.plane: each for each in (*reversed(present), shown)}
    return tuple(planes[plane] for plane in sorted(planes))


class ImagePlanes:
    """Leads from plane to plane; all of them stay in the viewer, and their sessions open.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are.
    desk : Desk
        Puts them on the bench.
    shown : ShownPrediction
        Prediction of one of them.

    Attributes
    ----------
    named : dict of str to ShownPrediction
        The planes in their order, by their titles.
    """

    def __init__(self, viewer: Any, desk: Desk, shown: ShownPrediction) -> None:
        self._viewer = viewer
        self._desk = desk
        self.named = {title_of(each): each for each in predicted_planes(viewer, shown)}

    @property
    def folder(self) -> None:
        """No folder: all planes are in the viewer."""

    @property
    def is_listed(self) -> bool:
        """Whether it is a stack."""
        return len(self.named) > 1

    @property
    def planes(self) -> tuple[ShownPrediction, ...]:
        """The predictions, by their planes."""
        return tuple(self.named.values())

    def reviews(self) -> list[ImageReview]:
        """How far each plane is; corrections on the disk are taken up first."""
        resumed = sum(self._desk.keep(each) for each in self.planes)
        if resumed:
            show_info(f"Corrections of {resumed} more plane{'s' * (resumed > 1)} taken up again.")
        # By the names that they have among the planes of a stack: others may come.
        return [
            replace(ImageReview.of(each.session), name=name) for name, each in self.named.items()
        ]

    def has_changed(self, shown: ShownPrediction) -> bool:
        """Whether planes came or went."""
        return predicted_planes(self._viewer, shown) != self.planes

    def note(self, review: FolderReview, row: int) -> None:
        """Note the place, so that the stack can be opened there again."""
        if not self.is_listed:
            return  # the session knows its place
        index, peak = review.place(row)
        name = review.images[index].name
        checksum = prediction_checksum(self.named[name].prediction)
        # The user's own folder, as looking around leaves nothing beside the image. Where it
        # can't be written, the stack is opened where something was corrected last.
        with suppress(OutputError):
            make_folder(user_folder())
            place = FolderPlace(name, peak, review.order, prediction=checksum)
            place.write(user_folder(), self._place_name)

    def left(self) -> FolderPlace | None:
        """Place that was noted last, maybe on a plane that isn't here; None of other stacks."""
        place = FolderPlace.read(user_folder(), self._place_name)
        shown = None if place is None else self.named.get(place.image)
        if place is None or shown is None:
            return place
        return place if prediction_checksum(shown.prediction) == place.prediction else None

    @property
    def _place_name(self) -> str:
        image = self.planes[0].image
        return f"{file_name('' if image is None else image_name(image))}.{PLACE_NAME}"

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


def title_of(shown: ShownPrediction) -> str:
    """What a prediction is called in lists: by its image, and the plane of it."""
    return shown.title if shown.image is None else plane_title(shown.image, shown.plane)
