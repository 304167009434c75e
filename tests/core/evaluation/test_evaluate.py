from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.core.evaluation.evaluate import evaluate_predictions
from napari_probinst.core.evaluation.predicted import PredictedImage, PredictedImages
from napari_probinst.core.evaluation.report import build_report, write_report
from napari_probinst.core.evaluation.report_figures import report_figures
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.prediction import Prediction

SHAPE = (32, 40)
KEYS = {
    *("dsb_image", "dsb_global", "precision", "precision50", "precision75", "recall80"),
    *("coco_ap", "coco_ap_constant"),
    *("p_accurate_certain_005", "p_uncertain_inaccurate_005", "flagged_005"),
}
UNCERTAINTY = {"p_accurate_certain_005", "p_uncertain_inaccurate_005", "flagged_005"}


def bars(*places):
    return InstanceSet(
        SHAPE,
        tuple(Instance((y, x0, y + 4, x1), np.ones((4, x1 - x0), bool)) for y, x0, x1 in places),
    )


TRUTH = {"a": bars((0, 0, 20), (8, 0, 20)), "b|c <i>": bars((4, 4, 30)), "none": bars()}
PREDICTED = {"a": bars((0, 0, 20), (8, 0, 16)), "b|c <i>": bars((4, 4, 30), (20, 0, 9))}


def predicted(names=tuple(TRUTH), *, native=False):
    images = []
    for name in names:
        instances = PREDICTED.get(name, bars())
        draws = [instances, InstanceSet(SHAPE, instances.instances[:1])]
        prediction = Prediction(name, agglomerate(draws), (), InferenceConfig(n_draws=2))
        scores = np.linspace(1, 0.5, len(instances))
        images.append(PredictedImage(name, instances, scores, prediction if native else None))
    return PredictedImages(Path("somewhere"), tuple(images))


@pytest.fixture(scope="module")
def evaluation():
    return evaluate_predictions(predicted(native=True), TRUTH, n_resamples=20)


@pytest.fixture(scope="module")
def files(evaluation):
    return build_report(evaluation, report_figures(evaluation, Path("nowhere")), "some truth")


def test_all_scores_of_a_few_bars(evaluation):
    headline = evaluation.headline()
    assert headline.keys() >= KEYS
    # a: 2 of 2 hits below 0.8, 1 of 3 from there on; b: one hit, one spurious; none: perfect.
    assert headline["dsb_image"] == pytest.approx(((6 + 4 / 3) / 10 + 0.5 + 1) / 3)
    assert headline["dsb_global"] == pytest.approx((6 * 3 / 4 + 4 * 2 / 5) / 10)
    assert headline["precision50"] == pytest.approx(3 / 4)
    assert headline["recall80"] == pytest.approx(2 / 3)
    # By score the spurious bar comes last, with the one of IoU 0.8: COCO counts that as a hit.
    assert headline["coco_ap50"] == pytest.approx(1.0)
    assert evaluation.scores.errors.spurious == 1
    assert set(evaluation.intervals) == set(headline) - UNCERTAINTY
    for name, (low, high) in evaluation.intervals.items():
        assert 0 <= low <= high <= 1, name
    assert [one.kind for one in evaluation.worst] == ["spurious", "found"]
    assert evaluation.dsb_image_at(0.95) == pytest.approx((1 / 3 + 1 / 2 + 1) / 3)


def test_without_native_predictions_there_is_no_uncertainty():
    evaluation = evaluate_predictions(predicted(), TRUTH, n_resamples=2)
    assert evaluation.uncertainty is None
    headline = evaluation.headline()
    assert all(headline[name] is None for name in UNCERTAINTY)


def test_nothing_predicted_scores_zero():
    evaluation = evaluate_predictions(predicted(("none",)), {"none": TRUTH["a"]}, n_resamples=2)
    headline = evaluation.headline()
    assert {headline[name] for name in KEYS - UNCERTAINTY} == {0.0}
    assert evaluation.intervals == {}
    files = build_report(evaluation, report_figures(evaluation, Path("nowhere")), "t")
    assert json.loads(files["report.json"])["n_predicted"] == 0


def test_a_perfect_prediction_has_no_worst_instances():
    evaluation = evaluate_predictions(predicted(("a",)), {"a": PREDICTED["a"]}, n_resamples=2)
    assert {evaluation.headline()[name] for name in KEYS - UNCERTAINTY} == {1.0}
    figures = report_figures(evaluation, Path("nowhere"))
    assert set(figures) == {"samples", "thresholds"}
    assert b"worst instances" not in build_report(evaluation, figures, "t")["report.html"]


