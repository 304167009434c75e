"""``napari-probinst average``: one model whose weights are the mean of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def average(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...", help="Model files: stages of one training, oldest first."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Model file to write.")],
    shares: Annotated[
        str | None,
        typer.Option(help="Share of each, e.g. 0.4,0.6, that sum to 1; equal by default."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is there.")
    ] = False,
) -> None:
    """Average the weights of models that were trained from one another.

    The last one's header is taken over, without its settings' scores and the calibration of its
    contours: both were made for other weights. Calibrate and tune the result anew.
    """
    from napari_probinst.cli._existing import refuse_existing, refuse_input
    from napari_probinst.core.data.atomic import atomic_file
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.network.averaging import average as mean
    from napari_probinst.core.network.calibration import Calibration
    from napari_probinst.core.network.checkpoint import load_model, model_bytes
    from napari_probinst.core.network.concrete_dropout import dropout_rates
    from napari_probinst.core.network.header import check_model_name

    check_model_name(output)
    refuse_input(output, models)
    refuse_existing(output, overwrite=overwrite)
    try:
        given = None if shares is None else [float(share) for share in shares.split(",")]
    except ValueError as error:
        raise InputError(
            f"'{shares}' are no shares; expected numbers with commas, such as 0.4,0.6."
        ) from error
    loaded = [load_model(path) for path in models]
    network = mean(loaded, given)
    last = loaded[-1].header
    rates = {name: round(rate, 4) for name, rate in dropout_rates(network).items()}
    record = {
        "models": [
            {"file": model.file_name, "sha256": model.checksum, "training": model.header.training}
            for model in loaded
        ],
        "shares": given or [1 / len(loaded)] * len(loaded),
    }
    header = last.model_copy(
        update={
            "name": output.stem,
            # How overlaps were weighed is the same for all stages.
            "calibration": last.calibration and Calibration(overlap=last.calibration.overlap),
            "tuning": {},
            "training": {**last.training, "dropout_rates": rates, "averaged": record},
        }
    )
    with atomic_file(output) as file:
        file.write(model_bytes(network, header))
    typer.echo(
        f"{output}: the mean of {len(loaded)} models; calibrate and tune it before you use it"
    )
