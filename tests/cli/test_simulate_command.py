"""The command ``simulate``, from folders to a report."""

import json

import numpy as np
import pytest
import tifffile

from napari_probinst.cli.main import main
from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.evaluation.simulation_report import FILES
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction

SHAPE = (12, 60)


def labels(*spans):
    page = np.zeros(SHAPE, dtype=np.uint8)
    for label, (start, stop) in enumerate(spans, start=1):
        page[4:8, start:stop] = label
    return page


def instances(page):
    return InstanceSet.from_masks([page == k for k in range(1, page.max() + 1)], SHAPE)


@pytest.fixture
def folders(tmp_path):
    """Predictions and truth: a false merge that two of eight draws see as two worms."""
    predicted, truth = tmp_path / "predicted", tmp_path / "truth"
    predicted.mkdir()
    truth.mkdir()
    merged, parted = instances(labels((0, 40))), instances(labels((0, 20), (20, 40)))
    agglomerated = agglomerate([*[merged] * 6, *[parted] * 2])
    prediction = Prediction(
        "one", agglomerated, rank_peaks(agglomerated), InferenceConfig(min_size=0)
    )
    save_prediction(prediction, predicted / "one.prediction.npz")
    tifffile.imwrite(truth / "one.tif", labels((0, 20), (20, 40)))
    return predicted, truth


@pytest.fixture
def simulate(run, folders, tmp_path):
    """Return the function that simulates with the folders above."""

    def simulate(*options, predicted=folders[0], truth=folders[1]):
        report = tmp_path / "report"
        outcome = run("simulate", predicted, "--truth", truth, "--output", report, *options)
        return outcome, report

    return simulate


def test_report(simulate):
    outcome, report = simulate("--corrections", "2, 0,1,1")
    assert outcome.code == 0, outcome
    assert "greedy oracle" in outcome.out
    content = json.loads((report / "report.json").read_text())
    assert content["corrections"] == [0, 1, 2]
    assert content["ranking"] == "mass"
    assert content["orders"]["ours"]["dsb_image_by_stops"] == [0, 1, 1]
    assert (report / "report.md").is_file()


def test_ranking_by_name(simulate):
    outcome, report = simulate("--ranking", "entropy", "--corrections", "0,1")
    assert outcome.code == 0, outcome
    assert json.loads((report / "report.json").read_text())["ranking"] == "entropy"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--corrections", "0,five"), "--corrections is '0,five'; expected whole numbers"),
        (("--corrections", "-1"), "--corrections is '-1'; expected whole numbers"),
        (("--corrections", ""), "--corrections is ''; expected whole numbers"),
        (("--ranking", "size"), "--ranking is 'size'; expected one of mass, entropy."),
    ],
)
def test_wrong_options_are_refused(simulate, options, sentence):
    outcome, report = simulate(*options)
    assert sentence in outcome.refusal()
    assert not report.exists()


def test_file_without_draws_is_refused(simulate, tmp_path):
    coco = tmp_path / "predictions.json"
    coco.write_text("{}")
    (masks := tmp_path / "masks").mkdir()
    tifffile.imwrite(masks / "one.tif", np.ones((4, 5), np.uint8))
    for predicted in (coco, masks):
        outcome, report = simulate(predicted=predicted)
        assert "give the folder that 'predict' wrote" in outcome.refusal()
        assert not report.exists()


def test_missing_truth_is_refused(simulate, folders):
    (folders[1] / "one.tif").rename(folders[1] / "other.tif")
    outcome, report = simulate()
    assert "one" in outcome.refusal()
    assert not report.exists()


def test_truth_without_an_instance_is_refused(simulate, folders):
    tifffile.imwrite(folders[1] / "one.tif", labels())
    outcome, report = simulate()
    assert "holds no instance" in outcome.refusal()
    assert not report.exists()


def test_an_earlier_simulation_is_replaced_and_nothing_else(simulate):
    _, report = simulate()
    assert {path.name for path in report.iterdir()} == set(FILES)
    assert simulate("--corrections", "0")[0].code == 0
    (report / "report.json").write_text('{"program": "another", "dsb_image": 1}')
    before = (report / "report.md").read_bytes()
    sentence = simulate("--corrections", "0,1")[0].refusal()
    assert sentence.startswith(f"{report / 'report.md'} exists and is no earlier result of this")
    assert (report / "report.md").read_bytes() == before


def test_command_is_registered():
    with pytest.raises(SystemExit) as caught:
        main(["simulate", "--help"])
    assert caught.value.code == 0
