from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.coco import CocoImage, write_coco
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.evaluation.report import FILES
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.prediction import Prediction

SHAPE = (24, 40)
NAMES = ("A01", "A02", "A03")
REPORT = {
    *("report.html", "report.md", "report.json"),
    *("images.csv", "thresholds.csv", "image_thresholds.csv", "figures"),
}


def bars(n, width=20):
    boxes = [(8 * i, 2, 8 * i + 4, 2 + width) for i in range(n)]
    return InstanceSet(SHAPE, tuple(Instance(box, np.ones((4, width), bool)) for box in boxes))


def masks(path, instances):
    pages = [instance.full(instances.shape).astype(np.uint8) for instance in instances.instances]
    empty = np.zeros((1, *instances.shape), np.uint8)
    tifffile.imwrite(path, np.stack(pages) if pages else empty, photometric="minisblack")


@pytest.fixture
def truth(tmp_path):
    folder = tmp_path / "truth"
    folder.mkdir()
    for name in NAMES:
        masks(folder / f"{name}.tif", bars(2))
    return folder


def test_truth_of_one_mask_for_all_objects_is_told_in_one_line(tmp_path, run, truth, coco):
    path = coco(*((name, bars(2)) for name in NAMES))
    options = ("evaluate", path, "--truth", truth, "--output", tmp_path / "report")
    assert "hold one value" not in run(*options).err
    labels = sum(instance.full(SHAPE) for instance in bars(2).instances).astype(np.uint8)
    for name in NAMES[:2]:
        tifffile.imwrite(truth / f"{name}.tif", 255 * labels)
    done = run(*options)
    assert done.code == 0
    (line,) = [line for line in done.err.splitlines() if "hold one value" in line]
    assert line.startswith(f"The labels of 2 images in {truth} (A01, A02) hold one value only, in")


@pytest.fixture
def coco(tmp_path):
    def write(*images):
        path = tmp_path / "predictions.json"
        write_coco(
            [
                CocoImage(name, found.shape, found.instances, [0.5] * len(found))
                for name, found in images
            ],
            path,
        )
        return path

    return write


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "predicted"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        draws = [bars(2, 20 - number), bars(2 + number % 2, 20 - number)]
        prediction = Prediction(
            name, agglomerate(draws), (), InferenceConfig(n_draws=2, min_size=4)
        )
        save_prediction(prediction, folder / f"{name}.prediction.npz")
    return folder


@pytest.fixture
def evaluate(run, truth, tmp_path):
    def evaluate(predictions, *options, truth=truth):
        return run("evaluate", predictions, "--truth", truth, "--output", tmp_path / "r", *options)

    return evaluate


@pytest.fixture
def report(tmp_path):
    def report():
        return json.loads((tmp_path / "r" / "report.json").read_text())

    return report


def test_truth_without_a_prediction_is_told(evaluate, folder):
    (folder / "A02.prediction.npz").unlink()
    done = evaluate(folder)
    assert done.err == "1 image of the truth has no prediction and is not scored: A02\n"
    (folder / "A01.prediction.npz").unlink()
    done = evaluate(folder)
    assert done.err == "2 images of the truth have no prediction and are not scored: A01, A02\n"


def test_a_folder_of_predictions(evaluate, folder, report, tmp_path):
    done = evaluate(folder, "--figure-wells", "A02, A01")
    assert (done.code, done.err) == (0, "")
    assert "DSB per image" in done.out
    assert "p(accurate | certain)" in done.out
    assert done.out.splitlines()[-1] == f"Report: {tmp_path / 'r' / 'report.html'}"
    assert {path.name for path in (tmp_path / "r").iterdir()} == REPORT
    content = report()
    # 20, 19 and 18 of 20 columns: IoU 1, 0.95 and 0.9, which are no hits at 0.95 and 0.9.
    assert content["dsb_image"] == pytest.approx((1 + 0.9 + 0.8) / 3)
    assert content["flagged_005"] is not None


def test_files_that_are_no_report_are_not_replaced(evaluate, folder, tmp_path):
    """As the table of 'predict', which has the name of one of a report."""
    (tmp_path / "r").mkdir()
    table = tmp_path / "r" / "images.csv"
    table.write_text("mine")
    assert evaluate(folder).refusal().startswith(f"{table} exists and is no earlier result of this")
    (tmp_path / "r" / "report.json").write_text('{"program": "napari-probinst 1", "orders": {}}')
    assert "exists and is no earlier result of this command" in evaluate(folder).refusal()
    assert table.read_text() == "mine"
    assert set(FILES) == REPORT


def test_a_coco_file_of_another_program(evaluate, coco, report):
    done = evaluate(coco(("x/plate 1_A01.png", bars(2)), ("A02.png", bars(1))))
    assert done.code == 0
    assert done.err == "1 image of the truth has no prediction and is not scored: A03\n"
    assert "accurate" not in done.out
    content = report()
    assert [image["image"] for image in content["images"]] == ["plate 1_A01", "A02"]
    assert content["dsb_image"] == pytest.approx((1 + 0.5) / 2)
    assert content["uncertainty"] is None


def test_a_list_chooses_the_wells(evaluate, folder, report, tmp_path):
    (tmp_path / "wells.txt").write_text("A03\nA01\n")
    assert evaluate(folder, "--wells", tmp_path / "wells.txt").code == 0
    assert [image["image"] for image in report()["images"]] == ["A03", "A01"]


