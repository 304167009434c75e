"""Exporting the corrected masks in the formats of other programs, as the Proofread dock does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QFileDialog

from napari_probinst.core.curation.export import FORMATS
from napari_probinst.core.curation.exported_session import of_session
from napari_probinst.core.errors import OutputError, ProbinstError
from napari_probinst.widgets.proofreading.files import likely_folder
from napari_probinst.widgets.proofreading.session_place import file_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_probinst.widgets.layers import ShownPrediction

#: What the dialog calls the formats.
_TITLES = {
    "stack": "Stack of masks",
    "labels": "Label image, without overlaps",
    "coco": "COCO",
    "imagej-roi-zip": "ImageJ regions",
    "ome-zarr": "OME-Zarr",
    "csv": "Table",
}


def ask_export(parent: QWidget, start: Path) -> tuple[str, Path] | None:
    """Ask for a format of `FORMATS` and a file, starting at a likely one; None for no answer."""
    kinds = {f"{title} (*{FORMATS[name].suffix})": name for name, title in _TITLES.items()}
    path, kind = QFileDialog.getSaveFileName(
        parent, "Export corrected masks", str(start), ";;".join(kinds)
    )
    return (kinds[kind], Path(path)) if path else None


def export_corrected(
    shown: ShownPrediction, choose: Callable[[Path], tuple[str, Path] | None]
) -> None:
    """Write the current masks in a format of the user's choice, and say what became of overlaps.

    Parameters
    ----------
    shown : ShownPrediction
        What is exported.
    choose : callable
        Asks for the name of a format and a file, starting at a likely one; None for no answer.
    """
    folder = shown.folder or likely_folder(shown)
    chosen = choose(folder / file_name(shown.prediction.name))
    if chosen is None:
        return
    kind = FORMATS[chosen[0]]
    image = of_session(shown.session)
    try:
        path = _complete(chosen[1], kind.suffix, kind.endings)
        kind.write(image, path)
    except ProbinstError as error:
        show_error(str(error))
        return
    n_overlap = image.flat.n_overlap
    overlaps = f", {n_overlap} overlap pixels {'kept' if kind.keeps_overlaps else 'lost'}"
    show_info(f"{path.name}: {len(image.instances)} instances{overlaps if n_overlap else ''}.")


def _complete(path: Path, suffix: str, endings: tuple[str, ...]) -> Path:
    """Give a file the suffix of its format; what the dialog didn't ask about isn't replaced."""
    if path.name.lower().endswith(endings):
        return path
    path = path.with_name(f"{path.name}{suffix}")
    if path.exists():
        raise OutputError(f"{path} is there already: choose it by its whole name to replace it.")
    return path
