"""``napari-probinst demo``: the main job on embedded data, in a window of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo-output"),
    unattended: Annotated[
        bool | None,
        typer.Option(
            "--unattended/--attended",
            help="Correct one place, save, take a picture and close. Default: as there is a "
            "real display or not.",
        ),
    ] = None,
) -> None:
    """Predict the embedded sample and open napari at the most uncertain place."""
    from importlib.util import find_spec

    from napari_probinst.core.errors import InputError

    if find_spec("napari") is None:
        raise InputError(
            'The demo needs napari: pip install "napari-probinst[all]". Without a window, '
            "try: napari-probinst predict IMAGE --output FOLDER."
        )
    # A child process, so that the command line itself never imports the GUI.
    command = [sys.executable, "-m", "napari_probinst.widgets.demo", str(output)]
    if unattended is not None:
        command.append("--unattended" if unattended else "--attended")
    code = subprocess.run(command, check=False).returncode
    if code:
        raise typer.Exit(code)
