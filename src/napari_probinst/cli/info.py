"""``napari-probinst info``: what a bug report needs."""

from __future__ import annotations

import typer


def info() -> None:
    """Show versions, the device and precision that would be used, and the bundled models."""
    import platform
    from importlib import metadata

    import torch

    from napari_probinst import __version__
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
    typer.echo(
        f"processor {torch.backends.cpu.get_cpu_capability()}, {bfloat16} fast bfloat16, "
        f"{torch.get_num_threads()} threads"
    )
    models = bundled_models()
    if not models:
        typer.echo("no bundled model: name one with --model")
    for name, path in models.items():
        header = read_header(path)
        channels = ", ".join(
            channel.name + ("" if channel.required else " (optional)")
            for channel in header.network.channels
        )
        typer.echo(f"\nmodel {name} ({path.stat().st_size / 1e6:.1f} MB): {channels}")
        typer.echo(model_card(name) or header.description)
