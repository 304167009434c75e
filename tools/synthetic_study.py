"""What studies on synthetic images have in common: trainings, predictions, scores, files."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.data.io import find_images, read_instances
from napari_probinst.core.evaluation.segmentation import score_image
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.checkpoint import load_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_probinst.core.prediction import Prediction

#: Kinds of errors that are counted beside the DSB.
ERRORS = ("false_merges", "false_splits", "misses", "spurious")
_CONFIG = Path(__file__).parents[1] / "configs" / "quick.yaml"
#: All images serve the training: nothing is held out by it, and the last weights are taken.
_TRAINING = {"held_out": 0.0, "validation_images": 0}


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


def parser(description: str) -> argparse.ArgumentParser:
    """Parser with what every study is asked for: where, and how much."""
    result = argparse.ArgumentParser(description=description, formatter_class=_Formatter)
    result.add_argument("--output", type=Path, required=True, help="folder for everything")
    result.add_argument("--reduced", action="store_true", help="a trial of a few minutes")
    return result


def write(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic_file(path) as file:
        file.write(text.encode())


def write_config(path: Path, seed: int) -> None:
    """Write the settings of a quick training with this seed."""
    config = yaml.safe_load(_CONFIG.read_text(encoding="utf-8"))
    config["training"] |= {**_TRAINING, "seed": seed}
    write(path, yaml.safe_dump(config))


def run(command: str, *arguments: object) -> None:
    """Run a command of napari-probinst in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "napari_probinst.cli", command, *map(str, arguments)], check=True
    )


def train(model: Path, data: Path, config: Path, steps: int, start: Path | None = None) -> Path:
    """Train a model unless it exists; a training that was broken off goes on.

    Parameters
    ----------
    model : Path
        File to write.
    data, config : Path
        Training folder, and settings.
    steps : int
        Optimiser steps.
    start : Path, optional
        Model whose weights are the start.
    """
    if model.is_file():
        return model
    arguments = ["--data", data, "--config", config, "--output", model, "--max-steps", steps]
    if (model.with_suffix(".run") / "last.ckpt").is_file():
        arguments += ["--resume"]
    elif start is not None:
        arguments += ["--from", start]
    run("train", *arguments)
    return model


def predictions(model: Path, folder: Path, noted: Path) -> Iterator[tuple[Prediction, InstanceSet]]:
    """Predict the images that have no note yet; each with its truth.

    Parameters
    ----------
    model : Path
        Model file.
    folder : Path
        With ``images/`` and ``instances/``.
    noted : Path
        Folder of notes, ``NAME.json``.
    """
    predictor = Predictor.create(load_model(model))
    for source in find_images(folder / "images", predictor.model.header.network.channels):
        if not (noted / f"{source.name}.json").is_file():
            channels = source.read().channels
            truth = read_instances(folder / "instances" / f"{source.name}.tif")
            yield predictor.predict(channels, name=source.name), truth


def scores(model: Path, folder: Path, scored: Path) -> list[dict[str, float]]:
    """DSB and errors of a model, one mapping an image of ``folder``, kept in ``scored``."""
    scored.mkdir(parents=True, exist_ok=True)
    for prediction, truth in predictions(model, folder, scored):
        exported = InstanceSet(truth.shape, tuple(exported_instances(prediction).values()))
        score = score_image(prediction.name, exported, truth)
        errors = asdict(score.kinds.counts)
        content = {
            "name": prediction.name,
            "dsb": score.dsb,
            **{kind: errors[kind] for kind in ERRORS},
        }
        write(scored / f"{prediction.name}.json", json.dumps(content))
    return [json.loads(path.read_text()) for path in sorted(scored.glob("*.json"))]
