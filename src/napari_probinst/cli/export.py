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
            help="File to write (OME-Zarr: a folder .zarr), or an existing folder to put it into. "
            "An earlier export of that name is replaced."
        ),
    ],
) -> None:
    """Export the instances of a prediction, or the corrected ones of a session.

    All formats but labels keep overlaps; how many pixels overlap is said. The format audit tells
    what was done in a session: a table of every edit and decision. A session is only read, also
    while it is open in napari.
    """
    from napari_probinst.core.curation.export import FORMATS, SESSION_FORMATS

    if format_ in SESSION_FORMATS:
        with _opened(source) as session:
            path = SESSION_FORMATS[format_].path(output, session.prediction.name)
            SESSION_FORMATS[format_].write(session, path)
        typer.echo(f"{path}: {len(session.records)} records")
        return
    chosen = FORMATS[format_]
    image = _read(source)
    path = chosen.path(output, image.name)
    chosen.write(image, path)
    n_overlap = image.flat.n_overlap
    kept = ", all kept" if chosen.keeps_overlaps else f"; lost in a label image: {image.rule}"
    typer.echo(
        f"{path}: {len(image.instances)} instances, {n_overlap} overlap pixels"
        f"{kept if n_overlap else ''}"
    )


def _read(source: Path) -> ExportedImage:
    from napari_probinst.core.curation.export import of_prediction
    from napari_probinst.core.curation.exported_session import of_session
    from napari_probinst.core.data.prediction_file import load_prediction

    if not source.is_dir():
        return of_prediction(load_prediction(source))
    with _opened(source) as session:
        return of_session(session)


@contextmanager
def _opened(source: Path) -> Iterator[CurationSession]:
    """Open a session for reading; a torn journal is told."""
    from napari_probinst.core.curation.session_folder import open_session

    with open_session(source, read_only=True) as opened:
        if opened.warning is not None:
            typer.secho(opened.warning, err=True, fg="yellow")
        yield opened.session
