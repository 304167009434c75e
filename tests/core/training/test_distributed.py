"""Two processes that share a training on the CPU, beside one that does it alone."""

from __future__ import annotations

import csv
import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
import yaml
from torch.utils.data import DataLoader

from napari_probinst.core.errors import ConfigError
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.training.dataset import CropStream
from napari_probinst.core.training.fit import LAST, fit
from napari_probinst.core.training.loading import NO_IMAGE, WAITING, DataWait, Loaders
from napari_probinst.core.training.processes import Processes, is_first_process
from napari_probinst.core.training.sources import load_training_data

CPU = Runtime(device="cpu", bfloat16=False)

#: The command line in float32, which may press Ctrl-C after a step, in its first process alone.
PROGRAM = """
import signal, sys
from napari_probinst.cli import _training_progress
from napari_probinst.cli.main import main
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.training import fit

class Stopping(_training_progress.TrainingProgress):
    def on_train_batch_end(self, trainer, *arguments):
        super().on_train_batch_end(trainer, *arguments)
        if trainer.global_step == int(sys.argv[1]):
            signal.raise_signal(signal.SIGINT)

_training_progress.TrainingProgress = Stopping
fit.choose_runtime = lambda device: Runtime(device="cpu", bfloat16=False)
main(sys.argv[2:])
"""
NEVER = 0


@pytest.fixture
def folder(tmp_path, labelled):
    """Five images, two of them for validation: the second process has one more turn."""
    for part in ("images", "instances"):
        (tmp_path / "data" / part).mkdir(parents=True)
    for seed, name in enumerate("abcde"):
        item = labelled(name, seed)
        masks = np.stack([worm.full(item.truth.shape) for worm in item.truth.instances])
        for part, pixels in (("images", item.image.channels[0]), ("instances", masks)):
            path = tmp_path / "data" / part / f"{name}.tif"
            tifffile.imwrite(path, pixels.astype(np.uint16), photometric="minisblack")
    return tmp_path / "data"


@pytest.fixture
def shared(config):
    """Settings of a training of eight steps with four crops each."""
    training = config.training.model_copy(
        update={
            "max_steps": 8,
            "batch_size": 4,
            "validate_every": 4,
            "validation_images": 3,
            "held_out": 0.6,
        }
    )
    return config.model_copy(update={"training": training})


@pytest.fixture
def train(tmp_path, folder, shared):
    """Return the function that trains with two processes, as a user would start them."""
    program, settings = tmp_path / "program.py", tmp_path / "settings.yaml"
    program.write_text(PROGRAM)
    settings.write_text(yaml.safe_dump(shared.model_dump(mode="json")))
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    }
    environment["OMP_NUM_THREADS"] = "1"

    def train(name, *options, stop=NEVER):
        output = tmp_path / f"{name}.safetensors"
        command = [sys.executable, program, stop, "train", "--data", folder, "--config", settings]
        command += ["--output", output, "--devices", 2, "--strategy", "ddp", *options]
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=550,
            check=False,
            env=environment,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return train


def _last(folder):
    return torch.load(folder / LAST, weights_only=True)["state_dict"]


def _log(folder):
    (path,) = folder.glob("log/*/metrics.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        name: [float(row[name]) for row in rows if row[name]]
        for name in rows[0]
        if name not in ("epoch", "step")
    }


@pytest.mark.timeout(1800)
def test_two_processes_do_what_one_does(tmp_path, folder, shared, train, monkeypatch):
    done = train("two")
    assert done.returncode == 0, done.stderr
    # Both read, train and validate; one of them speaks.
    for sentence in ("Reading", "2 images to train on, 3 for", "written after 8 steps"):
        assert done.stdout.count(sentence) == 1, done.stdout

    monkeypatch.setattr("napari_probinst.core.training.fit.choose_runtime", lambda device: CPU)
    fit(load_training_data(folder, shared), shared, tmp_path / "one.safetensors")
    one, two = _log(tmp_path / "one.run"), _log(tmp_path / "two.run")
    for name in ("loss", "loss/variance", "loss/classes", "loss/dropout", "rate/highest"):
        assert len(one[name]) == 1
        assert two[name] == pytest.approx(one[name], rel=1e-4), name
    assert two["validation/dsb"] == pytest.approx(one["validation/dsb"], abs=1e-6)
    assert 0 <= two[WAITING][0] <= 1
    shared_weights = _last(tmp_path / "two.run")
    for name, tensor in _last(tmp_path / "one.run").items():
        torch.testing.assert_close(shared_weights[name], tensor, rtol=1e-3, atol=1e-4)
    record = load_model(tmp_path / "two.safetensors").header.training
    assert (record["steps"], len(record["validation_images"])) == (8, 3)

    # Ctrl-C in one process ends both after the same step; what is resumed ends as it would have.
    stopped = train("parts", stop=3)
    assert stopped.returncode == 130, stopped.stderr
    assert "written after 3 steps" in stopped.stdout
    assert stopped.stdout.count("Stopped by Ctrl-C; add --resume") == 1
    assert train("parts", "--resume").returncode == 0
    for name, tensor in _last(tmp_path / "parts.run").items():
        assert torch.equal(tensor, shared_weights[name]), name


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("n_ranks", [1, 2, 4])
def test_a_batch_is_dealt_whole(data, shared, n_ranks, workers):
    images = [item.normalised(shared) for item in data.training]
    stream = CropStream(images, shared, (48, 64), start=8)
    size = 4 // n_ranks
    loaders = [
        iter(DataLoader(stream.dealt(rank, n_ranks), batch_size=size, num_workers=workers))
        for rank in range(n_ranks)
    ]
    for step in range(3):
        batch = torch.cat([next(loader).image for loader in loaders])
        for position, image in enumerate(batch):
            assert torch.equal(image, stream.crop(8 + 4 * step + position).image)


