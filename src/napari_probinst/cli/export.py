"""``napari-probinst export``: a prediction or a session in the formats of other programs."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.data.exported import ExportedImage
    from napari_probinst.core.prediction import Prediction

FormatName = Literal["stack", "labels", "coco", "imagej-roi-zip", "ome-zarr", "csv", "audit"]


def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SESSION|PREDICTION", help="A folder NAME.probinst, or a NAME.prediction.npz."
        ),
    ],
    format_: Annotated[FormatName, typer.Option("--format", help="What to write.")],
    output: Annotated[
        Path,
        typer.Option(
            help="File to write (OME-Zarr: a folder .zarr), or an existing folder to put it into."
        ),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is there under that name.")
    ] = False,
) -> None:
    """Export the instances of a prediction, or the corrected ones of a session.

    All formats but labels keep overlaps; how many pixels overlap is said. The format audit tells
    what was done in a session: a table of every edit and decision. A session is only read, also
    while it is open in napari.
    """
    from napari_probinst.core.curation.export import FORMATS, SESSION_FORMATS
    from napari_probinst.core.curation.export_source import check_export_source

    check_export_source(source, of_session=format_ in SESSION_FORMATS)
    if format_ in SESSION_FORMATS:
        with _opened(source) as session:
            path = SESSION_FORMATS[format_].path(output, session.prediction.name)
            _check_place(path, source, session.prediction, overwrite=overwrite)
            SESSION_FORMATS[format_].write(session, path)
        typer.echo(f"{path}: {len(session.records)} records")
        return
    chosen = FORMATS[format_]
    image, prediction = _read(source)
    path = chosen.path(output, image.name)
    _check_place(path, source, prediction, overwrite=overwrite)
    chosen.write(image, path)
    n_overlap = image.flat.n_overlap
    kept = ", all kept" if chosen.keeps_overlaps else f"; lost in a label image: {image.rule}"
    typer.echo(
        f"{path}: {len(image.instances)} instances, {n_overlap} overlap pixels"
        f"{kept if n_overlap else ''}"
    )


def _check_place(path: Path, source: Path, prediction: Prediction, *, overwrite: bool) -> None:
    """Refuse to write over what is exported, its image, or anything else that is there unasked."""
    from napari_probinst.cli._existing import refuse_existing, refuse_input
    from napari_probinst.core.curation.image_files import find_image_files
    from napari_probinst.core.curation.same_image import is_image_of
    from napari_probinst.core.data.exported import is_exported_tiff
    from napari_probinst.core.errors import OutputError

    # Masks may be called like their image: those that were exported are no image.
    images = find_image_files([path.parent]).get(prediction.name, ())
    inputs = [source, *(image for image in images if not is_exported_tiff(image))]
    refuse_input(path, inputs)
    refuse_input(path.parent, [source])  # a session is a folder
    refuse_existing(path, overwrite=overwrite)
    # The image may have been renamed since: its pixels tell.
    if path.exists() and is_image_of(path, prediction.provenance):
        raise OutputError(
            f"{path} is the image that was predicted, by its pixels, and would be lost: give "
            "another --output."
        )


def _read(source: Path) -> tuple[ExportedImage, Prediction]:
    from napari_probinst.core.curation.export import of_prediction
    from napari_probinst.core.curation.exported_session import of_session
    from napari_probinst.core.data.prediction_file import load_prediction

    if not source.is_dir():
        prediction = load_prediction(source)
        return of_prediction(prediction), prediction
    with _opened(source) as session:
        return of_session(session), session.prediction


@contextmanager
def _opened(source: Path) -> Iterator[CurationSession]:
    """Open a session for reading; a torn journal is told."""
    from napari_probinst.core.curation.session_folder import open_session

    with open_session(source, read_only=True) as opened:
        if opened.warning is not None:
            typer.secho(opened.warning, err=True, fg="yellow")
        yield opened.session