def test_truth_without_any_instance_is_refused():
    with pytest.raises(InputError, match="truth holds no instance in any of the images"):
        evaluate_predictions(predicted(("a",)), {"a": bars()})


def test_the_report_holds_what_is_promised(files):
    content = json.loads(files["report.json"])
    assert content.keys() >= KEYS
    assert content["thresholds"][0] == {
        **{"iou": 0.5, "tp": 3, "fp": 1, "fn": 0, "precision": 0.75, "recall": 1.0},
        **{"dsb": 0.75, "dsb_image": pytest.approx((1 + 0.5 + 1) / 3)},
    }
    assert [image["image"] for image in content["images"]] == list(TRUTH)
    assert content["uncertainty"]["flagged_005"] == content["flagged_005"] is not None
    assert content["errors"] == {
        **{"false_splits": 0, "false_merges": 0, "misses": 0, "spurious": 1, "inexact": 0}
    }
    assert len(files["images.csv"].splitlines()) == 1 + 3
    assert len(files["thresholds.csv"].splitlines()) == 1 + 10
    assert len(files["image_thresholds.csv"].splitlines()) == 1 + 30


def test_names_are_no_formulas_in_tables_and_themselves_in_json():
    evaluation = evaluate_predictions(predicted(("=a",)), {"=a": TRUTH["a"]}, n_resamples=2)
    files = build_report(evaluation, {}, "t")
    assert all(
        line.startswith(b"'=a,")
        for name in ("images.csv", "image_thresholds.csv")
        for line in files[name].splitlines()[1:]
    )
    assert json.loads(files["report.json"])["images"][0]["image"] == "=a"


def test_the_page_needs_no_other_file_and_escapes_names(files):
    page = files["report.html"].decode()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) >= 5
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "b|c &lt;i&gt;" in page
    assert "b|c <i>" not in page
    assert "0.703" in page  # the paper's
    for heading in ("Beside published results", "Uncertainty", "The worst instances"):
        assert f"<h2>{heading}</h2>" in page


def test_markdown_tables_are_whole_and_link_the_figures(files):
    text = files["report.md"].decode()
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) >= 8
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table
    linked = re.findall(r"!\[.*\]\((.*)\)", text)
    assert linked
    assert set(linked) == {name for name in files if name.startswith("figures/")}
    assert "b\\|c <i>" in text


def test_a_report_is_written_whole(files, tmp_path):
    page = write_report(files, tmp_path / "new" / "report")
    assert page == tmp_path / "new" / "report" / "report.html"
    written = {
        path.relative_to(page.parent).as_posix(): path.read_bytes()
        for path in page.parent.rglob("*")
        if path.is_file()
    }
    assert written == files
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        write_report(files, tmp_path / "file")


def test_a_seed_gives_the_same_intervals():
    one, same, other = (
        evaluate_predictions(predicted(), TRUTH, n_resamples=20, seed=seed).intervals
        for seed in (0, 0, 1)
    )
    assert one == same != other


def test_pictures_are_found_beside_the_truth(bbbc010):
    from napari_probinst.core.evaluation.pixels import find_pictures, read_picture

    pictures = find_pictures(bbbc010)
    picture = read_picture(pictures, "plate_C03", (520, 696))
    assert picture.shape == (520, 696, 3)
    assert 0 <= picture.min() < 0.1
    assert 0.9 < picture.max() <= 1
    assert (picture[..., 0] > picture[..., 1] + 0.3).any()  # red fluorescence
    assert read_picture(pictures, "C03", (520, 695)) is None
    assert read_picture(pictures, "unknown", (520, 696)) is None
    assert find_pictures(bbbc010 / "nowhere") == {}


def test_pictures_of_a_training_folder_are_those_in_images(tmp_path):
    from napari_probinst.core.evaluation.pixels import find_pictures, read_picture

    for folder in ("images", "instances"):
        (tmp_path / folder).mkdir()
    ramp = np.linspace(0, 0.5, 60, dtype=np.float32).reshape(6, 10)
    tifffile.imwrite(tmp_path / "images" / "a.tif", ramp, photometric="minisblack")
    (tmp_path / "images" / "broken.tif").write_bytes(b"no TIFF")
    for truth in (tmp_path, tmp_path / "instances"):
        pictures = find_pictures(truth)
        picture = read_picture(pictures, "a", (6, 10))
        assert picture.shape == (6, 10, 3)
        # The whole range of grey is used, of a float image too.
        assert (picture.min(), picture.max()) == (0, 1)
        assert np.ptp(picture, axis=2).max() == 0
        assert read_picture(pictures, "a", (10, 6)) is None
        assert read_picture(pictures, "broken", (6, 10)) is None
