from __future__ import annotations

import pytest
import torch

from napari_probinst.core.config import NetworkConfig
from napari_probinst.core.errors import ModelError
from napari_probinst.core.network.averaging import average
from napari_probinst.core.network.checkpoint import Model
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet

CONFIG = NetworkConfig(filters=2, levels=3, embedding_dimensions=3, class_decoder=True)
IMAGE = torch.linspace(-1, 1, 4 * 16 * 16).reshape(1, 4, 16, 16)


def _model(seed, **changed):
    config = CONFIG.model_copy(update=changed)
    torch.manual_seed(seed)
    return Model(UNet(config).eval(), ModelHeader(network=config), file_name=f"{seed}.safetensors")


def test_every_weight_is_the_mean():
    models = [_model(0), _model(1)]
    first, second = (model.network.state_dict() for model in models)
    equal = average(models).state_dict()
    uneven = average(models, [0.25, 0.75]).state_dict()
    for name in first:
        torch.testing.assert_close(equal[name], (first[name] + second[name]) / 2)
        torch.testing.assert_close(uneven[name], 0.25 * first[name] + 0.75 * second[name])


def test_the_mean_of_a_model_and_itself_is_the_model():
    model = _model(0)
    mean = average([model, model], [0.3, 0.7])
    with torch.no_grad():
        for got, expected in zip(mean(IMAGE), model.network(IMAGE), strict=True):
            torch.testing.assert_close(got, expected)
    assert not mean.training


def test_a_model_without_context_reads_it_with_weight_zero():
    plain, wide = _model(0), _model(1, global_context=True)
    mean = average([plain, wide]).state_dict()
    own = wide.network.state_dict()
    torch.testing.assert_close(mean["context.weight"], own["context.weight"])
    read = mean["class_block.conv1.weight"]
    n_plain = plain.network.state_dict()["class_block.conv1.weight"].shape[1]
    torch.testing.assert_close(read[:, n_plain:], own["class_block.conv1.weight"][:, n_plain:] / 2)


def test_networks_that_differ_are_refused():
    with pytest.raises(ModelError, match=r"0\.safetensors and 1\.safetensors can't be averaged"):
        average([_model(0, filters=3), _model(1)])


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.6], [-0.5, 1.5]])
def test_shares_that_do_not_fit_are_refused(shares):
    with pytest.raises(ModelError, match="2 models need as many shares"):
        average([_model(0), _model(1)], shares)
