"""The commands ``napari-probinst`` and ``napari-probinst-train``.

Heavy imports happen inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import click
import typer

from napari_probinst import __version__
from napari_probinst.cli.demo import demo
from napari_probinst.cli.info import info
from napari_probinst.cli.predict import predict
from napari_probinst.cli.train import train
from napari_probinst.core.errors import ProbinstError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Exit codes: done; wrong usage or input; stopped by Ctrl-C.
DONE, WRONG_USAGE, INTERRUPTED = 0, 2, 130

_SETTINGS = {
    "no_args_is_help": True,
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}

app = typer.Typer(
    help="Instance segmentation with uncertainty, and its proofreading.", **_SETTINGS  # type: ignore[arg-type]
)
app.command(no_args_is_help=True)(train)
app.command(no_args_is_help=True)(predict)
app.command()(info)
app.command()(demo)

train_app = typer.Typer(**_SETTINGS)  # type: ignore[arg-type]
train_app.command(no_args_is_help=True)(train)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"napari-probinst {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Instance segmentation with uncertainty, and its proofreading."""
    del version


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``napari-probinst`` and exit with its code."""
    sys.exit(_run(app, arguments, "napari-probinst"))


def train_main(arguments: Sequence[str] | None = None) -> None:
    """Run ``napari-probinst-train`` and exit with its code."""
    sys.exit(_run(train_app, arguments, "napari-probinst-train"))


def _run(application: typer.Typer, arguments: Sequence[str] | None, name: str) -> int:
    """Run a command; turn errors that a user can mend into one sentence and code 2."""
    command = typer.main.get_command(application)
    try:
        code = command.main(
            args=None if arguments is None else list(arguments),
            prog_name=name,
            standalone_mode=False,
        )
    except click.exceptions.NoArgsIsHelpError as error:
        typer.echo(error.format_message())
        return WRONG_USAGE
    except click.ClickException as error:
        error.show()
        return WRONG_USAGE
    except (KeyboardInterrupt, click.Abort):
        typer.secho("Stopped; what was finished before is kept.", err=True)
        return INTERRUPTED
    except ProbinstError as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        return WRONG_USAGE
    return code if isinstance(code, int) else DONE
