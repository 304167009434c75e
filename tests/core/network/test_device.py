from __future__ import annotations

import pytest
import torch

from napari_probinst.core.errors import ConfigError
from napari_probinst.core.network.device import Runtime, choose_runtime


@pytest.mark.parametrize("name", ["toaster", "", "cuda:x"])
def test_an_unknown_device_is_refused_by_name(name):
    with pytest.raises(ConfigError, match=name or "''"):
        choose_runtime(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("name", ["cuda", "cuda:7"])
def test_a_missing_gpu_is_refused(name):
    with pytest.raises(ConfigError, match=f"'{name}' is not on this machine"):
        choose_runtime(name)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has MPS")
def test_missing_mps_is_refused():
    with pytest.raises(ConfigError, match="mps"):
        choose_runtime("mps")


@pytest.mark.parametrize("name", ["meta", "xpu"])
def test_a_device_that_torch_knows_and_we_do_not_serve_is_refused(name):
    with pytest.raises(ConfigError, match="not supported"):
        choose_runtime(name)


AMX = {"cpu_name": "Intel(R) Xeon(R)", "amx_bf16": True, "avx512_bf16": True}


@pytest.mark.parametrize(
    ("offered", "bfloat16"),
    [
        (AMX, True),
        # Intel's AVX512 alone makes half as many products of bfloat16 at once as of float32.
        ({**AMX, "amx_bf16": False}, False),
        ({"cpu_name": "AMD EPYC", "amx_bf16": False, "avx512_bf16": True}, True),
        ({"cpu_name": "AMD EPYC", "amx_bf16": False, "avx512_bf16": False}, False),
        # As on ARM, where nothing of this is listed.
        ({}, False),
    ],
)
def test_the_processor_chooses_the_precision(monkeypatch, offered, bfloat16):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: offered)
    runtime = choose_runtime("cpu")
    assert runtime == Runtime("cpu", bfloat16=bfloat16)
    assert runtime.precision == ("bfloat16" if bfloat16 else "float32")


@pytest.mark.parametrize("bfloat16", [True, False])
def test_autocast_sets_the_precision_of_products(bfloat16):
    square = torch.ones(2, 2)
    with Runtime("cpu", bfloat16).autocast():
        assert (square @ square).dtype == (torch.bfloat16 if bfloat16 else torch.float32)


def test_float32_holds_inside_somebody_elses_autocast():
    square = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16), Runtime("cpu", bfloat16=False).autocast():
        assert (square @ square).dtype == torch.float32
