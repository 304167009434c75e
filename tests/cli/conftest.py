"""Commands run in this process, with an untrained network that a processor runs in no time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import torch

from napari_probinst.cli.main import main
from napari_probinst.core.config import InferenceConfig, NetworkConfig
from napari_probinst.core.data.image_folders import IMAGE_FOLDERS_NAME
from napari_probinst.core.network.checkpoint import model_bytes
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = NetworkConfig(filters=4, levels=3, initial_rate=0.2, coordinates="input")
#: With two draws, half is what an instance of either has: all are exported, and they overlap.
INFERENCE = InferenceConfig(
    n_draws=2,
    min_size=4,
    n_seeds=16,
    bandwidth=0.5,
    cluster_threshold=0.5,
    probability_threshold=0.5,
    existence_threshold=0,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left in the terminal."""

    code: int
    out: str
    err: str

    def refusal(self) -> str:
        """Return the one sentence of a refused command."""
        assert self.code == 2, self
        assert "Traceback" not in self.err
        (line,) = self.err.splitlines()
        assert line.startswith("error: ")
        assert line.endswith((".", ".)")), line
        return line.removeprefix("error: ")


def network(config: NetworkConfig = NETWORK) -> UNet:
    torch.manual_seed(0)
    return UNet(config)


@pytest.fixture(scope="session")
def make_model(tmp_path_factory):
    """Return the function that writes a model file; keywords are fields of its header."""

    def make(name="tiny.safetensors", config=NETWORK, **header) -> Path:
        path = tmp_path_factory.mktemp("model") / name
        # What it sees in noise is about so wide.
        header = {"network": config, "inference": INFERENCE, "object_width": 2.0, **header}
        path.write_bytes(model_bytes(network(config), ModelHeader(**header)))
        return path

    return make


@pytest.fixture(scope="session")
def model(make_model) -> Path:
    return make_model()


@pytest.fixture
def run(capfd):
    """Return the function that runs a command and tells what came of it."""

    def run(*arguments, command=main) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            command([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Outcome(int(caught.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def predict(run, model):
    """Return the function that predicts with the tiny model."""

    def predict(images, output, *options, model=model) -> Outcome:
        return run("predict", images, "--output", output, "--model", model, *options)

    return predict


@pytest.fixture(scope="session")
def pixels():
    """Return the function that makes noise of two channels, from a seed."""

    def pixels(seed=0, shape=(2, 19, 26)) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 4000, shape).astype(np.uint16)

    return pixels


@pytest.fixture(scope="session")
def write():
    """Return the function that writes pages as a TIFF."""

    def write(path, pages, **options) -> Path:
        tifffile.imwrite(path, pages, **{"photometric": "minisblack", **options})
        return path

    return write


@pytest.fixture
def contents():
    """Return the function that reads every file of a folder, by name.

    Left out is the note of where the images were, which is another one for each place.
    """

    def contents(folder) -> dict[str, bytes]:
        if not folder.is_dir():
            return {}
        return {
            path.name: path.read_bytes()
            for path in sorted(folder.iterdir())
            if path.name != IMAGE_FOLDERS_NAME
        }

    return contents
