"""One image of a folder at a time in the viewer: shown when its turn comes, removed afterwards."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils.notifications import show_warning

from napari_probinst.core.curation.image_files import files_of, find_image_files
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.finding import METADATA_KEY, image_name, is_result
from napari_probinst.widgets.layer_removal import one_removal
from napari_probinst.widgets.layers import add_layers
from napari_probinst.widgets.proofreading.files import open_path
from napari_probinst.widgets.proofreading.image_layers import read_layers, wrong_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from napari.layers import Layer

    from napari_probinst.core.curation.image_review import ImageReview
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.desk import Desk

#: Our mark in the metadata of layers that were read from files here, and are removed again.
_READ = "read for review"


class FolderImages:
    """Opens the images of a folder in a viewer, one at a time.

    An image that is in the viewer already is used, and hidden when another one's turn comes;
    else its file is read from one of the folders, and its layers are removed again.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    desk : Desk
        Puts them on the bench.
    folders : sequence of Path
        Where the images' files are looked for: beside the predictions, and so on.
    """

    def __init__(self, viewer: Any, desk: Desk, folders: Iterable[Path]) -> None:
        self._viewer = viewer
        self._desk = desk
        self._files: Mapping[str, tuple[Path, ...]] = find_image_files(folders)
        #: Predictions whose session is open, by the names of their images: the one that is
        #: worked on, and those whose corrections couldn't be written.
        self._open: dict[str, ShownPrediction] = {}

    def look_in(self, folders: Iterable[Path]) -> None:
        """Look for the images' files in other folders from now on."""
        self._files = find_image_files(folders)

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Names of images that are neither in the viewer nor in the folders."""
        here = {name for layer in self._viewer.layers for name in (layer.name, image_name(layer))}
        return tuple(
            name for name in names if name not in here and not files_of(name, self._files).paths
        )

    def name_of(self, shown: ShownPrediction | None) -> str | None:
        """Name of the image that a prediction was opened for; None for any other prediction."""
        return next((name for name, other in self._open.items() if other is shown), None)

    def show(self, image: ImageReview) -> bool:
        """Work on an image; the ones before are removed, their sessions closed.

        Returns
        -------
        bool
            False if the image that is worked on can't be left now.

        Raises
        ------
        ProbinstError
            If it can't be used: then everything stays as it is.
        """
        if not self._desk.free():
            return False
        shown = self._open.get(image.name) or self._present(image)
        with self._desk.switching():
            if shown is None:
                shown = self._load(image)
            else:
                self._bring_back(image.name, shown)
        self._open[image.name] = shown
        self._desk.choose(shown)
        self.leave_others()
        return True

    def leave_others(self) -> None:
        """Remove all images but the one that is worked on."""
        with one_removal(self._viewer):
            for name, shown in tuple(self._open.items()):
                if shown is not self._desk.shown:
                    self._retire(name)

    def _present(self, image: ImageReview) -> ShownPrediction | None:
        """Prediction that was opened from the same file before the folder was."""
        if image.path is None:
            return None
        for shown in self._desk.choices:
            kept = None if shown.kept is None else shown.kept.path
            same_file = shown.folder == image.path.parent and shown.prediction.name == image.name
            if kept == image.path or (same_file and shown.prediction.peaks == image.peaks):
                return shown
        return None

    def _load(self, image: ImageReview) -> ShownPrediction:
        if image.path is None:
            raise InputError(f"{image.name} has no file: predict it again.")
        layers = self._add_image(image.name)
        with ExitStack() as undo:
            undo.callback(self._remove, layers)
            shown = open_path(self._viewer, image.path, self._desk.choices, guess_image=False)
            undo.pop_all()
        if layers and shown.image is None:
            self._remove(layers)
            show_warning(wrong_size(files_of(image.name, self._files)))
        return shown

    def _add_image(self, name: str) -> list[Layer]:
        """Add an image's channels, unless it is there; the first one is its image."""
        own = [layer for layer in self._viewer.layers if _is_image_of(layer, name)]
        for layer in own:
            layer.visible = True
        files = files_of(name, self._files)
        if own or not files.paths:
            return []
        try:
            layers = read_layers(name, files)
        except InputError as error:
            show_warning(f"The image of {name} is not shown. {error}")
            return []
        for layer in layers:
            layer.metadata[METADATA_KEY][_READ] = True
            self._viewer.add_layer(layer)
        return [*layers]

    def _bring_back(self, name: str, shown: ShownPrediction) -> None:
        """Show again what was hidden because its corrections couldn't be written."""
        if shown is not self._desk.shown:
            add_layers(self._viewer, shown)
            for layer in (shown.instances, shown.entropy, shown.peaks):
                layer.visible = True
        for layer in self._viewer.layers:
            if _is_image_of(layer, name):
                layer.visible = True

    def _retire(self, name: str) -> None:
        retired = self._desk.retire(self._open[name])
        if retired:
            del self._open[name]
        own = [layer for layer in self._viewer.layers if _is_image_of(layer, name)]
        read = [layer for layer in own if retired and _READ in layer.metadata.get(METADATA_KEY, {})]
        self._remove(read)
        self._desk.alone.forget(own)
        for layer in own:
            layer.visible = False

    def _remove(self, layers: Iterable[Layer]) -> None:
        with self._desk.switching():
            for layer in layers:
                if layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)


def _is_image_of(layer: Layer, name: str) -> bool:
    ours = isinstance(layer, Image) and not is_result(layer)
    return ours and name in (layer.name, image_name(layer))
