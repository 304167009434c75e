"""``napari-probinst replay``: from a session on disk to corrected masks, without a window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def replay(
    session: Annotated[Path, typer.Argument(metavar="SESSION", help="A folder NAME.probinst.")],
    output: Annotated[Path, typer.Option(help="Folder for NAME.corrected.*.")],
) -> None:
    """Write the corrected masks of a session: its prediction with its journal applied.

    The session is only read, also while it is open in napari. The same session gives the same
    bytes on every machine. Files that are not of an earlier replay of it are never replaced.
    """
    from napari_probinst.cli._existing import refuse_others
    from napari_probinst.core.curation.corrected import corrected_names, save_corrected
    from napari_probinst.core.curation.corrected_file import corrects
    from napari_probinst.core.curation.session_folder import open_session

    with open_session(session, read_only=True) as opened:
        if opened.warning is not None:
            typer.secho(opened.warning, err=True, fg="yellow")
        names = corrected_names(opened.session.prediction.name)
        own = corrects(output / names[0], opened.manifest.prediction)
        refuse_others(output, names, own=own)
        paths = save_corrected(opened.session, output)
        typer.echo(
            f"{opened.manifest.name}: {len(opened.session.records)} records replayed, "
            f"{len(opened.session.instances)} instances"
        )
    for path in paths:
        typer.echo(str(path))
