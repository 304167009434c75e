"""One training step on a 512 x 512 crop with 16 filters, and the making of its crop."""

from __future__ import annotations

from functools import cache

import torch

from napari_probinst.core.config import Config
from napari_probinst.core.network.device import choose_runtime
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.core.network.unet import UNet
from napari_probinst.core.training.dataset import CropStream, TrainingImage
from napari_probinst.core.training.losses import instance_loss
from napari_probinst.sample_data import sample_image

from .run_length import by_length

CONFIG = Config()


@cache
def _stream():
    sample = sample_image()
    image = TrainingImage(
        "sample", normalise(sample.channels, CONFIG.network.channels), sample.truth
    )
    return CropStream([image], CONFIG, (528, 704))


@cache
def _crop():
    return _stream().crop(0)


@cache
def _learner(memory_format):
    """A network and its optimiser, which go on learning from call to call."""
    network = UNet(CONFIG.network).to(memory_format=memory_format)
    return network, torch.optim.Adam(network.parameters(), lr=1e-3)


class TrainingStep:
    """Forward, backward and optimiser step, batch 1."""

    timeout = 300
    rounds = 1
    repeat = by_length(3, 7)
    number = 1
    warmup_time = 0.01

    def setup(self):
        self.crop = _crop()
        self.image = self.crop.image[None].contiguous(memory_format=torch.channels_last)
        self.runtime = choose_runtime()

    def time_step(self):
        network, optimiser = _learner(torch.channels_last)
        with self.runtime.autocast():
            outputs = network(self.image)
        self._learn(outputs, optimiser)

    def time_step_float32_contiguous(self):
        network, optimiser = _learner(torch.contiguous_format)
        self._learn(network(self.crop.image[None]), optimiser)

    def time_crop(self):
        _stream().crop(1)

    def _learn(self, outputs, optimiser):
        crop = self.crop
        terms = instance_loss(*outputs, crop.labels[None], crop.classes[None], CONFIG.loss)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
