import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.prediction_file import load_origin, load_prediction, save_prediction
from napari_probinst.core.data.prediction_members import MEMBERS
from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.core.instances import (
    Instance,
    InstanceSet,
    Peak,
    ProbabilisticInstance,
    ProbabilisticInstances,
)
from napari_probinst.core.prediction import Origin, Prediction, Provenance

SHAPE = (6, 9)


def example(name="A01"):
    """Two draws: both see a bar, the second also sees a dot that the first doesn't."""
    bar = Instance((1, 2, 3, 7), np.array([[1, 1, 0, 1, 1], [0, 1, 1, 1, 0]], bool))
    wide = Instance((1, 1, 3, 7), np.ones((2, 6), bool))
    dot = Instance((5, 8, 6, 9), np.ones((1, 1), bool))
    counts = np.ones((2, 6), np.uint8)
    counts[:, 1:] += bar.mask
    instances = ProbabilisticInstances(
        SHAPE,
        (
            ProbabilisticInstance((1, 1, 3, 7), counts, (0, 1)),
            ProbabilisticInstance((5, 8, 6, 9), np.ones((1, 1), np.uint8), (None, 0)),
        ),
        (InstanceSet(SHAPE, (bar,)), InstanceSet(SHAPE, (dot, wide))),
    )
    peaks = (
        Peak(4, 8, (1,), 0.1 + 0.2, 1e-17, 1, "missed", "1 of 2 draws sees a worm here"),
        Peak(0, 0, (0, 1), 0.25, 2.5, 2, "merge", 'µ, "quoted"\nand more'),
    )
    return Prediction(
        name,
        instances,
        peaks,
        InferenceConfig(n_draws=2, seed=5, probability_threshold=0.6),
        Provenance("ab", "worms.safetensors", "cd", "napari-probinst 0.1", 2),
        (0.65, 0.5),
    )


def empty(n_draws=1, shape=(1, 1)):
    draws = (InstanceSet(shape, ()),) * n_draws
    return Prediction("empty", ProbabilisticInstances(shape, (), draws), ())


def assert_equal(first, second):
    for field in ("name", "peaks", "settings", "provenance", "pixel_size", "shape"):
        assert getattr(first, field) == getattr(second, field)
    a, b = first.instances, second.instances
    assert len(a) == len(b)
    for one, other in zip(a.instances, b.instances, strict=True):
        assert (one.bbox, one.matches) == (other.bbox, other.matches)
        assert np.array_equal(one.counts, other.counts)
    assert [len(draw) for draw in a.draws] == [len(draw) for draw in b.draws]
    for draw, same in zip(a.draws, b.draws, strict=True):
        assert draw.shape == same.shape
        for mine, theirs in zip(draw.instances, same.instances, strict=True):
            assert mine.bbox == theirs.bbox
            assert np.array_equal(mine.mask, theirs.mask)


@pytest.mark.parametrize(
    "prediction", [example(), empty(), empty(255, (7, 3))], ids=["two", "none", "255 draws"]
)
def test_a_prediction_comes_back_exactly(tmp_path, prediction):
    path = tmp_path / "a.prediction.npz"
    save_prediction(prediction, path)
    assert_equal(load_prediction(path), prediction)
    assert load_origin(path) == Origin(prediction.settings, prediction.provenance)


