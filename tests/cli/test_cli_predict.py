from __future__ import annotations

import csv
import json

import imagecodecs
import numpy as np
import pytest
import tifffile
from pycocotools.coco import COCO

from napari_probinst.core.config import ChannelConfig, NetworkConfig
from napari_probinst.core.data.coloured import coloured_text
from napari_probinst.core.data.prediction_file import load_prediction

FILES = ("entropy.tif", "labels.tif", "peaks.csv", "prediction.npz", "probability.tif")
STACKS = ("counts.tif", "instances.tif")

# pycocotools 2.0.11 has not learnt NumPy 2's __array__ yet.
decodes_masks = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def names(image, *suffixes):
    return {f"{image}.{suffix}" for suffix in suffixes}


def peaks(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def coco_masks(path):
    """Images of a COCO data set, each with the masks and annotations of its labels."""
    coco = COCO(str(path))
    return {
        image["file_name"]: {
            annotation["label"]: (coco.annToMask(annotation).astype(bool), annotation)
            for annotation in coco.imgToAnns[image["id"]]
        }
        for image in coco.dataset["images"]
    }


def timeless(files):
    """All files but the table that also tells how long each image took."""
    return {name: content for name, content in files.items() if name != "images.csv"}


def pages(path):
    with tifffile.TiffFile(path) as file:
        return np.stack([page.asarray() for page in file.pages]), json.loads(
            file.pages[0].description
        )


def test_a_run_writes_all_that_is_promised_and_says_so(tmp_path, predict, write, pixels):
    write(tmp_path / "worm 1.ome.tif", pixels())
    output = tmp_path / "new" / "results"
    done = predict(tmp_path / "worm 1.ome.tif", output)
    assert (done.code, done.err) == (0, "")
    assert "[1/1] worm 1: " in done.out
    found = {path.name for path in output.iterdir()}
    assert found == names("worm 1", *FILES) | {"predictions.json", "image-folders.json"}


@decodes_masks
def test_all_files_tell_the_same(tmp_path, predict, write, pixels):
    write(tmp_path / "a.tif", pixels())
    output = tmp_path / "out"
    done = predict(tmp_path / "a.tif", output, "--stacks")
    assert {path.name for path in output.iterdir()} == names("a", *FILES, *STACKS) | {
        "predictions.json"
    }
    native = load_prediction(output / "a.prediction.npz")
    shape, n_draws = native.shape, native.instances.n_draws
    everything = native.instances.instances
    assert (shape, n_draws) == ((19, 26), 2)
    assert len(everything) > 3, "the network of this test has to find something"

    counts = np.zeros((len(everything), *shape), np.uint8)
    for page, instance in zip(counts, everything, strict=True):
        y0, x0, y1, x1 = instance.bbox
        page[y0:y1, x0:x1] = instance.counts
    probability = counts / n_draws
    masks = probability >= 0.5
    exported = [index for index, mask in enumerate(masks) if mask.sum() >= 4]

    stack, description = pages(output / "a.counts.tif")
    assert stack.dtype == np.uint8
    assert np.array_equal(stack, counts)
    settings = {"n_draws": 2, "threshold": 0.5, "existence": 0, "min_size": 4}
    assert settings.items() <= description.items()
    stack, description = pages(output / "a.instances.tif")
    assert np.array_equal(stack > 0, masks[exported])
    assert settings.items() <= description.items()

    inside = np.clip(probability, 1e-12, 1 - 1e-12)
    entropy = -inside * np.log(inside) - (1 - inside) * np.log(1 - inside)
    for suffix, expected in (("probability", probability), ("entropy", entropy)):
        page = tifffile.imread(output / f"a.{suffix}.tif")
        assert page.dtype == np.float32
        np.testing.assert_allclose(page, expected.max(axis=0), atol=1e-6)

    annotations = coco_masks(output / "predictions.json")["a.tif"]
    assert sorted(annotations) == [index + 1 for index in exported]
    for label, (mask, annotation) in annotations.items():
        assert np.array_equal(mask, masks[label - 1])
        assert annotation["area"] == mask.sum()
        assert 0 <= annotation["score"] <= 1

    labels = tifffile.imread(output / "a.labels.tif")
    assert np.array_equal(labels > 0, masks[exported].any(axis=0))
    for y, x in np.argwhere(labels):
        candidates = [index for index in exported if masks[index, y, x]]
        best = max(candidates, key=lambda index: (counts[index, y, x], -index))
        assert labels[y, x] == best + 1
    n_overlap = int((masks[exported].sum(axis=0) > 1).sum())
    assert f"a: {len(exported)} instances, {n_overlap} overlap pixels, " in done.out


def test_the_table_of_peaks_is_that_of_the_prediction(tmp_path, predict, write, pixels):
    write(tmp_path / "a.tif", pixels())
    predict(tmp_path / "a.tif", tmp_path)
    native = load_prediction(tmp_path / "a.prediction.npz")
    table = peaks(tmp_path / "a.peaks.csv")
    assert len(table) == len(native.peaks) > 0
    assert [int(row["rank"]) for row in table] == list(range(1, len(table) + 1))
    for row, peak in zip(table, native.peaks, strict=True):
        assert row["image"] == "a"
        assert (int(row["y"]), int(row["x"])) == (peak.y, peak.x)
        assert float(row["entropy"]) == pytest.approx(peak.entropy)
        assert float(row["score"]) == pytest.approx(peak.mass)
        assert [int(label) - 1 for label in row["instances"].split()] == list(peak.instances)
        assert (row["kind"], row["reason"]) == (peak.kind, peak.reason)
        assert "draw" in row["reason"]
    scores = [float(row["score"]) for row in table]
    assert scores == sorted(scores, reverse=True)
    predict(tmp_path / "a.tif", tmp_path, "--ranking", "entropy")
    scores = [float(row["score"]) for row in peaks(tmp_path / "a.peaks.csv")]
    assert scores == sorted(scores, reverse=True)
    assert scores == [float(row["entropy"]) for row in peaks(tmp_path / "a.peaks.csv")]


@decodes_masks
def test_no_instance_is_a_valid_result_in_every_file(tmp_path, predict, write, pixels):
    write(tmp_path / "a.tif", pixels())
    output = tmp_path / "out"
    done = predict(tmp_path / "a.tif", output, "--stacks", "--min-size", 100_000)
    assert done.code == 0
    assert "a: 0 instances, 0 overlap pixels, 0 peaks" in done.out
    assert done.err.startswith("Nothing was found. The model knows objects about 2 pixels wide")
    assert len(load_prediction(output / "a.prediction.npz").instances) == 0
    for suffix in ("labels", "probability", "entropy"):
        assert not tifffile.imread(output / f"a.{suffix}.tif").any()
    for suffix in STACKS:
        stack, description = pages(output / f"a.{suffix}")
        assert stack.shape == (1, 19, 26)
        assert not stack.any()
        assert description["n_instances"] == 0
        assert "empty" in description["note"]
    assert peaks(output / "a.peaks.csv") == []
    assert coco_masks(output / "predictions.json") == {"a.tif": {}}


def test_the_same_bytes_repeated_alone_and_in_any_company(
    tmp_path, predict, write, pixels, contents
):
    folder = tmp_path / "images"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        write(folder / f"{name}.tif", pixels(seed))
    predict(folder, tmp_path / "first")
    predict(folder, tmp_path / "again")
    first = timeless(contents(tmp_path / "first"))
    assert timeless(contents(tmp_path / "again")) == first
    predict(folder / "b.tif", tmp_path / "alone")
    alone = contents(tmp_path / "alone")
    del alone["predictions.json"]
    assert alone.items() <= first.items()
    (tmp_path / "list.txt").write_text("c\nb\na\n")
    predict(folder, tmp_path / "reversed", "--wells", tmp_path / "list.txt")
    assert timeless(contents(tmp_path / "reversed")) == first
    write(tmp_path / "z.tif", pixels(0))
    predict(tmp_path / "z.tif", tmp_path / "renamed")
    assert contents(tmp_path / "renamed")["z.labels.tif"] == first["a.labels.tif"]


def test_results_beside_the_images_are_no_images_of_the_next_run(
    tmp_path, predict, write, pixels, contents
):
    write(tmp_path / "a.tif", pixels())
    predict(tmp_path, tmp_path, "--stacks")
    first = contents(tmp_path)
    assert "[1/1]" in predict(tmp_path, tmp_path, "--stacks", "--overwrite").out
    assert timeless(contents(tmp_path)) == timeless(first)


@pytest.mark.parametrize(
    "options",
    [
        {"bigtiff": True},
        {"byteorder": ">"},
        {"tile": (16, 16)},
        {"compression": "lzw"},
        {"compression": "zstd", "tile": (16, 16)},
        {"imagej": True, "metadata": {"axes": "CYX"}},
        {"ome": True, "metadata": {"axes": "CYX"}},
        {"metadata": None},
    ],
    ids=str,
)
def test_one_image_in_any_container_is_one_prediction(tmp_path, predict, pixels, contents, options):
    (tmp_path / "plain").mkdir()
    tifffile.imwrite(tmp_path / "plain" / "a.tif", pixels(), photometric="minisblack")
    tifffile.imwrite(tmp_path / "a.tif", pixels(), photometric="minisblack", **options)
    predict(tmp_path / "plain" / "a.tif", tmp_path / "expected")
    predict(tmp_path / "a.tif", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")
    assert contents(tmp_path / "out")


def test_one_grey_plane_in_any_format_is_one_prediction(tmp_path, predict, write, pixels):
    grey = (pixels()[0] // 16).astype(np.uint8)
    colours = np.stack([grey] * 3, axis=-1)
    write(tmp_path / "plain.tif", grey)
    write(tmp_path / "white.tif", 255 - grey, photometric="miniswhite")
    write(tmp_path / "colours.tif", colours, photometric="rgb")
    (tmp_path / "grey.png").write_bytes(imagecodecs.png_encode(grey))
    (tmp_path / "rgb.png").write_bytes(imagecodecs.png_encode(colours))
    done = predict(tmp_path, tmp_path / "out")
    assert done.code == 0
    labels = [path.read_bytes() for path in (tmp_path / "out").glob("*.labels.tif")]
    assert len(labels) == 5
    assert len(set(labels)) == 1


def test_every_type_size_and_emptiness_is_accepted(tmp_path, predict, write, pixels):
    folder = tmp_path / "images"
    folder.mkdir()
    values = pixels() // 16
    for dtype in ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"):
        kept = values // 2 if dtype == "i1" else values
        write(folder / f"type-{dtype}.tif", kept.astype(dtype))
    for height, width in ((1, 1), (1, 40), (37, 1), (17, 23)):
        write(folder / f"size-{height}x{width}.tif", pixels(1, (height, width)))
    write(folder / "constant.tif", np.full((2, 9, 11), 7, np.uint8))
    write(folder / "dark.tif", np.zeros((9, 11), np.float32))
    done = predict(folder, tmp_path / "out", "--stacks")
    assert done.code == 0
    told = [line for line in done.err.splitlines() if "nothing was found" not in line]
    assert told == []
    for path in folder.iterdir():
        shape = tifffile.imread(path).shape[-2:]
        assert tifffile.imread(tmp_path / "out" / f"{path.stem}.labels.tif").shape == shape
        assert load_prediction(tmp_path / "out" / f"{path.stem}.prediction.npz").shape == shape
    assert len(COCO(str(tmp_path / "out" / "predictions.json")).imgs) == 15


def test_axes_that_a_file_states_wrongly_can_be_put_right(tmp_path, predict, write, pixels):
    lying = write(tmp_path / "a.tif", pixels(), metadata={"axes": "ZYX"})
    assert "2 planes of a.tif (time, z)" in predict(lying, tmp_path / "lie").out
    assert predict(lying, tmp_path / "out", "--axes", "CYX").code == 0


def test_pairs_are_one_image_in_the_models_order(tmp_path, predict, write, pixels, contents):
    both = pixels()
    write(tmp_path / "plate 1_w2.tif", both[0])
    write(tmp_path / "plate 1_w1.tif", both[1])
    predict(tmp_path, tmp_path / "pair")
    (tmp_path / "one").mkdir()
    write(tmp_path / "one" / "plate 1.tif", both)
    predict(tmp_path / "one", tmp_path / "whole")
    for name in names("plate 1", *FILES):
        assert contents(tmp_path / "pair")[name] == contents(tmp_path / "whole")[name]
    data = json.loads((tmp_path / "pair" / "predictions.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["plate 1_w2.tif"]


def test_a_pair_of_bbbc010_is_named_by_its_well(tmp_path, predict, write, pixels):
    stem = "1649_1109_0003_Amp5-1_B_20070424"
    for well in ("A01", "A02"):
        for channel, page in zip(("w2", "w1"), pixels(), strict=True):
            write(tmp_path / f"{stem}_{well}_{channel}_0A.tif", page)
    (tmp_path / "list.txt").write_text("A02 # the second\n")
    done = predict(tmp_path, tmp_path / "out", "--wells", tmp_path / "list.txt")
    assert "[1/1] A02: " in done.out
    assert not (tmp_path / "out" / "A01.labels.tif").exists()
    done = predict(tmp_path / f"{stem}_A01_w1_0A.tif", tmp_path / "out")
    assert "[1/1] A01: " in done.out


def test_what_lies_beside_the_wells_is_not_passed_over(tmp_path, predict, write, pixels):
    stem = "1649_1109_0003_Amp5-1_B_20070424"
    write(tmp_path / f"{stem}_A01_w1_0A.tif", pixels()[1])
    write(tmp_path / f"{stem}_A01_w2_0A.tif", pixels()[0])
    write(tmp_path / f"{stem}_A02_w2_0A.tif", pixels()[0])
    write(tmp_path / "mine.tif", pixels())
    done = predict(tmp_path, tmp_path / "out")
    assert [line.split(": ")[0] for line in done.out.splitlines()[:3]] == [
        f"[1/3] {stem}_A02",
        "[2/3] A01",
        "[3/3] mine",
    ]
    write(tmp_path / f"{stem}_A03_w1_0A.tif", pixels()[0])
    done = predict(tmp_path, tmp_path / "out")
    assert done.code == 1
    assert "A03_w1_0A.tif has no partner" in done.err


def test_a_partly_bad_folder_is_done_as_far_as_it_goes(tmp_path, predict, write, pixels):
    folder = tmp_path / "images"
    folder.mkdir()
    write(folder / "a.tif", pixels())
    (folder / "b.tif").write_text("not an image")
    write(folder / "c.tif", np.full((2, 4, 5), np.nan, np.float32))
    write(folder / "d.tif", pixels(1))
    write(folder / "e:e.tif", pixels(1))
    done = predict(folder, tmp_path / "out")
    assert done.code == 1
    assert "[1/5] a: " in done.out
    assert "[4/5] d: " in done.out
    assert "3 of 5 images were refused:" in done.err
    summary = done.err.split("were refused:\n")[1].splitlines()
    for line, name in zip(summary, ("b.tif", "c.tif", "e:e.tif"), strict=True):
        assert f"{name} " in line
        assert line.endswith(".")
    assert {path.name for path in (tmp_path / "out").iterdir()} == names("a", *FILES) | names(
        "d", *FILES
    ) | {"predictions.json", "images.csv", "image-folders.json"}
    data = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["a.tif", "d.tif"]


def test_options_reach_the_prediction(tmp_path, predict, write, pixels, contents):
    image = write(tmp_path / "a.tif", pixels())
    for option, value, field in (
        ("--draws", 3, "n_draws"),
        ("--seed", 5, "seed"),
        ("--scale", 0.5, "scale"),
        ("--bandwidth", 0.75, "bandwidth"),
        ("--cluster-threshold", 0.25, "cluster_threshold"),
        ("--min-size", 9, "min_size"),
        ("--threshold", 0.25, "probability_threshold"),
    ):
        assert predict(image, tmp_path / field, option, value).code == 0
        native = load_prediction(tmp_path / field / "a.prediction.npz")
        assert getattr(native.settings, field) == value
    assert native.instances.n_draws == 2
    assert len(load_prediction(tmp_path / "n_draws" / "a.prediction.npz").instances.draws) == 3
    predict(image, tmp_path / "plain")
    assert contents(tmp_path / "seed") != contents(tmp_path / "plain")


def test_objects_of_another_width_are_told_with_the_scale_that_suits_them(
    tmp_path, predict, write, pixels, make_model
):
    image = write(tmp_path / "a.tif", pixels())
    fitting = predict(image, tmp_path / "out", model=make_model())
    assert "--scale" not in fitting.err
    done = predict(image, tmp_path / "out", model=make_model(object_width=400.0))
    assert done.code == 0
    assert "the model knows objects about 400 wide: try --scale 20\n" in done.err
    assert (
        "scale is 0.01; expected at least 0.05"
        in predict(image, tmp_path / "out", "--scale", 0.01).refusal()
    )


@pytest.mark.parametrize("draws", [1, 255])
def test_the_fewest_and_the_most_draws(tmp_path, predict, pixels, make_model, draws):
    tifffile.imwrite(tmp_path / "a.tif", pixels(shape=(2, 8, 9)), photometric="minisblack")
    model = make_model(config=NetworkConfig(filters=2, levels=1, embedding_dimensions=2))
    options = ("--draws", draws, "--stacks")
    assert predict(tmp_path / "a.tif", tmp_path / "out", *options, model=model).code == 0
    native = load_prediction(tmp_path / "out" / "a.prediction.npz")
    assert native.instances.n_draws == draws
    if draws == 1:
        assert not any(peak.entropy for peak in native.peaks)
        assert not tifffile.imread(tmp_path / "out" / "a.entropy.tif").any()


def test_a_deterministic_model_makes_one_draw_without_entropy(
    tmp_path, predict, write, pixels, make_model
):
    model = make_model(config=NetworkConfig(filters=4, levels=2, dropout="none"))
    done = predict(write(tmp_path / "a.tif", pixels()), tmp_path / "out", model=model)
    assert done.code == 0
    native = load_prediction(tmp_path / "out" / "a.prediction.npz")
    assert native.instances.n_draws == 1
    assert all(peak.entropy == 0 for peak in native.peaks)  # at most a size is in doubt


def test_flips_are_asked_for_and_told(tmp_path, predict, write, pixels, make_model):
    model = make_model(config=NetworkConfig(filters=4, levels=2, dropout="none"))
    image = write(tmp_path / "a.tif", pixels())
    for option, n_draws in (("--flips", 8), ("--no-flips", 1)):
        done = predict(image, tmp_path / "out", option, "--draws", 10, model=model)
        assert done.code == 0, done
        native = load_prediction(tmp_path / "out" / "a.prediction.npz")
        assert native.settings.flips == (option == "--flips")
        assert native.instances.n_draws == n_draws


def test_draws_are_spread_over_several_models(tmp_path, run, write, pixels, make_model):
    image = write(tmp_path / "a.tif", pixels())
    config = NetworkConfig(filters=6, levels=2, initial_rate=0.2)
    models = [make_model("one.safetensors"), make_model("two.safetensors", config)]
    stranger = NetworkConfig(channels=(ChannelConfig(name="red"),), filters=2, levels=2)

    def together(*paths):
        options = [part for path in paths for part in ("--model", path)]
        return run("predict", image, "--output", tmp_path / "out", "--draws", 4, *options)

    assert together(*models).code == 0
    native = load_prediction(tmp_path / "out" / "a.prediction.npz")
    assert native.instances.n_draws == 4
    assert native.provenance.model_name == "one.safetensors + two.safetensors"
    refused = together(models[0], make_model("red.safetensors", stranger)).refusal()
    assert refused.startswith("red.safetensors expects the channels red, and one.safetensors ")
    assert "given twice" in together(models[0], models[0]).refusal()


@pytest.mark.parametrize("extent", [(16, 16), (1, 1)])
def test_an_image_beyond_the_models_extent_goes_in_tiles(
    tmp_path, predict, pixels, make_model, extent
):
    tifffile.imwrite(tmp_path / "a.tif", pixels(), photometric="minisblack")
    done = predict(tmp_path / "a.tif", tmp_path / "out", model=make_model(extent=extent))
    assert (done.code, done.err) == (0, "")
    assert load_prediction(tmp_path / "out" / "a.prediction.npz").shape == (19, 26)


def test_running_out_of_memory_is_said(tmp_path, predict, write, pixels, monkeypatch):
    from napari_probinst.core.inference.pipeline import Predictor

    image = write(tmp_path / "a.tif", pixels())
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")):
        monkeypatch.setattr(Predictor, "predict", failing(error))
        assert "memory ran out" in predict(image, tmp_path / "out").refusal()
    monkeypatch.setattr(Predictor, "predict", failing(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        predict(image, tmp_path / "out")


def failing(error):
    def fail(*arguments, **options):
        raise error

    return fail


def test_that_the_luminance_of_colours_is_taken_is_said_once(tmp_path, predict, write, pixels):
    folder = tmp_path / "images"
    folder.mkdir()
    for seed, name in enumerate("ab"):
        write(folder / f"{name}.tif", np.stack([pixels(seed)] * 3, -1), photometric="rgb")
    done = predict(folder, tmp_path / "out")
    assert done.code == 0
    said = [line for line in done.err.splitlines() if "RGB" in line]
    assert len(said) == 1
    assert said[0] == coloured_text(2)
    assert said[0].startswith("2 images are in colours (RGB), of which the luminance was taken")


def test_an_image_of_one_value_is_said_to_be_one(tmp_path, predict, write):
    write(tmp_path / "flat.tif", np.full((40, 40), 9, np.uint8))
    done = predict(tmp_path / "flat.tif", tmp_path / "out", "--min-size", 100_000)
    said = "flat: nothing was found. The image has the same value everywhere"
    assert done.err.startswith(said)
    assert "--scale" not in done.err
