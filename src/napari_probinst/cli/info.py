"""``napari-probinst info``: what a bug report needs, or what a model states about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def info(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL", show_default=False, help="Model file, or a bundled model's name."
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print all that MODEL's header states, as JSON.")
    ] = False,
) -> None:
    """Show versions, the device and precision that would be used, and the bundled models.

    Of a MODEL: its architecture, channels, settings, the images it was trained on and those held
    out, its calibration and tuning with their scores, and its checksum.
    """
    from napari_probinst.core.errors import ConfigError

    if model is not None:
        _show_model(model, json=json)
    elif json:
        raise ConfigError("--json prints the header of a model; name one: info MODEL --json.")
    else:
        _show_program()


def _show_model(model: Path, *, json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from napari_probinst.cli._model_table import model_rows
    from napari_probinst.core.network.header import parsed_header, read_content
    from napari_probinst.models import bundled_models

    path = model if model.exists() else bundled_models().get(str(model), model)
    content = read_content(path)
    header = parsed_header(content, path)
    if json:
        typer.echo(header.model_dump_json(indent=2))
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for topic, words in model_rows(path, content, header):
        table.add_row(topic, words)
    Console(markup=False, highlight=False, emoji=False).print(table)


def _show_program() -> None:
    import platform
    from importlib import metadata

    import torch

    from napari_probinst import __version__
    from napari_probinst.cli._model_table import channel_words
    from napari_probinst.core.network.device import choose_runtime, has_fast_bfloat16
    from napari_probinst.core.network.header import read_header
    from napari_probinst.models import bundled_models, model_card

    typer.echo(f"napari-probinst {__version__}")
    typer.echo(f"python {platform.python_version()} on {platform.platform()}")
    for name in ("torch", "numpy", "scipy", "tifffile", "lightning", "napari", "PyQt6"):
        try:
            typer.echo(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            typer.echo(f"{name} not installed")
    runtime = choose_runtime()
    typer.echo(f"device {runtime.device}, precision {runtime.precision}")
    bfloat16 = "with" if has_fast_bfloat16() else "without"
    n_threads = torch.get_num_threads()
    typer.echo(
        f"processor {torch.backends.cpu.get_cpu_capability()}, {bfloat16} fast bfloat16, "
        f"{n_threads} thread{'' if n_threads == 1 else 's'}"
    )
    models = bundled_models()
    if not models:
        typer.echo("no bundled model: name one with --model")
    for name, path in models.items():
        header = read_header(path)
        channels = ", ".join(map(channel_words, header.network.channels))
        typer.echo(f"\nmodel {name} ({path.stat().st_size / 1e6:.1f} MB): {channels}")
        typer.echo(model_card(name) or header.description)