@st.composite
def predictions(draw):
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    n_draws = draw(st.integers(1, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def box():
        (y0, y1), (x0, x1) = (np.sort(generator.integers(0, n + 1, 2)) for n in (height, width))
        return tuple(int(side) for side in (y0, x0, y1, x1))

    def crop(box, top):
        return generator.integers(0, top + 1, (box[2] - box[0], box[3] - box[1])).astype(np.uint8)

    sets = []
    for _ in range(n_draws):
        boxes = [box() for _ in range(generator.integers(0, 4))]
        sets.append(InstanceSet((height, width), tuple(Instance(b, crop(b, 1) > 0) for b in boxes)))
    instances = []
    for b in [box() for _ in range(generator.integers(0, 4))]:
        choices = [int(generator.integers(-1, len(one))) if len(one) else -1 for one in sets]
        matches = tuple(None if match < 0 else match for match in choices)
        instances.append(ProbabilisticInstance(b, crop(b, n_draws), matches))
    return Prediction(
        "x", ProbabilisticInstances((height, width), tuple(instances), tuple(sets)), ()
    )


@given(predictions())
@settings(derandomize=True, max_examples=25, deadline=None)
def test_any_prediction_comes_back_exactly(tmp_path_factory, prediction):
    path = tmp_path_factory.mktemp("any") / "x.npz"
    save_prediction(prediction, path)
    assert_equal(load_prediction(path), prediction)


def test_numpy_numbers_in_peaks_are_stored_as_numbers(tmp_path):
    base = example()
    peak = Peak(
        np.int64(1), np.int64(2), (np.int64(0),), np.float32(0.25), np.float64(2), 1, "", ""
    )
    save_prediction(Prediction("x", base.instances, (peak,)), tmp_path / "x.npz")
    (loaded,) = load_prediction(tmp_path / "x.npz").peaks
    assert loaded == peak
    assert type(loaded.y) is int


def test_the_same_prediction_gives_the_same_bytes(tmp_path):
    for name in "ab":
        save_prediction(example(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_full_page_is_stored(tmp_path):
    dots = tuple(Instance((i, i, i + 1, i + 1), np.ones((1, 1), bool)) for i in range(500))
    shape = (4000, 4000)
    counted = tuple(
        ProbabilisticInstance(dot.bbox, dot.mask.astype(np.uint8), (i,))
        for i, dot in enumerate(dots)
    )
    instances = ProbabilisticInstances(shape, counted, (InstanceSet(shape, dots),))
    save_prediction(Prediction("x", instances, ()), tmp_path / "x.npz")
    assert (tmp_path / "x.npz").stat().st_size < 20_000


@pytest.mark.parametrize("name", ["", "..", "a/b", "..\\b", "a\0", "a\nb"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match="file name"):
        save_prediction(example(name), tmp_path / "x.npz")


def refusal(path):
    with pytest.raises(InputError) as caught:
        load_prediction(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def changed(tmp_path, header=None, **arrays):
    path = tmp_path / "x.npz"
    save_prediction(example(), path)
    with np.load(path) as archive:
        content = dict(archive)
    values = json.loads(content["header"].tobytes())
    values.update(header or {})
    content["header"] = np.frombuffer(json.dumps(values).encode(), np.uint8)
    content.update(arrays)
    np.savez(path, **content)
    return path


def test_the_helper_changes_nothing_by_itself(tmp_path):
    assert_equal(load_prediction(changed(tmp_path)), example())


def test_a_setting_that_came_later_has_its_default(tmp_path):
    settings = example().settings.model_dump(mode="json")
    del settings["scale"]
    assert load_prediction(changed(tmp_path, {"settings": settings})).settings.scale == 1


def test_instances_of_a_file_from_before_this_threshold_stay(tmp_path):
    settings = example().settings.model_dump(mode="json")
    del settings["existence_threshold"]
    loaded = load_prediction(changed(tmp_path, {"settings": settings}))
    assert loaded.settings.existence_threshold == 0


def test_channels_that_came_later_are_unknown(tmp_path):
    assert load_prediction(changed(tmp_path, {"provenance": {}})).provenance.n_channels == 0


def test_a_newer_version_is_named(tmp_path):
    assert "newer version (format 2" in refusal(changed(tmp_path, {"version": 2}))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"format": "else"}, "no prediction header"),
        ({"version": 0}, "no version"),
        ({"version": "1"}, "no version"),
        ({"shape": [6]}, "no image shape"),
        ({"shape": [6, -9]}, "no image shape"),
        ({"shape": [5, 9]}, "outside the image"),
        ({"shape": [2**31 - 1, 2**31 - 1]}, "may take here"),
        ({"shape": None}, "NoneType"),
        ({"name": "../../etc/passwd"}, "no file name"),
        ({"name": 3}, "no file name"),
        ({"settings": {"n_draws": 0}}, "n_draws"),
        ({"settings": {"unknown": 0}}, "unknown"),
        ({"settings": [1]}, "no settings"),
        ({"provenance": {"image_checksum": 1}}, "no provenance"),
        ({"provenance": {"author": "x"}}, "author"),
        ({"provenance": {"n_channels": "2"}}, "no number of channels"),
        ({"pixel_size": [1]}, "no pixel size"),
        ({"pixel_size": [1, float("nan")]}, "no pixel size"),
        ({"pixel_size": [0, 1]}, "no pixel size"),
    ],
)
def test_headers_that_contradict(tmp_path, header, said):
    assert said in refusal(changed(tmp_path, header))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": 6}, "outside the image"),
        ({"x": -1}, "outside the image"),
        ({"y": 0.5}, "whole number"),
        ({"instances": [2]}, "absent instances"),
        ({"instances": 3}, "int"),
        ({"rank": 2}, "out of order"),
        ({"entropy": float("inf")}, "without entropy"),
        ({"mass": "much"}, "without entropy"),
        ({"kind": None}, "without reason"),
        ({"colour": 1}, "colour"),
    ],
)
def test_peaks_that_contradict(tmp_path, change, said):
    peak = {
        "y": 0, "x": 0, "instances": [0], "entropy": 0.1, "mass": 1.0, "rank": 1, "kind": "merge",
        "reason": "x",
    }  # fmt: skip
    assert load_prediction(changed(tmp_path, {"peaks": [peak]})).peaks[0].rank == 1
    assert said in refusal(changed(tmp_path, {"peaks": [{**peak, **change}]}))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"boxes": np.array([[1, 1, 3, 7], [5, 8, 7, 9]], np.int32)}, "outside the image"),
        ({"boxes": np.array([[3, 1, 1, 7], [5, 8, 6, 9]], np.int32)}, "outside the image"),
        ({"boxes": np.array([[1, 1, 3, 7], [5, 7, 6, 9]], np.int32)}, "don't fill"),
        ({"boxes": np.zeros((2, 3), np.int32)}, "four sides"),
        ({"boxes": np.zeros((2, 4), np.int64)}, "another type"),
        ({"counts": np.full(13, 3, np.uint8)}, "exceed the draws"),
        ({"counts": np.ones(12, np.uint8)}, "don't fill"),
        ({"matches": np.array([[0, 2], [-1, 0]], np.int32)}, "absent instances"),
        ({"matches": np.array([[0, -2], [-1, 0]], np.int32)}, "absent instances"),
        ({"matches": np.zeros((2, 3), np.int32)}, "don't fit"),
        ({"draw_sizes": np.array([1, 3], np.int32)}, "draws lack"),
        ({"draw_sizes": np.array([-1, 4], np.int32)}, "draws lack"),
        ({"draw_sizes": np.zeros(0, np.int32)}, "number of draws"),
        ({"draw_sizes": np.zeros(256, np.int32)}, "number of draws"),
        ({"draw_boxes": np.full((3, 4), 2**31 - 1, np.int32)}, "outside the image"),
        ({"draw_masks": np.zeros(9, np.uint8)}, "don't fill"),
        ({"counts": np.array([{}], object)}, "another type"),
    ],
)
def test_arrays_that_contradict(tmp_path, arrays, said):
    assert said in refusal(changed(tmp_path, **arrays))


