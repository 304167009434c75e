"""The commands ``napari-probinst`` and ``napari-probinst-train``.

Heavy imports happen inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from napari_probinst import __version__
from napari_probinst.cli.agglomerate import agglomerate
from napari_probinst.cli.average import average
from napari_probinst.cli.calibrate import calibrate
from napari_probinst.cli.demo import demo
from napari_probinst.cli.evaluate import evaluate
from napari_probinst.cli.export import export
from napari_probinst.cli.info import info
from napari_probinst.cli.predict import predict
from napari_probinst.cli.rank import rank
from napari_probinst.cli.replay import replay
from napari_probinst.cli.simulate import simulate
from napari_probinst.cli.synthetic import synthetic
from napari_probinst.cli.train import train
from napari_probinst.cli.tune import tune
from napari_probinst.core.errors import ProbinstError

if TYPE_CHECKING:
    from collections.abc import Sequence

WRONG_USAGE = 2

#: PyTorch's allocators raise plain errors, which only their text tells from others.
_OUT_OF_MEMORY = re.compile(r"can't allocate memory|out of memory", re.IGNORECASE)

_SETTINGS = {
    "no_args_is_help": True,
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}

app = typer.Typer(
    help="Instance segmentation with uncertainty, and its proofreading.",
    **_SETTINGS,  # type: ignore[arg-type]
)
app.command(no_args_is_help=True)(train)
app.command(no_args_is_help=True)(predict)
app.command(no_args_is_help=True)(rank)
app.command(no_args_is_help=True)(agglomerate)
app.command(no_args_is_help=True)(evaluate)
app.command(no_args_is_help=True)(average)
app.command(no_args_is_help=True)(calibrate)
app.command(no_args_is_help=True)(tune)
app.command(no_args_is_help=True)(simulate)
app.command(no_args_is_help=True)(replay)
app.command(no_args_is_help=True)(export)
app.command(no_args_is_help=True)(synthetic)
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
    _run(app, arguments, "napari-probinst")


def train_main(arguments: Sequence[str] | None = None) -> None:
    """Run ``napari-probinst-train`` and exit with its code."""
    _run(train_app, arguments, "napari-probinst-train")


def _run(application: typer.Typer, arguments: Sequence[str] | None, name: str) -> None:
    """Run a command and exit: 0 done, 2 wrong usage or input, 130 stopped by Ctrl-C.

    Typer exits by itself, with these codes; what is left are errors that a user can mend,
    which become one sentence and code 2.
    """
    try:
        application(args=None if arguments is None else list(arguments), prog_name=name)
    except ProbinstError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename or 'a file'} can't be used: {error.strerror or error}.")
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error))):
            raise
        _refuse("memory ran out; close other programs, or take a smaller image or network.")


def _refuse(sentence: str) -> NoReturn:
    typer.secho(f"error: {sentence}", err=True, fg="red")
    sys.exit(WRONG_USAGE)
