"""The Predict dock: from images to instances, uncertainty and ranked peaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QHBoxLayout, QMessageBox

from napari_probinst.core.data.io import find_images
from napari_probinst.core.data.naming import plane_name
from napari_probinst.core.errors import InputError, ProbinstError
from napari_probinst.widgets.finding import image_name, shown_in_view
from napari_probinst.widgets.fold import Fold
from napari_probinst.widgets.open_dock import open_dock
from napari_probinst.widgets.prediction.channel_rows import first_layer, plane_of_image
from napari_probinst.widgets.prediction.channels import check_channels, pixel_size
from napari_probinst.widgets.prediction.events import Noted, Progress, Sharpened
from napari_probinst.widgets.prediction.folder_form import FolderForm
from napari_probinst.widgets.prediction.folder_queue import FolderQueue
from napari_probinst.widgets.prediction.layer_queue import LayerImage, LayerQueue
from napari_probinst.widgets.prediction.layer_results import LayerResults
from napari_probinst.widgets.prediction.model_form import ModelForm
from napari_probinst.widgets.prediction.run_view import RunView
from napari_probinst.widgets.prediction.selected_images import check_rivals, images_of
from napari_probinst.widgets.prediction.worker import QueueRun
from napari_probinst.widgets.scrolling_dock import ScrollingDock, button

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Image

    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.prediction.channels import ChannelSource
    from napari_probinst.widgets.prediction.events import Event, ImageQueue
    from napari_probinst.widgets.proofreading.dock import ProofreadWidget


class PredictWidget(ScrollingDock):
    """Choose a model, images and settings; run them in a thread of its own.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer that the dock belongs to.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._queue_run: QueueRun | None = None
        #: Of a queue of layers; a folder's go to files.
        self._results: LayerResults | None = None
        #: What the last queue of layers was made of.
        self._chosen: Sequence[Sequence[ChannelSource | None]] = ()
        #: Results of the folder that was predicted last.
        self._folder: Path | None = None
        #: The Proofread dock, once it was opened from here.
        self.proofread: ProofreadWidget | None = None
        #: Asks a question; tests put their own answer here.
        self.confirm = self._ask
        self._build()
        self._form.channels.changed.connect(self._show_state)
        self._form.model_chosen.connect(self._view.say)
        self._selected = napari_viewer.layers.selection.events.changed
        self._selected.connect(self._show_state)
        self._form.refresh_models()
        self._show_state()

    def _build(self) -> None:
        self._form = ModelForm(self._viewer)
        self._run = button("run", "Run", "Predict the image that is chosen above", self.run)
        self._run_selected = button(
            "run_selected",
            "Run selected",
            "Predict all images whose layers are selected in the layer list, one after the other",
            self.run_selected,
        )
        self._cancel = button(
            "cancel", "Cancel", "Stop after the tile that runs; what is done stays", self.cancel
        )
        buttons = QHBoxLayout()
        for each in (self._run, self._run_selected, self._cancel):
            buttons.addWidget(each)
        #: The folder to be predicted.
        self.folder = FolderForm(self.run_folder)
        self._view = RunView(self._cancel_one, self._rescale)
        self._proofread = button(
            "open_proofread",
            "Proofread",
            "Go through the places where the draws disagree",
            self.open_proofread,
        )
        self._proofread_folder = button(
            "open_folder",
            "Proofread the folder",
            "Go through the images of the folder that was predicted",
            self.open_folder,
        )
        self.content.addWidget(self._form)
        self.content.addLayout(buttons)
        self.content.addWidget(Fold("A folder of images", self.folder))
        self.content.addWidget(self._view)
        following = QHBoxLayout()
        following.addWidget(self._proofread)
        following.addWidget(self._proofread_folder)
        self.content.addLayout(following)

    def add_model(self, path: Path) -> None:
        """Add a model file to the list, unless it is there, and choose it."""
        self._form.add_model(path)

    def offer_model(self, path: Path) -> None:
        """Add a model file to the list, unless it is there; the chosen one stays chosen."""
        self._form.offer_model(path)

    @property
    def running(self) -> bool:
        """Whether a queue runs."""
        return self._queue_run is not None

    def _show_state(self, _event: Any = None) -> None:
        """Allow what can be done now."""
        may_run = not self.running and self._form.header is not None
        n_selected = len(self._selected_images())
        self._run.setEnabled(may_run)
        self._run_selected.setEnabled(may_run and n_selected > 1)
        self._run_selected.setText(
            f"Run {n_selected} selected" if n_selected > 1 else "Run selected"
        )
        self.folder.allow_run(may_run)
        self._cancel.setEnabled(self.running)
        self._proofread.setEnabled(self._shown() is not None)
        self._proofread_folder.setVisible(self._folder is not None and not self.running)

    # What is predicted ---------------------------------------------------------------------

    def run(self) -> None:
        """Predict the chosen image; an earlier result stays until the new one is there."""
        channels = self._form.channels
        self._run_layers(channels.planes_of(channels.chosen))

    def run_selected(self) -> None:
        """Predict the images whose layers are selected."""
        channels = self._form.channels
        try:
            check_rivals(self._selected_layers(), channels.channels)
        except ProbinstError as error:
            self._refuse(error)
            return
        planes_of = channels.planes_of
        self._run_layers([plane for image in self._selected_images() for plane in planes_of(image)])

    def run_folder(self) -> None:
        """Predict a folder to files; images that are finished there are skipped."""
        if self.running:
            return
        try:
            model, images = self._form.model, self.folder.images
            if not images.is_dir():
                raise InputError(f"{images} is no folder; choose a folder of images.")
            queue = FolderQueue(
                model=model,
                device=self._form.device,
                settings=self._form.settings,
                sources=tuple(find_images(images, self._form.channels.channels, planes=True)),
                output=self.folder.results,
            )
        except ProbinstError as error:
            self._refuse(error)
            return
        self._folder = queue.output
        self._start(queue, None)

    def _run_layers(
        self, chosen: Sequence[Sequence[ChannelSource | None]], scale: float | None = None
    ) -> None:
        """Predict images, at the scale of the form unless another one is given."""
        if self.running:
            return
        layers = [first_layer(sources) for sources in chosen]
        planes = [plane_of_image(sources) for sources in chosen]
        try:
            settings = self._form.settings
            if scale is not None:
                settings = settings.model_copy(update={"scale": scale})
            queue = LayerQueue(
                model=self._form.model,
                device=self._form.device,
                settings=settings,
                images=tuple(
                    LayerImage(_name(layer, plane), tuple(sources), pixel_size(layer))
                    for layer, plane, sources in zip(layers, planes, chosen, strict=True)
                ),
            )
            if len(chosen) == 1:
                check_channels(chosen[0], self._form.channels.channels)
        except ProbinstError as error:
            self._refuse(error)
            return
        results = LayerResults(self._viewer, chosen, self.confirm)
        if results.may_begin():
            self._chosen = chosen
            self._start(queue, results, scale)

    def _rescale(self, scale: float, places: Sequence[int]) -> None:
        """Predict some images of the last queue again, these alone at another scale."""
        self._run_layers([self._chosen[place] for place in places], scale)

    def _selected_images(self) -> list[tuple[ChannelSource | None, ...]]:
        if self._form.header is None:
            return []
        return images_of(self._selected_layers(), self._form.channels.channels)

    def _selected_layers(self) -> list[Any]:
        selected = self._viewer.layers.selection
        return [layer for layer in self._viewer.layers if layer in selected]

    def _refuse(self, error: ProbinstError) -> None:
        show_error(str(error))
        self._view.say(str(error))

    # A queue that runs ---------------------------------------------------------------------

    def _start(
        self, queue: ImageQueue, results: LayerResults | None, scale: float | None = None
    ) -> None:
        self._results = results
        self._view.begin(queue.names, scale)
        self._queue_run = QueueRun(
            queue, on_event=self._hear, on_error=self._failed, on_finished=self._finished
        )
        # A window that closes tells its docks nothing.
        self.destroyed.connect(self._queue_run.leave)
        self._queue_run.start()
        self._show_state()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Progress):
            if self._cancel.isEnabled():
                self._view.show_progress(event)
        elif isinstance(event, Noted):
            self._view.note(event)
        elif isinstance(event, Sharpened):
            if self._results is not None:
                self._results.sharpen(event)
        else:
            text = event.text if self._results is None else self._results.end(event)
            self._view.end_image(replace(event, text=text, prediction=None))

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, ProbinstError):
            self._view.fail("The prediction failed; what was done before stays.")
            raise error
        show_error(str(error))
        self._view.fail(str(error))

    def _finished(self) -> None:
        self._queue_run = None
        self._leave_results()
        self._view.finish()
        self._show_state()

    def _leave_results(self) -> None:
        if self._results is not None:
            self._results.close()
            self._results = None

    def cancel(self) -> None:
        """Stop after the tile that is running; images that are done stay."""
        if self._queue_run is not None:
            self._queue_run.cancel_all()
            self._cancel.setEnabled(False)
            self._view.say("Cancelling…")

    def _cancel_one(self, index: int) -> None:
        if self._queue_run is not None:
            self._queue_run.cancel(index)

    # What comes next -----------------------------------------------------------------------

    def open_proofread(self) -> None:
        """Open the Proofread dock on the chosen image's prediction.

        Of a stack it may be at another plane: where its review was left.
        """
        shown = self._shown()
        dock = self._open_dock()
        if shown is not None and (dock.shown is None or dock.shown.image is not shown.image):
            dock.choose(shown)

    def _shown(self) -> ShownPrediction | None:
        """Prediction of the chosen image: of the plane in view, or of any of its planes."""
        image = self._form.channels.image
        return None if image is None else shown_in_view(self._viewer, image)

    def open_folder(self) -> None:
        """Open the Proofread dock on the folder that was predicted last."""
        if self._folder is not None:
            self._open_dock().open(self._folder)

    def _open_dock(self) -> ProofreadWidget:
        from napari_probinst.widgets.proofreading.dock import ProofreadWidget

        self.proofread = open_dock(self._viewer, "Proofread", ProofreadWidget)
        return self.proofread

    def _ask(self, question: str) -> bool:
        answer = QMessageBox.question(self, "Predict", question)
        return bool(answer == QMessageBox.StandardButton.Yes)

    def on_close(self) -> None:
        """Stop a queue that runs, and stop watching the layers."""
        if self._queue_run is not None:
            self._queue_run.leave()
            self._queue_run = None
        self._leave_results()
        self._view.close_activity()
        self._form.channels.stop_watching()
        self._selected.disconnect(self._show_state)


def _name(layer: Image | None, plane: Sequence[int]) -> str:
    return "image" if layer is None else plane_name(image_name(layer), plane)
