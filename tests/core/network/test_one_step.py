"""Convolution and ReLU in one step: the same values as in two."""

from __future__ import annotations

import copy

import pytest
import torch

from napari_probinst.core.config import NetworkConfig
from napari_probinst.core.network.double_conv import DoubleConv
from napari_probinst.core.network.one_step import halve, is_offered, merge_steps
from napari_probinst.core.network.unet import UNet

offered = pytest.mark.skipif(
    not (is_offered(bfloat16=False) and is_offered(bfloat16=True)),
    reason="torch was built without oneDNN",
)
CONFIG = NetworkConfig(
    filters=16, levels=3, coordinates="output", class_decoder=True, global_context=True
)


def _merged(network, *, bfloat16):
    result = copy.deepcopy(network)
    merge_steps(result, bfloat16=bfloat16)
    return result


@offered
@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("config", [CONFIG, CONFIG.model_copy(update={"global_context": False})])
@torch.inference_mode()
def test_a_merged_network_gives_the_same_values(config, bfloat16):
    network = UNet(config).eval().to(memory_format=torch.channels_last)
    x = torch.randn(1, 4, 24, 40).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        for mine, theirs in zip(_merged(network, bfloat16=bfloat16)(x), network(x), strict=True):
            if bfloat16:
                assert torch.equal(mine, theirs)
            else:  # oneDNN may sum up in another order
                torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pages_are_halved_as_by_max_pooling(dtype):
    x = torch.randn(2, 3, 6, 10).to(dtype).to(memory_format=torch.channels_last)
    halved = halve(x)
    assert torch.equal(halved, torch.nn.functional.max_pool2d(x, 2))
    assert halved.is_contiguous(memory_format=torch.channels_last)


@offered
@torch.inference_mode()
def test_a_merged_block_has_no_second_step(monkeypatch):
    network = _merged(UNet(CONFIG).eval(), bfloat16=False)
    block = network.encoder[1]
    assert isinstance(block, DoubleConv)
    monkeypatch.setattr(torch, "relu_", None)  # would be called in a step of its own
    assert (block(torch.randn(1, 16, 8, 8)) >= 0).all()


@torch.inference_mode()
def test_where_torch_lacks_the_step_nothing_changes(monkeypatch):
    monkeypatch.setattr("napari_probinst.core.network.one_step.is_offered", lambda **_: False)
    network = UNet(CONFIG).eval()
    merged = _merged(network, bfloat16=True)
    assert all(weight.dtype == torch.float32 for weight in merged.parameters())
    x = torch.randn(1, 4, 8, 8)
    for mine, theirs in zip(merged(x), network(x), strict=True):
        assert torch.equal(mine, theirs)


def test_a_step_that_takes_other_arguments_is_not_offered(monkeypatch):
    def refuse(*_):
        raise RuntimeError("expected at most 3 argument(s)")

    monkeypatch.setattr("napari_probinst.core.network.one_step._step", refuse)
    assert not is_offered.__wrapped__(bfloat16=False)
