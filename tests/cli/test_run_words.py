"""What is said at the end of a run of how wide objects are."""

from __future__ import annotations

import pytest

from napari_probinst.cli._run_words import advise
from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.batch.summary import RunSummary


@pytest.fixture
def said(capsys):
    """Return the function that tells what is advised for images of these widths."""

    def said(*widths, scale=1.0):
        outcomes = (Outcome(f"i{n}", "predicted", width=w) for n, w in enumerate(widths))
        advise(RunSummary(tuple(outcomes)), 10, scale)
        return capsys.readouterr().err

    return said


def test_images_that_fit_need_no_word(said):
    assert said() == said(None) == said(14, 8, None) == said(18, scale=0.5) == ""


def test_one_scale_is_advised_where_most_images_need_it(said):
    assert said(20, 20, 12, None, 40) == (
        "What was found in 3 of 5 images is about 20 pixels wide, and the model knows objects "
        "about 10 wide: try --scale 0.5\n"
    )


def test_an_odd_image_alone_is_no_reason_for_another_scale_of_all(said):
    assert said(12, 10, 11, 25) == (
        "What was found in 1 of 4 images (i3) is about 25 pixels wide, and the model knows objects "
        "about 10 wide: try --scale 0.4 for these alone\n"
    )


def test_images_that_were_finished_before_count(tmp_path, predict, make_model, write, pixels):
    for seed, name in enumerate("ab"):
        write(tmp_path / f"{name}.tif", pixels(seed))
    model = make_model(object_width=400)
    first, again = (predict(tmp_path, tmp_path / "out", model=model) for _ in range(2))
    assert "in 2 of 2 images" in first.err
    assert again.err == first.err
