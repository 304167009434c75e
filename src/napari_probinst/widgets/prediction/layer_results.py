"""The results of a queue of layers in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.widgets.finding import shown_of_image
from napari_probinst.widgets.layers import plane_title, remove_layers, show_entropy, show_prediction
from napari_probinst.widgets.prediction.words import found

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Image

    from napari_probinst.core.curation.history import Step
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.prediction.channels import ChannelSource
    from napari_probinst.widgets.prediction.events import Ended, Sharpened


class LayerResults:
    """Shows results as they come, and replaces corrected ones only where the user agrees.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    sources : sequence of ChannelSource
        What names and places each result, in the order of the queue: a layer, or one plane of it.
    confirm : callable
        Asks the user a question, and returns whether the answer is yes.
    """

    def __init__(
        self, viewer: Any, sources: Sequence[ChannelSource], confirm: Callable[[str], bool]
    ) -> None:
        self._viewer = viewer
        self._sources = sources
        self._confirm = confirm
        #: For each image the last step of the corrections that the user agreed to lose.
        self._given_up: dict[int, Step] = {}
        #: Entropy of the images whose draws are coming, and of how many draws it is.
        self._coming: dict[int, tuple[Image, int]] = {}

    def may_begin(self) -> bool:
        """Whether there is nothing to lose, or the user agrees to lose it."""
        return self._may_replace(range(len(self._sources)))

    def sharpen(self, seen: Sharpened) -> None:
        """Show what the draws so far say of an image that has no result yet.

        The layer becomes part of the result, and is never taken away: deleting layers that
        were just painted ends napari on some graphics drivers
        (https://github.com/vispy/vispy/issues/1611).
        """
        source, present = self._sources[seen.index], self._viewer.layers
        earlier = self._coming.get(seen.index)
        if earlier is not None and earlier[0] not in present:
            return  # the user doesn't want to see it
        # Other planes of a stack would be covered.
        if source.layer in present and not source.plane and self._earlier(seen.index) is None:
            layer = show_entropy(self._viewer, seen.instances, source.layer)
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
        layer.name = f"{self._sources[ended.index].layer.name} | entropy of {n_draws} draws"
        return ended.text or f"Cancelled; the entropy of the first {n_draws} draws is shown."

    def _show(self, index: int, prediction: Prediction) -> str:
        source = self._sources[index]
        image = source.layer
        if image not in self._viewer.layers:
            show_warning(f"'{image.name}' was removed meanwhile; its prediction is shown alone.")
        # The user may have gone on correcting meanwhile.
        if not self._may_replace([index]):
            return "The new prediction was dropped; the corrections are kept."
        earlier = self._earlier(index)
        if earlier is not None:
            remove_layers(self._viewer, earlier)
        session = CurationSession(prediction)
        layer, _ = self._coming.pop(index, (None, 0))
        if layer is not None and layer not in self._viewer.layers:
            layer = None
        show_prediction(
            self._viewer,
            prediction,
            session,
            image,
            entropy=layer,
            plane=source.plane,
            axes=source.leading_axes,
        )
        return found(len(session.instances), len(prediction.peaks))

    def _may_replace(self, indices: Sequence[int]) -> bool:
        lost = {index: step for index in indices if (step := self._correction(index)) is not None}
        new = [index for index, step in lost.items() if step is not self._given_up.get(index)]
        if not new:
            return True
        names = " and ".join(f"'{self._title(index)}'" for index in new)
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
        earlier = self._earlier(index)
        return None if earlier is None else earlier.session.undo_step

    def _earlier(self, index: int) -> ShownPrediction | None:
        source = self._sources[index]
        return shown_of_image(self._viewer, source.layer, source.plane)

    def _title(self, index: int) -> str:
        source = self._sources[index]
        return plane_title(source.layer, source.plane)
