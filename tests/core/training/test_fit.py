from __future__ import annotations

import csv
import math
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
import yaml
from lightning.pytorch.callbacks import Callback

from napari_probinst.core.config import Config
from napari_probinst.core.errors import InputError, ModelError, TrainingError
from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.network.checkpoint import Model, load_model
from napari_probinst.core.network.concrete_dropout import dropout_rates
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet
from napari_probinst.core.training import module
from napari_probinst.core.training.fit import BEST, LAST, fit
from napari_probinst.core.training.sources import TrainingData


class Watch(Callback):
    """Write down every loss; press Ctrl-C after a step."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.losses: list[float] = []
        self._interrupt_after = interrupt_after

    def on_train_batch_end(self, trainer, pl_module, outputs, *_):
        self.losses.append(float(outputs["loss"].detach()))
        if trainer.global_step == self._interrupt_after:
            signal.raise_signal(signal.SIGINT)


class Poison(Callback):
    """Make a weight no number before the fifth step, as a rate that is too high does."""

    def on_train_batch_start(self, trainer, pl_module, *_):
        if trainer.global_step == 4:
            next(pl_module.parameters()).data.fill_(float("nan"))


def _with(config, section, **values):
    changed = getattr(config, section).model_copy(update=values)
    return config.model_copy(update={section: changed})


def _scored_steps(folder):
    steps = []
    for path in sorted(folder.glob("log/*/metrics.csv")):
        with path.open(newline="") as file:
            rows = csv.DictReader(file)
            steps += [int(row["step"]) for row in rows if row.get("validation/dsb")]
    return steps


def _same_weights(first, second):
    states = first.network.state_dict(), second.network.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_resumed_run_is_an_uninterrupted_one(tmp_path, data, config):
    whole = Watch()
    finished = fit(data, config, tmp_path / "whole.safetensors", callbacks=[whole])
    assert (finished.steps, finished.interrupted) == (6, False)

    output = tmp_path / "parts.safetensors"
    first, second = Watch(interrupt_after=3), Watch()
    stopped = fit(data, config, output, callbacks=[first])
    assert (stopped.steps, stopped.interrupted) == (3, True)
    assert stopped.model_path.is_file()
    resumed = fit(data, config, output, resume=True, callbacks=[second])

    assert (resumed.steps, resumed.interrupted) == (6, False)
    assert len(whole.losses) == 6
    assert first.losses + second.losses == whole.losses
    one, other = (
        torch.load(tmp_path / run / LAST, weights_only=True) for run in ("whole.run", "parts.run")
    )
    for name, tensor in one["state_dict"].items():
        assert torch.equal(other["state_dict"][name], tensor), name
    # Ctrl-C scores once more; the interval goes on counting all steps.
    assert _scored_steps(tmp_path / "whole.run") == [1, 3, 5]
    assert set(_scored_steps(tmp_path / "parts.run")) >= {1, 3, 5}


@pytest.mark.parametrize("scored", [False, True])
def test_a_training_that_diverges_says_so_and_keeps_its_checkpoint(tmp_path, data, config, scored):
    if not scored:
        data = TrainingData(data.training, ())
    output, last = tmp_path / "m.safetensors", tmp_path / "m.run" / LAST
    fit(data, config, output, callbacks=[Watch(interrupt_after=3)])
    output.unlink()
    kept = last.read_bytes()
    # Whether a score, a checkpoint or a line of the log is due first.
    for end in (5, 6):
        with pytest.raises(
            TrainingError, match=rf"at step [56] .* learning rate .*{LAST}, is kept"
        ):
            fit(data, config, output, resume=True, callbacks=[Poison(), Watch(end)])
        assert last.read_bytes() == kept
    assert not output.exists()


def test_the_model_file_tells_how_it_was_made(tmp_path, data, config):
    output = tmp_path / "worms.safetensors"
    (scored,) = data.validation
    unscored = replace(scored, image=replace(scored.image, name="d"))
    data = TrainingData(data.training, (scored, unscored))
    result = fit(data, config, output)
    model = load_model(output)
    assert result.model_path == output
    assert model.header.name == "worms"
    assert model.header.network == config.network
    assert model.header.inference == config.inference
    assert model.header.extent == (1024, 1024)
    # Overlap pixels weighed ten times in the loss count once in a prediction.
    assert model.header.calibration == Calibration(overlap=-math.log(config.loss.overlap_weight))
    record = model.header.training
    assert record["steps"] == 6
    assert record["training_images"] == ["a", "b"]
    assert record["validation_images"] == ["c"]
    assert record["held_out_images"] == ["c", "d"]
    assert record["validation_dsb"] == result.score
    assert record["dropout_rates"] == pytest.approx(dropout_rates(model.network), abs=1e-4)
    assert Config.model_validate(record["config"]).training == config.training


def test_the_best_score_chooses_the_model(tmp_path, data, config, monkeypatch):
    scores = iter([0.2, 0.9, 0.1])
    monkeypatch.setattr(module, "mean_dsb", lambda _: next(scores))
    result = fit(data, config, tmp_path / "m.safetensors")
    best = torch.load(tmp_path / "m.run" / BEST, weights_only=True)
    assert result.score == 0.9
    assert best["global_step"] == 4
    weights = load_model(result.model_path).network.state_dict()
    for name, tensor in weights.items():
        assert torch.equal(tensor, best["state_dict"][f"network.{name}"]), name
    last = torch.load(tmp_path / "m.run" / LAST, weights_only=True)
    assert last["global_step"] == 6


@pytest.mark.parametrize("n_images", [0, 1])
def test_without_validation_the_last_weights_are_kept(tmp_path, data, config, n_images):
    # Either there is no validation image, or none is asked for.
    data = TrainingData(data.training, data.validation[:n_images])
    config = _with(config, "training", max_steps=2, validation_images=0)
    result = fit(data, config, tmp_path / "m.safetensors")
    assert result.score is None
    last = torch.load(tmp_path / "m.run" / LAST, weights_only=True)["state_dict"]
    for name, tensor in load_model(result.model_path).network.state_dict().items():
        assert torch.equal(tensor, last[f"network.{name}"]), name


def test_the_clock_ends_a_run(tmp_path, data, config):
    config = _with(config, "training", max_steps=10_000, validation_images=0)
    result = fit(data, config, tmp_path / "m.safetensors", max_seconds=0.01)
    assert result.steps == 1
    assert not result.interrupted


@pytest.mark.parametrize("dropout", ["concrete", "none"])
def test_training_lowers_the_loss(tmp_path, labelled, config, dropout):
    config = _with(config, "training", max_steps=40, learning_rate=5e-3, ema_decay=0)
    config = _with(config, "network", dropout=dropout)
    watch = Watch()
    fit(
        TrainingData((labelled("a", 0),), ()), config, tmp_path / "m.safetensors", callbacks=[watch]
    )
    assert np.mean(watch.losses[-8:]) < 0.7 * np.mean(watch.losses[:8])


def test_batches_and_a_worker_give_the_same_losses(tmp_path, data, config):
    config = _with(config, "training", max_steps=3, batch_size=2, validation_images=0)
    losses = []
    for workers in (0, 1):
        watch = Watch()
        fit(
            data,
            _with(config, "training", workers=workers),
            tmp_path / f"{workers}.safetensors",
            callbacks=[watch],
        )
        losses.append(watch.losses)
    assert losses[0] == losses[1]


def test_images_without_instances_teach_nothing(tmp_path, labelled, config):
    item = labelled("a", 0)
    empty = type(item)(item.image, type(item.truth)(item.truth.shape, ()))
    for images in ((), (empty,)):
        with pytest.raises(InputError, match="no instance"):
            fit(TrainingData(images, ()), config, tmp_path / "m.safetensors")


def test_a_model_of_another_network_is_no_start(tmp_path, data, config):
    other = config.network.model_copy(update={"filters": 5})
    model = Model(UNet(other), ModelHeader(network=other), file_name="other.safetensors")
    with pytest.raises(ModelError, match=r"other\.safetensors don't fit"):
        fit(data, config, tmp_path / "m.safetensors", initial=model)


class TestResume:
    def _fit(self, tmp_path, data, config, content=None):
        folder = tmp_path / "m.run"
        folder.mkdir(exist_ok=True)
        if content is not None:
            (folder / LAST).write_bytes(content)
        return fit(data, config, tmp_path / "m.safetensors", resume=True)

    def test_nothing_to_resume(self, tmp_path, data, config):
        with pytest.raises(InputError, match=r"nothing to resume.*last\.ckpt"):
            self._fit(tmp_path, data, config)

    @pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 no archive"])
    def test_a_broken_file_is_refused(self, tmp_path, data, config, content):
        with pytest.raises(ModelError, match=r"last\.ckpt is no checkpoint"):
            self._fit(tmp_path, data, config, content)

    def test_a_foreign_checkpoint_is_refused(self, tmp_path, data, config):
        torch.save({"state_dict": {}, "global_step": 3}, tmp_path / "foreign")
        with pytest.raises(ModelError, match="is no checkpoint"):
            self._fit(tmp_path, data, config, (tmp_path / "foreign").read_bytes())

    def test_code_in_a_pickle_is_not_run(self, tmp_path, data, config):
        target = tmp_path / "hacked"
        torch.save({"probinst_network": Trap(str(target))}, tmp_path / "trap")
        for content in (pickle.dumps(Trap(str(target))), (tmp_path / "trap").read_bytes()):
            with pytest.raises(ModelError, match="is no checkpoint"):
                self._fit(tmp_path, data, config, content)
        assert not target.exists()

    def test_another_network_and_a_finished_run_are_refused(self, tmp_path, data, config):
        config = _with(config, "training", max_steps=1, validation_images=0)
        fit(data, config, tmp_path / "m.safetensors")
        with pytest.raises(InputError, match="all of its 1 steps"):
            self._fit(tmp_path, data, config)
        with pytest.raises(ModelError, match="another network"):
            self._fit(tmp_path, data, _with(config, "network", embedding_dimensions=5))


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self):
        return os.mkdir, (self._path,)


@pytest.mark.timeout(400)
def test_ctrl_c_on_the_command_line(tmp_path, labelled, config):
    folder = tmp_path / "data"
    for name in ("images", "instances"):
        (folder / name).mkdir(parents=True)
    for seed, name in enumerate("ab"):
        item = labelled(name, seed)
        masks = np.stack([worm.full(item.truth.shape) for worm in item.truth.instances])
        tifffile.imwrite(folder / "images" / f"{name}.tif", item.image.channels[0])
        tifffile.imwrite(
            folder / "instances" / f"{name}.tif", masks.astype(np.uint8), photometric="minisblack"
        )
    config = _with(config, "training", max_steps=1_000_000, workers=1, held_out=0.5)
    settings = tmp_path / "tiny.yaml"
    settings.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    output = tmp_path / "m.safetensors"
    program = "from napari_probinst.cli.main import train_main; train_main()"
    arguments = ["--data", folder, "--output", output, "--config", settings, "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        while not (tmp_path / "m.run" / BEST).exists() and process.poll() is None:
            time.sleep(0.1)
        # A terminal sends Ctrl-C to every process of the group, the workers too.
        os.killpg(process.pid, signal.SIGINT)
        text, _ = process.communicate(timeout=300)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 130, text
    assert "Traceback" not in text
    assert "--resume" in text
    assert (tmp_path / "m.run" / LAST).is_file()
    assert load_model(output).header.training["steps"] >= 2
