"""Opening predictions and sessions and saving results, as the Proofread dock does it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtWidgets import QFileDialog

from napari_probinst.core.curation.corrected import save_corrected
from napari_probinst.core.curation.image_files import files_of, find_image_files
from napari_probinst.core.curation.journal import prediction_checksum
from napari_probinst.core.curation.manifest import MANIFEST, SESSION_SUFFIX, read_manifest
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.curation.session_place import SessionPlace
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.image_folders import recorded_image_folders
from napari_probinst.core.data.naming import PREDICTION_SUFFIX
from napari_probinst.core.data.prediction_file import load_prediction, save_prediction
from napari_probinst.core.errors import InputError, OutputError, ProbinstError
from napari_probinst.widgets.finding import image_name, is_result, same_prediction
from napari_probinst.widgets.image_axes import named_plane, plane_axes
from napari_probinst.widgets.layers import ShownPrediction, remove_layers, show_prediction
from napari_probinst.widgets.pages import page_of
from napari_probinst.widgets.proofreading.image_check import AT_ONCE, check_pixels
from napari_probinst.widgets.proofreading.image_layers import read_layers, wrong_size
from napari_probinst.widgets.proofreading.keeping import resumed_text, take_up
from napari_probinst.widgets.proofreading.session_place import (
    file_name,
    folder_of_layer,
    image_folder,
    session_place,
    user_folder,
)
from napari_probinst.widgets.saved_state import SavedState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qtpy.QtWidgets import QWidget

    from napari_probinst.core.curation.kept_session import KeptSession
    from napari_probinst.core.prediction import Prediction

#: Planes of a large array that may be the channels of one image; of more it is a stack.
_MOST_CHANNELS = 8


def open_path(
    viewer: Any, path: Path, held: Iterable[ShownPrediction], *, guess_image: bool = True
) -> ShownPrediction:
    """Show a prediction's file or a session, placed on its image.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is shown.
    path : Path
        ``NAME.prediction.npz``, a folder ``NAME.probinst``, or a file in one.
    held : iterable of ShownPrediction
        Predictions that are shown here, or whose sessions may be open: one of them is taken up
        again.
    guess_image : bool, default True
        Where no image of the viewer has the prediction's name: whether its file is looked for and
        opened, and without one the only image of the prediction's size is taken for it.

    Raises
    ------
    ProbinstError
        If it can't be used.
    """
    session = _session_path(path)
    if session is None:
        prediction = load_prediction(path)
        start = CurationSession(prediction)
        for shown in held:
            if same_prediction(shown.prediction, prediction) and (
                shown.writes or _is_shown_as_well(viewer, shown, guess_image=guess_image)
            ):
                return shown
        return _show_on_image(viewer, start, path.parent, guess_image=guess_image)
    present = next((shown for shown in held if _holds(shown, session)), None)
    if present is not None and (present.kept is None or not present.kept.read_only):
        return present
    name = file_name(read_manifest(session).name)
    kept = take_up(session, SessionPlace(name, (session.parent,), user_folder()))
    if present is not None:
        remove_layers(viewer, present)
    show_info(resumed_text(kept.session.records))
    return _show_on_image(viewer, kept.session, session.parent, guess_image=guess_image, kept=kept)


def _is_shown_as_well(viewer: Any, shown: ShownPrediction, *, guess_image: bool) -> bool:
    """Whether a prediction without corrections would be shown no better a second time."""
    if shown.kept is not None and (shown.kept.closed or shown.kept.read_only):
        return False
    image = shown.image
    if image not in list(viewer.layers):
        image = find_image(viewer, shown.prediction, guess=guess_image)
    # Without an image there is nothing better to show it on.
    on_it = image is None or image is shown.image
    return on_it and session_place(shown).find(shown.prediction, show_warning) is None


def _show_on_image(
    viewer: Any,
    session: CurationSession,
    folder: Path,
    *,
    guess_image: bool,
    kept: KeptSession | None = None,
) -> ShownPrediction:
    prediction = session.prediction
    image = find_image(viewer, prediction, guess=False)
    if image is None and guess_image:
        # Its own file says more than that an image has its size: so have all wells of a plate.
        image = _image_of_file(viewer, prediction, folder) or find_image(viewer, prediction)
    plane = () if image is None else _plane_of(image, prediction)
    n_channels = prediction.provenance.n_channels
    axes = plane_axes(image, len(plane), n_channels) if plane else ()
    if image is not None:
        own = folder_of_layer(image)
        told = () if own is None else (own,)
        folders = (*told, folder, folder.parent, *recorded_image_folders(folder))
        check_pixels(viewer, prediction, image, plane, folders)
    return show_prediction(
        viewer, prediction, session, image, folder, kept=kept, plane=plane, axes=axes
    )


def _image_of_file(viewer: Any, prediction: Prediction, folder: Path) -> Image | None:
    """Image of a prediction by its file: opened in the viewer, or read; None without one.

    Of several channels, the layer of the first one.
    """
    folders = (folder, folder.parent, *recorded_image_folders(folder))
    files = files_of(prediction.name, find_image_files(folders))
    if not files.paths:
        return None
    first = files.paths[0].resolve()
    for layer in viewer.layers:
        source = layer.source.path
        if isinstance(layer, Image) and source and Path(source).resolve() == first:
            return layer if _could_be_of(layer, prediction) else None
    try:
        layers = read_layers(prediction.name, files)
    except InputError as error:
        show_warning(f"The image of {prediction.name} is not shown. {error}")
        return None
    if not _could_be_of(layers[0], prediction):
        show_warning(wrong_size(files))
        return None
    for layer in layers:
        viewer.add_layer(layer)
    return layers[0]


def _session_path(path: Path) -> Path | None:
    """Session that a path means: the folder itself, or that of one of its files."""
    folders = (path.absolute(), path.absolute().parent)
    return next((folder for folder in folders if folder.suffix == SESSION_SUFFIX), None)


def _holds(shown: ShownPrediction, session: Path) -> bool:
    """Whether a prediction is shown with the corrections of this session."""
    path = None if shown.kept is None else shown.kept.path
    return path is not None and path.resolve() == session.resolve()


def find_image(viewer: Any, prediction: Prediction, *, guess: bool = True) -> Image | None:
    """Image layer of a prediction: of its name, else the only one of its size if ``guess``.

    The prediction of a plane would lie over all planes of a stack. So a stack is its image only
    where the prediction's name is that of a plane of it, or both have the same name and the
    checksum is that of the stack or of a plane; one that is large or lazy isn't read for it, and
    need only have as few planes as an image has channels.
    """
    images = [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image)
        and not is_result(layer)
        and not layer.rgb
        and _could_be_of(layer, prediction)
    ]
    named = [
        layer
        for layer in images
        if prediction.name in (image_name(layer), layer.name) or _plane_of(layer, prediction)
    ]
    if named or not guess:
        return named[0] if named else None
    return images[0] if len(images) == 1 else None


def _plane_of(layer: Image, prediction: Prediction) -> tuple[int, ...]:
    return named_plane(layer, prediction.name, prediction.provenance.n_channels)


def _could_be_of(layer: Image, prediction: Prediction) -> bool:
    page = page_of(layer)
    if tuple(page.shape[-2:]) != prediction.shape:
        return False
    if len(page.shape) == 2 or _plane_of(layer, prediction):
        return True
    wanted = prediction.provenance.image_checksum
    if not wanted or prediction.name not in (image_name(layer), layer.name):
        return False
    if not isinstance(page, np.ndarray) or page.nbytes > AT_ONCE:
        # Its pixels are compared once it is shown; see `check_pixels`.
        return math.prod(map(int, page.shape[:-2])) <= _MOST_CHANNELS
    planes = page.reshape(-1, *prediction.shape)
    stacks = (planes, *(plane[np.newaxis] for plane in planes))
    return any(image_checksum(stack) == wanted for stack in stacks)


def save(shown: ShownPrediction, folder: Path) -> None:
    """Write the corrections, and the prediction they belong to where it isn't there yet.

    Raises
    ------
    ProbinstError
        If a file can't be written, or the folder holds another prediction of this image.
    """
    name = file_name(shown.prediction.name)
    path = folder / f"{name}{PREDICTION_SUFFIX}"
    if not path.exists():
        save_prediction(shown.prediction, path)
    elif prediction_checksum(load_prediction(path)) != shown.session.header.prediction:
        raise OutputError(
            f"{path} is another prediction, which corrections of this one must not stand beside: "
            "choose another folder."
        )
    save_corrected(shown.session, folder, name)
    shown.saved = SavedState.now(shown.session, folder)


def save_results(shown: ShownPrediction, choose_folder: Callable[[Path], Path | None]) -> None:
    """Write the results beside the prediction, and say so where that is impossible.

    Corrections that couldn't be written to the disk go to the folder too.

    Parameters
    ----------
    shown : ShownPrediction
        What is saved; it remembers the folder.
    choose_folder : callable
        Asks for a folder, starting at the likely one; called where none is known but the user's
        own of sessions, or the one that is known can't be written. None for no answer.
    """
    stuck = shown.kept is not None and shown.kept.n_waiting > 0 and not shown.kept.write()
    # A session of an image without a file lies where nobody would look for results.
    hidden = shown.folder == user_folder() != shown.saved.folder
    known = None if stuck or hidden else shown.folder
    folder = known or choose_folder(likely_folder(shown))
    if folder is None:
        return
    try:
        if stuck:
            move_session(shown, folder)
        save(shown, folder)
    except ProbinstError as error:
        show_error(str(error))
        # Next time another folder can be chosen.
        shown.folder = None
    else:
        shown.folder = folder


def move_session(shown: ShownPrediction, folder: Path) -> None:
    """Begin the session anew in a folder that can be written, with all that happened.

    Raises
    ------
    OutputError
        If this one can't be written either.
    """
    kept = shown.kept
    place = SessionPlace(file_name(shown.prediction.name), (folder,), folder)
    if kept is not None and not kept.move(place):
        raise OutputError(kept.problem or f"{folder} can't be written: choose another folder.")


def likely_folder(shown: ShownPrediction) -> Path:
    """Folder of the image, else the user's own."""
    return image_folder(shown) or Path.home()


def ask_prediction(parent: QWidget) -> Path | None:
    """Ask for a prediction's file, or the manifest in a session's folder."""
    path, _ = QFileDialog.getOpenFileName(
        parent,
        "Open a prediction, or the manifest of a session",
        "",
        f"Predictions and sessions (*{PREDICTION_SUFFIX} {MANIFEST});;All files (*)",
    )
    return Path(path) if path else None


def ask_folder_of_predictions(parent: QWidget) -> Path | None:
    """Ask for a folder that `napari-probinst predict` wrote."""
    folder = QFileDialog.getExistingDirectory(parent, "Open a folder of predictions or sessions")
    return Path(folder) if folder else None


def ask_folder_of_images(parent: QWidget, start: Path) -> Path | None:
    """Ask where the images of a folder of predictions are."""
    folder = QFileDialog.getExistingDirectory(parent, "Folder of the images", str(start))
    return Path(folder) if folder else None


def ask_folder(parent: QWidget, start: Path) -> Path | None:
    """Ask where the corrections go."""
    folder = QFileDialog.getExistingDirectory(
        parent, "Folder for the prediction and its corrections", str(start)
    )
    return Path(folder) if folder else None