class _Place:
    def __init__(self, rank, n_ranks):
        self.global_rank, self.world_size = rank, n_ranks


@pytest.mark.parametrize(("n_images", "n_ranks"), [(5, 2), (1, 3), (6, 3), (0, 2)])
def test_validation_images_are_dealt_in_equally_many_turns(data, shared, n_images, n_ranks):
    images = [item.normalised(shared) for item in data.training]
    stream = CropStream(images, shared, (48, 64))
    turns = []
    for rank in range(n_ranks):
        loaders = Loaders(stream, shared, n_images, pin_memory=False)
        loaders.trainer = _Place(rank, n_ranks)
        turns.append([int(number) for number in loaders.val_dataloader()])
    assert len({len(mine) for mine in turns}) == 1
    dealt = sorted(number for mine in turns for number in mine if number != NO_IMAGE)
    assert dealt == list(range(n_images))


def test_waiting_for_crops_is_a_share_of_the_time(monkeypatch, data, shared):
    class Logging:
        shares = ()

        def log(self, name, value):
            assert name == WAITING
            self.shares += (value,)

    class Trainer:
        global_step = 0

    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    stream = CropStream([item.normalised(shared) for item in data.training], shared, (48, 64))
    loaders = Loaders(stream, shared, 0, pin_memory=False)
    wait, module, trainer = DataWait(loaders, 2), Logging(), Trainer()
    wait.on_train_start()
    for step, (spent, waited) in enumerate([(4, 1), (4, 3), (10, 10), (10, 0)], start=1):
        now, loaders.waited, trainer.global_step = now + spent, loaders.waited + waited, step
        wait.on_train_batch_end(trainer, module)
    # Each line of the log is about the steps since the last one.
    assert module.shares == pytest.approx((1 / 4, 4 / 8, 1, 10 / 20))
    wait.on_validation_start()
    now += 1000
    wait.on_validation_end()
    now, loaders.waited = now + 5, loaders.waited + 1
    wait.on_train_batch_end(trainer, module)
    assert module.shares[-1] == pytest.approx(1 / 5)


@pytest.mark.parametrize(
    ("processes", "runtime", "reason"),
    [
        (Processes(2), CPU, "batch_size is 3, which 2 processes can't share"),
        (Processes(1, 2), CPU, "batch_size is 3, which 2 processes can't share"),
        (Processes(0), CPU, "at least one"),
        (Processes(3, strategy="fsdp"), CPU, "'fsdp' is unknown; expected auto or ddp"),
        (Processes(3), Runtime("cuda:1", bfloat16=False), "cuda:1 is a single one"),
        (Processes(3), Runtime("mps", bfloat16=False), "mps is a single one"),
        (Processes(3), Runtime("cuda", bfloat16=False), r"There are \d+ GPUs here, not 3"),
    ],
)
def test_what_can_not_be_shared_is_refused(monkeypatch, processes, runtime, reason):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=reason):
        processes.check(3, runtime)


def test_a_refused_training_leaves_nothing(tmp_path, data, config):
    with pytest.raises(ConfigError, match="set it to a multiple of 2"):
        fit(data, config, tmp_path / "m.safetensors", device="cpu", processes=Processes(2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"])
def test_the_first_process_is_known_by_its_numbers(monkeypatch, name):
    for other in ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(other, raising=False)
    assert is_first_process()
    monkeypatch.setenv(name, "0")
    assert is_first_process()
    monkeypatch.setenv(name, "1")
    assert not is_first_process()
