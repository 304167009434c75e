"""One training step on a 512 x 512 crop with 16 filters, and the making of its crop."""

from __future__ import annotations

import torch

from napari_probinst.core.config import Config
from napari_probinst.core.data.synthetic import synthetic_image
from napari_probinst.core.network.device import choose_runtime
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.core.network.unet import UNet
from napari_probinst.core.training.dataset import CropStream, TrainingImage
from napari_probinst.core.training.losses import instance_loss


class TrainingStep:
    """Forward, backward and optimiser step, batch 1."""

    timeout = 300
    repeat = (3, 5, 20.0)
    number = 1

    def setup(self):
        self.config = Config()
        sample = synthetic_image(seed=0)
        image = TrainingImage(
            "sample", normalise(sample.channels, self.config.network.channels), sample.truth
        )
        self.stream = CropStream([image], self.config, (528, 704))
        self.crop = self.stream.crop(0)
        self.runtime = choose_runtime()
        self.network = UNet(self.config.network).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        self.plain = UNet(self.config.network)
        self.plain_optimiser = torch.optim.Adam(self.plain.parameters(), lr=1e-3)

    def time_step(self):
        image = self.crop.image[None].contiguous(memory_format=torch.channels_last)
        with self.runtime.autocast():
            outputs = self.network(image)
        self._learn(outputs, self.optimiser)

    def time_step_float32_contiguous(self):
        self._learn(self.plain(self.crop.image[None]), self.plain_optimiser)

    def time_crop(self):
        self.stream.crop(1)

    def _learn(self, outputs, optimiser):
        crop = self.crop
        terms = instance_loss(*outputs, crop.labels[None], crop.classes[None], self.config.loss)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
