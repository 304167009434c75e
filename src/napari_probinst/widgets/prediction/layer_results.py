"""The results of a queue of layers in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.widgets.layers import (
    remove_layers,
    show_entropy,
    show_prediction,
    shown_of_image,
)
from napari_probinst.widgets.prediction.words import found

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Image

    from napari_probinst.core.curation.history import Step
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.prediction.events import Ended, Sharpened


class LayerResults:
    """Shows results as they come, and replaces corrected ones only where the user agrees.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    images : sequence of Image
        Layer that names and places each result, in the order of the queue.
    confirm : callable
        Asks the user a question, and returns whether the answer is yes.
    """

    def __init__(
        self, viewer: Any, images: Sequence[Image], confirm: Callable[[str], bool]
    ) -> None:
        self._viewer = viewer
        self._images = images
        self._confirm = confirm
        #: For each image the last step of the corrections that the user agreed to lose.
        self._given_up: dict[int, Step] = {}
        #: Entropy of the images whose draws are coming, and of how many draws it is.
        self._coming: dict[int, tuple[Image, int]] = {}

    def may_begin(self) -> bool:
        """Whether there is nothing to lose, or the user agrees to lose it."""
        return self._may_replace(range(len(self._images)))

    def sharpen(self, seen: Sharpened) -> None:
        """Show what the draws so far say of an image that has no result yet.

        The layer becomes part of the result, and is never taken away: deleting layers that
        were just painted ends napari on some graphics drivers
        (https://github.com/vispy/vispy/issues/1611).
        """
        image, present = self._images[seen.index], self._viewer.layers
        earlier = self._coming.get(seen.index)
        if earlier is not None and earlier[0] not in present:
            return  # the user doesn't want to see it
        if image in present and shown_of_image(self._viewer, image) is None:
            layer = show_entropy(self._viewer, seen.instances, image)
            self._coming[seen.index] = (layer, seen.instances.n_draws)

    def end(self, ended: Ended) -> str:
        """Show the result of an image, if there is one; return what is to be said about it."""
        if ended.prediction is None:
            return self._leave(ended)
        return f"{self._show(ended.index, ended.prediction)} {ended.text}".strip()

    def _leave(self, ended: Ended) -> str:
        """Name the entropy of an image whose other draws won't come."""
        layer, n_draws = self._coming.pop(ended.index, (None, 0))
        if layer is None or layer not in self._viewer.layers:
            return ended.text
        layer.name = f"{self._images[ended.index].name} | entropy of {n_draws} draws"
        return ended.text or f"Cancelled; the entropy of the first {n_draws} draws is shown."

    def _show(self, index: int, prediction: Prediction) -> str:
        image = self._images[index]
        if image not in self._viewer.layers:
            show_warning(f"'{image.name}' was removed meanwhile; its prediction is shown alone.")
        # The user may have gone on correcting meanwhile.
        if not self._may_replace([index]):
            return "The new prediction was dropped; the corrections are kept."
        earlier = shown_of_image(self._viewer, image)
        if earlier is not None:
            remove_layers(self._viewer, earlier)
        session = CurationSession(prediction)
        layer, _ = self._coming.pop(index, (None, 0))
        if layer is not None and layer not in self._viewer.layers:
            layer = None
        show_prediction(self._viewer, prediction, session, image, entropy=layer)
        return found(len(session.instances), len(prediction.peaks))

    def _may_replace(self, indices: Sequence[int]) -> bool:
        lost = {index: step for index in indices if (step := self._correction(index)) is not None}
        new = [index for index, step in lost.items() if step is not self._given_up.get(index)]
        if not new:
            return True
        names = " and ".join(f"'{self._images[index].name}'" for index in new)
        verb = "has" if len(new) == 1 else "have"
        question = (
            f"{names} {verb} corrections. Predict again? They stay on disk; the same settings "
            "take them up again."
        )
        if not self._confirm(question):
            return False
        self._given_up |= lost
        return True

    def _correction(self, index: int) -> Step | None:
        """Last correction of an image's earlier result."""
        earlier = shown_of_image(self._viewer, self._images[index])
        return None if earlier is None else earlier.session.undo_step