@pytest.mark.parametrize("header", [b"", b"{no json", b"[]", b"{}", b"\xff"])
def test_headers_that_are_none(tmp_path, header):
    with np.load(changed(tmp_path)) as archive:
        content = dict(archive, header=np.frombuffer(header, np.uint8))
    np.savez(tmp_path / "x.npz", **content)
    refusal(tmp_path / "x.npz")


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    assert "doesn't exist" in refusal(path)
    for content in (b"", b"some text", b"PK\x03\x04"):
        path.write_bytes(content)
        refusal(path)
    np.savez(path, other=np.zeros(3))
    refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header", "not an array")
    refusal(path)


def test_an_archive_that_claims_more_than_memory_is_refused(tmp_path, monkeypatch):
    path = changed(tmp_path)
    monkeypatch.setattr(
        "napari_probinst.core.data.prediction_members.default_memory_limit", lambda: 100
    )
    assert "may take here" in refusal(path)


def rewritten(path, name, content):
    """Put another member into the archive."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, whole in (members | {f"{name}.npy": content}).items():
            archive.writestr(each, whole)


def npy(array, claimed=None):
    file = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header | {"shape": claimed or array.shape})
    return file.getvalue() + array.tobytes()


@pytest.mark.parametrize(
    ("name", "shape"),
    [("header", 10**13), ("counts", 10**13), ("boxes", (10**12, 4)), ("draw_masks", 10**14)],
)
def test_an_array_that_claims_more_than_its_bytes_is_refused(tmp_path, name, shape):
    path = tmp_path / "x.npz"
    save_prediction(example(), path)
    dtype, n_dimensions = MEMBERS[name]
    claimed = shape if isinstance(shape, tuple) else (shape,)
    rewritten(path, name, npy(np.zeros((1,) * n_dimensions, dtype), claimed))
    assert "another size" in refusal(path)


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("counts", (10**7,), "don't fill their boxes"),
        ("draw_masks", (10**7,), "don't fill their boxes"),
        ("boxes", (10**6, 4), "more boxes than pixels"),
        ("draw_boxes", (10**6, 4), "more boxes than pixels"),
        ("matches", (10**6, 1), "matches don't fit"),
        ("draw_sizes", (10**6,), "number of draws"),
    ],
)
def test_an_array_far_beyond_the_image_is_never_read(tmp_path, monkeypatch, name, shape, said):
    path = tmp_path / "x.npz"
    save_prediction(example(), path)
    rewritten(path, name, npy(np.zeros(shape, MEMBERS[name][0])))
    read, read_array = [], np.lib.format.read_array

    def reading(*arguments, **options):
        read.append(read_array(*arguments, **options))
        return read[-1]

    monkeypatch.setattr(np.lib.format, "read_array", reading)
    assert said in refusal(path)
    assert max(array.size for array in read) < 10**6


def test_damaged_bytes_are_refused_or_harmless(tmp_path):
    path = tmp_path / "x.npz"
    save_prediction(example(), path)
    content = path.read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(100):
        broken = bytearray(content)
        for place in generator.integers(0, len(content), 3):
            broken[place] = generator.integers(0, 256)
        path.write_bytes(broken)
        try:
            load_prediction(path)
        except InputError:
            refused += 1
    assert refused > 50
    for length in range(0, len(content), 37):
        path.write_bytes(content[:length])
        refusal(path)


@pytest.mark.parametrize("size", [(-0.5, 0.5), (0.5, 0.0), (0.5, float("nan"))])
def test_a_pixel_size_that_no_file_can_hold_is_refused_before_anything_is_written(size):
    with pytest.raises(ValueError, match="expected positive"):
        replace(example(), pixel_size=size)
