from __future__ import annotations

import hashlib
import json
import struct

import pytest
import torch
from safetensors.torch import save

from napari_probinst.core.config import NetworkConfig
from napari_probinst.core.errors import ModelError
from napari_probinst.core.network.checkpoint import load_model, model_bytes, rewritten
from napari_probinst.core.network.header import (
    FORMAT_VERSION,
    ModelHeader,
    read_header,
    with_header,
)
from napari_probinst.core.network.unet import UNet

CONFIG = NetworkConfig(filters=2, levels=2, embedding_dimensions=3)


def _content(header: ModelHeader | None = None) -> bytes:
    torch.manual_seed(0)
    return model_bytes(UNet(CONFIG), header or ModelHeader(network=CONFIG))


def _with_metadata(content: bytes, change) -> bytes:
    """Model file whose JSON entry ``change`` has rewritten (text to text)."""
    (length,) = struct.unpack("<Q", content[:8])
    head = json.loads(content[8 : 8 + length])
    head["__metadata__"]["napari_probinst"] = change(head["__metadata__"]["napari_probinst"])
    new = json.dumps(head).encode()
    return struct.pack("<Q", len(new)) + new + content[8 + length :]


def _with_values(content: bytes, **values) -> bytes:
    return _with_metadata(content, lambda text: json.dumps({**json.loads(text), **values}))


def test_round_trip(tmp_path):
    torch.manual_seed(0)
    network = UNet(CONFIG)
    header = ModelHeader(
        name="worms",
        network=CONFIG,
        extent=(64, 128),
        object_width=7.5,
        training={"steps": 12, "rates": {"head": 0.1}},
    )
    content = model_bytes(network, header)
    path = tmp_path / "worms.safetensors"
    path.write_bytes(content)

    model = load_model(path)

    assert model.header == header
    assert model.file_name == "worms.safetensors"
    assert model.checksum == hashlib.sha256(content).hexdigest()
    assert not model.network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], tensor), name
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    image = torch.randn(1, 4, 4, 4)
    with torch.no_grad():
        assert torch.equal(model.network(image)[0], network.eval()(image)[0])
    assert read_header(path) == header


def test_the_same_model_is_the_same_bytes():
    assert _content() == _content()


def test_channels_last_weights_are_stored_alike():
    torch.manual_seed(0)
    network = UNet(CONFIG).to(memory_format=torch.channels_last)
    assert model_bytes(network, ModelHeader(network=CONFIG)) == _content()


def _pickled(path):
    torch.save({"weight": torch.zeros(2)}, path)


BROKEN = {
    "text": (lambda path: path.write_text("this is no model"), "not a model"),
    "empty": (lambda path: path.write_bytes(b""), "not a model"),
    "short": (lambda path: path.write_bytes(b"abc"), "not a model"),
    "pickled": (_pickled, "not a model.*[Pp]ickled"),
    "foreign": (
        lambda path: path.write_bytes(save({"weight": torch.zeros(2)})),
        "not a model",
    ),
    "truncated weights": (lambda path: path.write_bytes(_content()[:-10]), "damaged"),
    "truncated header": (lambda path: path.write_bytes(_content()[:100]), "not a model"),
    "newer": (
        lambda path: path.write_bytes(
            _with_values(_content(), format_version=FORMAT_VERSION + 1, future="yes")
        ),
        r"version 2.*update",
    ),
    "no version": (
        lambda path: path.write_bytes(_with_values(_content(), format_version="one")),
        "version",
    ),
    "header no JSON": (
        lambda path: path.write_bytes(_with_metadata(_content(), lambda _: "{")),
        "damaged header",
    ),
    "header a list": (
        lambda path: path.write_bytes(_with_metadata(_content(), lambda _: "[1]")),
        "damaged header",
    ),
    "unknown setting": (
        lambda path: path.write_bytes(_with_values(_content(), colour="blue")),
        "damaged header",
    ),
    "other network": (
        lambda path: path.write_bytes(
            _with_values(
                _content(),
                network=CONFIG.model_copy(update={"filters": 3}).model_dump(mode="json"),
            )
        ),
        "don't fit",
    ),
    "deterministic header": (
        lambda path: path.write_bytes(
            _with_values(
                _content(),
                network=CONFIG.model_copy(update={"dropout": "none"}).model_dump(mode="json"),
            )
        ),
        "don't fit",
    ),
    "folder": (lambda path: path.mkdir(), "can't be read"),
    "missing": (lambda path: None, "can't be read.*check the path"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_refusals_are_one_sentence_that_names_the_file(tmp_path, kind):
    path = tmp_path / "broken.safetensors"
    make, message = BROKEN[kind]
    make(path)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(path)
    text = str(caught.value)
    assert "broken.safetensors" in text
    assert "\n" not in text


def test_a_pickle_is_never_opened(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    torch.save({"weight": torch.zeros(2)}, path)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was opened"))
    with pytest.raises(ModelError):
        load_model(path)


class TestAnotherHeader:
    def test_weights_stay_byte_for_byte(self):
        content = _content()
        header = ModelHeader(network=CONFIG, name="täglich", tuning={"images": ["A01"]})
        changed = with_header(content, header)
        assert _weights(changed) == _weights(content)
        (length,) = struct.unpack("<Q", changed[:8])
        assert length % 8 == 0

    def test_it_is_what_would_have_been_written_in_the_first_place(self, tmp_path):
        header = ModelHeader(network=CONFIG, name="other", training={"steps": 3})
        path = tmp_path / "m.safetensors"
        path.write_bytes(with_header(_content(), header))
        model = load_model(path)
        assert model.header == header
        assert torch.equal(model.network.head.weight, _network().head.weight)

    def test_back_again(self):
        first = ModelHeader(network=CONFIG)
        once = with_header(_content(), ModelHeader(network=CONFIG, name="other"))
        twice = with_header(once, first)
        assert with_header(twice, first) == twice
        assert _metadata(twice) == _metadata(_content())

    def test_a_file_that_was_changed_meanwhile_is_refused(self, tmp_path):
        path = tmp_path / "m.safetensors"
        path.write_bytes(_content())
        model = load_model(path)
        header = ModelHeader(network=CONFIG, name="other")
        assert rewritten(path, model, header) == with_header(_content(), header)
        path.write_bytes(_content(header))
        with pytest.raises(ModelError, match="was changed while it was in use"):
            rewritten(path, model, header)


def _network():
    torch.manual_seed(0)
    return UNet(CONFIG)


def _weights(content: bytes) -> tuple[bytes, dict]:
    """Bytes after the JSON text, and where it says which tensor is."""
    (length,) = struct.unpack("<Q", content[:8])
    entries = json.loads(content[8 : 8 + length])
    del entries["__metadata__"]
    return content[8 + length :], entries


def _metadata(content: bytes) -> dict:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])["__metadata__"]