def test_nothing_predicted_is_a_valid_result(evaluate, coco, report):
    assert evaluate(coco(("A01.tif", bars(0)))).code == 0
    content = report()
    assert (content["dsb_image"], content["precision"], content["coco_ap"]) == (0, 0, 0)
    assert content["intervals"] == {}


def test_refusals_name_what_is_wrong_and_leave_nothing(evaluate, coco, folder, truth, tmp_path):
    def refused(*arguments, **options):
        sentence = evaluate(*arguments, **options).refusal()
        assert not (tmp_path / "r").exists()
        return sentence

    assert "no truth of B07; it has A01, A02, A03" in refused(coco(("B07.tif", bars(1))))
    large = InstanceSet((24, 41), bars(1).instances)
    assert "truth of A02 in" in refused(coco(("A02.tif", large)))
    assert "holds the image A01 twice" in refused(coco(("A01.tif", bars(1)), ("A01.png", bars(1))))
    both = coco(("A01.tif", bars(1)), ("x_A01.tif", bars(1)))
    assert "A01 and x_A01 both stand for A01" in refused(both)
    assert "lists no image" in refused(coco())

    wells = tmp_path / "wells.txt"
    wells.write_text("A01\nA01\n")
    assert "lists A01 more than once" in refused(folder, "--wells", wells)
    wells.write_text("A01\nC05\n")
    assert "holds no prediction of C05" in refused(folder, "--wells", wells)
    assert "of D01" in refused(folder, "--figure-wells", "D01")

    damaged = coco(("A01.tif", bars(1)))
    content = json.loads(damaged.read_text())
    content["annotations"].append(content["annotations"][0])
    damaged.write_text(json.dumps(content))
    assert "annotation id 1 twice" in refused(damaged)
    content["annotations"][1:] = []
    content["annotations"][0]["segmentation"]["counts"] = "~~~"
    damaged.write_text(json.dumps(content))
    assert "damaged run lengths" in refused(damaged)

    for name in NAMES:
        masks(truth / f"{name}.tif", bars(0))
    assert "truth holds no instance" in refused(folder)
    assert "doesn't exist" in refused(folder, truth=tmp_path / "nowhere")


def test_truth_of_other_images_is_ignored(evaluate, coco, truth):
    (truth / "broken.tif").write_bytes(b"no TIFF")
    assert evaluate(coco(("A01.tif", bars(2)))).code == 0


def test_masks_of_another_program_have_no_score_and_no_uncertainty(
    evaluate, report, truth, tmp_path
):
    cellpose = tmp_path / "cellpose"
    cellpose.mkdir()
    for name in NAMES:
        tifffile.imwrite(cellpose / f"{name}.tif", np.full(SHAPE, 7, np.uint16))
        masks(cellpose / f"{name}_cp_masks.tif", bars(2 - (name == "A03")))
    done = evaluate(cellpose)
    assert (done.code, done.err) == (0, "")
    content = report()
    assert content["dsb_image"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert content["coco_ap"] == content["coco_ap_constant"] > 0
    assert content["uncertainty"] is None
    page = (tmp_path / "r" / "report.md").read_text()
    assert "The predictions state no scores, or all the same" in page
    assert "The uncertainty was not scored" in page
    assert evaluate(cellpose / "A03_cp_masks.tif").code == 0
    # They are a truth as well.
    assert evaluate(truth, truth=cellpose).code == 0


def test_corrected_results_are_scored_beside_the_prediction(evaluate, folder, report, tmp_path):
    """And the predicted ones of images that nobody has corrected are no truth."""
    masks(folder / "A02.corrected.instances.tif", bars(2))
    masks(folder / "A01.instances.tif", bars(2))
    done = evaluate(folder, "--corrected")
    assert "not scored: A01, A03" in done.err
    assert (report()["n_images"], report()["dsb_image"]) == (1, 1)
    (tmp_path / "wells.txt").write_text("A02\n")
    assert evaluate(folder, "--wells", tmp_path / "wells.txt", truth=folder).code == 0
    assert report()["dsb_image"] == pytest.approx(0.9)
    sentence = evaluate(folder, truth=folder).refusal()
    assert "holds no truth of A01, A03; it has A02" in sentence
    (folder / "A02.corrected.instances.tif").unlink()
    assert "no session NAME.probinst" in evaluate(folder, "--corrected").refusal()
    assert "is a file" in evaluate(folder / "A01.instances.tif", "--corrected").refusal()


def test_results_of_coco_are_scored_where_the_truth_is_coco(evaluate, coco, tmp_path):
    """A bare list of annotations, as many programs write it."""
    images = [(f"{name}.tif", bars(2, 20)) for name in NAMES]
    truth = coco(*images)
    results = tmp_path / "results.json"
    annotations = json.loads(truth.read_text())["annotations"]
    results.write_text(json.dumps([each | {"score": 3.5} for each in annotations]))
    assert evaluate(results, truth=truth).code == 0
    assert json.loads((tmp_path / "r" / "report.json").read_text())["dsb_image"] == 1
    shutil.rmtree(tmp_path / "r")
    refused = evaluate(results)
    assert refused.code == 2
    assert "known only where the truth is a COCO file" in refused.err
    assert not (tmp_path / "r").exists()
