"""The results of a queue of layers in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.inference.jitter import count_jitter
from napari_probinst.widgets.finding import shown_of_image
from napari_probinst.widgets.layers import plane_title, remove_layers, show_prediction
from napari_probinst.widgets.prediction.coming_result import ComingResult
from napari_probinst.widgets.prediction.queue_places import QueuePlaces
from napari_probinst.widgets.prediction.words import found
from napari_probinst.widgets.result_layers import Begun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_probinst.core.curation.history import Step
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.prediction.channels import ChannelSource
    from napari_probinst.widgets.prediction.events import Ended, Sharpened


class LayerResults:
    """Shows results as they come, and replaces corrected ones only where the user agrees.

    Corrections that can't be written are never replaced: they would be gone.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    images : sequence of sequence of ChannelSource or None
        The channels of each image in the order of the queue: layers, or one plane of each. The
        first one names and places the result.
    confirm : callable
        Asks the user a question, and returns whether the answer is yes.
    """

    def __init__(
        self,
        viewer: Any,
        images: Sequence[Sequence[ChannelSource | None]],
        confirm: Callable[[str], bool],
    ) -> None:
        self._viewer = viewer
        given = [[source for source in image if source is not None] for image in images]
        self._sources = [sources[0] for sources in given]
        self._places = QueuePlaces(viewer, [{each.layer for each in image} for image in given])
        self._confirm = confirm
        #: For each image the last step of the corrections that the user agreed to lose.
        self._given_up: dict[int, Step] = {}
        #: Of the images whose draws are coming.
        self._coming: dict[int, ComingResult] = {}

    def may_begin(self) -> bool:
        """Whether there is nothing to lose, or the user agrees to lose it."""
        return self._may_replace(range(len(self._sources)))

    def sharpen(self, event: Sharpened) -> None:
        """Show what the draws so far say of an image."""
        index, seen = event.index, event.seen
        source, coming = self._sources[index], self._coming.get(index)
        if coming is not None:
            coming.show(seen)
        elif source.layer in self._viewer.layers:
            earlier = self._earlier(index)
            coming = ComingResult(self._viewer, source, earlier, seen)
            self._coming[index] = coming
            self._places.show(index, coming.layers)

    def end(self, ended: Ended) -> str:
        """Show the result of an image, if there is one; return what is to be said about it."""
        if ended.prediction is None:
            left = self._leave(ended.index)
            return ended.text or left
        return self._show(ended.index, ended.prediction, ended.text)

    def close(self) -> None:
        """Leave the images that nothing more will come of."""
        for index in tuple(self._coming):
            self._leave(index)
        self._places.close()

    def _leave(self, index: int) -> str:
        """Leave an image whose other draws won't come; return what is to be said about it."""
        coming = self._coming.pop(index, None)
        return "" if coming is None else coming.leave()

    def _show(self, index: int, prediction: Prediction, more: str) -> str:
        source = self._sources[index]
        image = source.layer
        if image not in self._viewer.layers:
            show_warning(f"'{image.name}' was removed meanwhile; its prediction is shown alone.")
        # The user may have gone on correcting meanwhile.
        if not self._may_replace([index]):
            self._leave(index)
            return "The new prediction was dropped; the corrections are kept."
        coming = self._coming.pop(index, None)
        begun = Begun() if coming is None else coming.hand_over(prediction)
        earlier = self._earlier(index)
        if earlier is not None:
            remove_layers(self._viewer, earlier, but=(begun.entropy, begun.instances))
        session = CurationSession(prediction)
        shown = show_prediction(
            self._viewer,
            prediction,
            session,
            image,
            begun=begun,
            plane=source.plane,
            axes=source.leading_axes,
        )
        self._places.show(index, shown.layers)
        peaks = prediction.peaks
        n_jitter = count_jitter(peaks, prediction.settings.patch)
        return found(len(session.instances), len(peaks), n_jitter, more)

    def _may_replace(self, indices: Sequence[int]) -> bool:
        earlier = {index: shown for index in indices if (shown := self._earlier(index)) is not None}
        waiting = [
            index
            for index, shown in earlier.items()
            if shown.kept is not None and not shown.kept.write()
        ]
        if waiting:
            show_warning(
                f"Corrections of {self._titles(waiting)} are not on disk and would be lost: "
                "save the results in Proofread, to another folder."
            )
            return False
        lost = {
            index: step
            for index, shown in earlier.items()
            if (step := shown.session.undo_step) is not None
        }
        new = [index for index, step in lost.items() if step is not self._given_up.get(index)]
        if not new:
            return True
        verb = "has" if len(new) == 1 else "have"
        if all(earlier[index].kept is not None for index in new):
            future = "They stay on disk; the same settings take them up again."
        else:
            # Made without the dock that writes them.
            future = "They are not on disk, and would be lost."
        question = f"{self._titles(new)} {verb} corrections. Predict again? {future}"
        if not self._confirm(question):
            return False
        self._given_up |= lost
        return True

    def _earlier(self, index: int) -> ShownPrediction | None:
        source = self._sources[index]
        return shown_of_image(self._viewer, source.layer, source.plane)

    def _titles(self, indices: Sequence[int]) -> str:
        sources = [self._sources[index] for index in indices]
        return " and ".join(f"'{plane_title(each.layer, each.plane)}'" for each in sources)
