"""``napari-probinst demo``: the main job on embedded data, in a window of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo-output"),
    unattended: Annotated[
        bool,
        typer.Option(
            "--unattended",
            help="Correct one place, save, take a picture and close. Always so without a display.",
        ),
    ] = False,
) -> None:
    """Predict the embedded sample and open napari at the most uncertain place."""
    import os
    import shutil
    import subprocess
    import sys
    from importlib.util import find_spec

    from napari_probinst.core.errors import InputError

    if find_spec("napari") is None:
        raise InputError(
            'The demo needs napari: pip install ".[all]" in the checkout\'s folder. Without a '
            "window, use: napari-probinst predict IMAGE --output FOLDER."
        )
    # A child process, so that the command line itself never imports the GUI.
    command = [sys.executable, "-m", "napari_probinst.widgets.demo", str(output)]
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        virtual = shutil.which("xvfb-run")
        if virtual is None:
            raise InputError(
                "There is no display, and xvfb-run that would make a virtual one is not "
                "installed; install the packages xvfb and xauth."
            )
        typer.echo("No display: the demo runs unattended on a virtual one.")
        command = [virtual, "-a", "-s", "-screen 0 1600x1000x24", *command]
        unattended = True
    if unattended:
        command.append("--unattended")
    code = subprocess.run(command, check=False).returncode
    if code:
        raise typer.Exit(code)
