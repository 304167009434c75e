from __future__ import annotations

import errno
import json
import os
import re
import resource
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch

from napari_probinst.core.config import ChannelConfig, NetworkConfig

PLANE = np.arange(24 * 30, dtype=np.uint16).reshape(24, 30)


def truncated_tiff(n_pages):
    def write(path):
        tifffile.imwrite(path, np.stack([PLANE] * n_pages), photometric="minisblack")
        path.write_bytes(path.read_bytes()[:-500])

    return write


def truncated_png(path):
    noise = np.random.default_rng(0).integers(0, 65536, (64, 64)).astype(np.uint16)
    path.write_bytes(imagecodecs.png_encode(noise)[:2000])


def huge_tiff(path):
    tifffile.imwrite(path, PLANE, metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        tags = file.pages.first.tags
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tags[name].overwrite(1_000_000)


def huge_png(path):
    content = bytearray(imagecodecs.png_encode(PLANE))
    content[16:24] = struct.pack(">II", 1_000_000, 1_000_000)
    path.write_bytes(content)


def broken(value, dtype=np.float32):
    def write(path):
        pixels = PLANE.astype(dtype)
        pixels[3, 4] = value
        tifffile.imwrite(path, pixels)

    return write


def stack(n_pages, axes):
    def write(path):
        pages = np.stack([PLANE] * n_pages)
        tifffile.imwrite(path, pages, photometric="minisblack", metadata={"axes": axes})

    return write


BAD_IMAGES = {
    "text.tif": (lambda path: path.write_text("a, b\n1, 2\n"), "not a complete TIFF"),
    "text.png": (lambda path: path.write_text("a, b\n1, 2\n"), "not a PNG file"),
    "empty.tif": (lambda path: path.write_bytes(b""), "empty.tif"),
    "empty.png": (lambda path: path.write_bytes(b""), "not a PNG file"),
    "words.doc": (lambda path: path.write_text("x"), "expected one of .tif"),
    "short.tif": (truncated_tiff(1), "is truncated: 500 bytes"),
    "pages.tif": (truncated_tiff(2), "is damaged"),
    "short.png": (truncated_png, "not a complete PNG"),
    "huge.tif": (huge_tiff, "is truncated: 1999999998560 bytes of pixels are missing"),
    "huge.png": (huge_png, "claims 1000000 x 1000000"),
    "nan.tif": (broken(np.nan), "1 pixel that are NaN or infinite.* y=3, x=4"),
    "infinite.tif": (broken(np.inf, np.float64), "y=3, x=4"),
    "beyond.tif": (broken(1.7e308, np.float64), "beyond 1e\\+300"),
    "complex.tif": (broken(1j, np.complex64), "complex64"),
    "three.tif": (stack(3, "CYX"), r"3 channels; this model needs 2 \(bright field, fluo.* or 1"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_is_refused(tmp_path, predict, contents, name):
    make, reason = BAD_IMAGES[name]
    make(tmp_path / name)
    sentence = predict(tmp_path / name, tmp_path / "out").refusal()
    assert str(tmp_path / name) in sentence
    assert_matches(reason, sentence)
    assert contents(tmp_path / "out") == {}


def assert_matches(pattern, sentence):
    assert re.search(pattern, sentence), sentence


def test_nothing_is_computed_for_names_that_nothing_can_be_written_to(tmp_path, predict, contents):
    name = "\udcff.tif" if os.name == "posix" else "a.tif"
    for bad in ("a:b.tif", name):
        folder = tmp_path / f"case {len(bad)}"
        folder.mkdir()
        tifffile.imwrite(os.fspath(folder / bad), PLANE)
        assert "so rename it" in predict(folder, tmp_path / "out").refusal()
    assert contents(tmp_path / "out") == {}


def test_channels_of_different_shapes_are_refused(tmp_path, predict, write):
    write(tmp_path / "p_w2.tif", PLANE)
    write(tmp_path / "p_w1.tif", PLANE[:, 1:])
    assert "24 x 29" in predict(tmp_path / "p_w2.tif", tmp_path / "out").refusal()


def test_a_channel_that_the_model_needs_is_asked_for(tmp_path, predict, write, make_model):
    channels = (ChannelConfig(name="red"), ChannelConfig(name="green"), ChannelConfig(name="blue"))
    model = make_model(config=NetworkConfig(filters=2, levels=2, channels=channels))
    image = write(tmp_path / "a.tif", np.stack([PLANE, PLANE]))
    sentence = predict(image, tmp_path / "out", model=model).refusal()
    assert "a.tif has 2 channels; this model needs 3 (red, green, blue)" in sentence


def with_header(content, **values):
    """Model file whose own header says something else; the weights stay."""
    (length,) = struct.unpack("<Q", content[:8])
    head = json.loads(content[8 : 8 + length])
    header = json.loads(head["__metadata__"]["napari_probinst"])
    head["__metadata__"]["napari_probinst"] = json.dumps({**header, **values})
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


BAD_MODELS = {
    "text": (lambda content: b"weights", "not a model of napari-probinst"),
    "empty": (lambda content: b"", "not a model of napari-probinst"),
    "truncated": (lambda content: content[:-20], "damaged"),
    "newer": (lambda content: with_header(content, format_version=2), "format version 2"),
    "ageless": (lambda content: with_header(content, format_version=0), "format version 0"),
    "odd": (lambda content: with_header(content, format_version="1"), "format version 1"),
    "foreign": (lambda content: with_header(content, wings=2), "damaged header"),
    "other": (lambda content: with_header(content, network={"filters": 5}), "damaged"),
    # 4 TB of weights, none of them in the file: refused without taking the memory.
    "enormous": (
        lambda content: with_header(content, network={"filters": 256, "levels": 8}),
        "damaged",
    ),
}


@pytest.mark.parametrize("kind", BAD_MODELS)
def test_a_bad_model_is_refused(tmp_path, predict, write, model, kind):
    change, reason = BAD_MODELS[kind]
    (tmp_path / "bad.safetensors").write_bytes(change(model.read_bytes()))
    image = write(tmp_path / "a.tif", PLANE)
    sentence = predict(image, tmp_path / "out", model=tmp_path / "bad.safetensors").refusal()
    assert "bad.safetensors" in sentence
    assert reason in sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
def test_pickled_weights_are_never_opened(tmp_path, predict, write, name):
    class Payload:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    torch.save({"weights": torch.zeros(2), "payload": Payload()}, tmp_path / name)
    image = write(tmp_path / "a.tif", PLANE)
    sentence = predict(image, tmp_path / "out", model=tmp_path / name).refusal()
    assert "never opened" in sentence
    assert not (tmp_path / "executed").exists()


def test_a_model_that_is_not_there_is_named(tmp_path, predict, write):
    image = write(tmp_path / "a.tif", PLANE)
    for model in (tmp_path / "absent.safetensors", tmp_path):
        assert str(model) in predict(image, tmp_path / "out", model=model).refusal()


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--draws", "0", "n_draws is 0; expected at least 1"),
        ("--draws", "256", "n_draws is 256; expected at most 255"),
        ("--seed", "-1", "seed is -1; expected at least 0"),
        ("--threshold", "0", "probability_threshold is 0.0; expected more than 0"),
        ("--threshold", "1.5", "probability_threshold is 1.5; expected at most 1"),
        ("--bandwidth", "nan", "bandwidth is nan; expected a finite number"),
        ("--min-size", str(2**40), "min_size is .*; expected less than"),
        ("--device", "toaster", "'toaster' is no device; use auto, cpu"),
        ("--axes", "CYY", "axes 'CYY' are not understood"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, predict, option, value, reason):
    image = tmp_path / "a.tif"
    tifffile.imwrite(image, PLANE)
    assert_matches(reason, predict(image, tmp_path / "out", option, value).refusal())


def test_unknown_wells_are_named(tmp_path, predict, write):
    for name in ("A01", "A02"):
        write(tmp_path / f"{name}.tif", PLANE)
    wells = tmp_path / "list.txt"
    wells.write_text("A02\nB07\n")
    sentence = predict(tmp_path, tmp_path / "out", "--wells", wells).refusal()
    assert "has no B07; it holds A01, A02" in sentence
    wells.write_text("# none\n")
    assert "names nothing" in predict(tmp_path, tmp_path / "out", "--wells", wells).refusal()
    wells.unlink()
    assert str(wells) in predict(tmp_path, tmp_path / "out", "--wells", wells).refusal()


def test_images_that_are_not_there_are_named(tmp_path, predict):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "absent.tif", tmp_path / "absent", tmp_path / "empty"):
        assert f"{path} " in predict(path, tmp_path / "out").refusal()
    assert not (tmp_path / "out").exists()


def test_a_folder_without_one_good_image_is_refused_as_a_whole(tmp_path, predict, contents):
    for name in "ab":
        (tmp_path / f"{name}.tif").write_text("x")
    done = predict(tmp_path, tmp_path / "out")
    assert done.code == 2
    assert [name in done.err for name in ("a.tif is not", "b.tif is not")] == [True, True]
    assert done.err.splitlines()[-1] == "error: None of the 2 images could be predicted."
    assert contents(tmp_path / "out") == {}


def test_an_output_that_is_a_file_is_refused(tmp_path, predict, write):
    image = write(tmp_path / "a.tif", PLANE)
    for output in (image, image / "below"):
        assert f"{output} " in predict(image, output).refusal()
    assert np.array_equal(tifffile.imread(image), PLANE)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_leaves_no_partial_file(tmp_path, predict, contents, monkeypatch, code):
    def fail(number):
        raise OSError(code, os.strerror(code))

    image = tmp_path / "a.tif"
    tifffile.imwrite(image, PLANE)
    monkeypatch.setattr(os, "fsync", fail)
    sentence = predict(image, tmp_path / "out").refusal()
    assert "a.prediction.npz can't be written: " in sentence
    assert "choose another" in sentence
    assert contents(tmp_path / "out") == {}


def test_a_disk_that_takes_no_more_leaves_no_partial_file(tmp_path, predict, write, contents):
    """The system itself cuts the file short, at the size limit of this process."""
    image = write(tmp_path / "a.tif", PLANE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))
    try:
        done = predict(image, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "a.prediction.npz can't be written: " in done.refusal()
    assert contents(tmp_path / "out") == {}


def test_a_read_only_disk_is_refused(tmp_path, predict, write, contents, monkeypatch):
    image = write(tmp_path / "a.tif", PLANE)
    opened = Path.open

    def read_only(path, mode="r", *arguments, **options):
        if set(mode) & set("wxa+"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", read_only)
    sentence = predict(image, tmp_path / "out").refusal()
    assert "the disk is read-only; choose another folder" in sentence
    assert contents(tmp_path / "out") == {}


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path, predict, write, contents):
    image = write(tmp_path / "a.tif", PLANE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o500)
    if os.access(tmp_path / "out", os.W_OK):
        pytest.skip("this user may write anywhere")
    assert "not permitted" in predict(image, tmp_path / "out").refusal()
    assert contents(tmp_path / "out") == {}


def test_stacks_too_large_for_a_tiff_are_refused(tmp_path, predict, write, contents, monkeypatch):
    monkeypatch.setattr("napari_probinst.core.data.exports.STACK_LIMIT", PLANE.size - 1)
    image = write(tmp_path / "a.tif", PLANE)
    assert "more than 4 GB" in predict(image, tmp_path / "out", "--stacks").refusal()
    assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict",),
        ("predict", "a.tif"),
        ("predict", "a.tif", "--output", "out", "--draws", "many"),
        ("predict", "a.tif", "--output", "out", "--sead", "1"),
        ("segment",),
        (),
    ],
)
def test_wrong_usage_is_code_2_and_tells_the_usage(run, arguments):
    done = run(*arguments)
    assert done.code == 2
    assert "Usage: " in done.out + done.err
    assert "Traceback" not in done.err
