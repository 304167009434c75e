"""What the Proofread dock says of a place."""

from __future__ import annotations

import pytest

from napari_probinst.core.instances import Peak
from napari_probinst.widgets.proofreading.words import edited_text, kind_text


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("6 of 8 draws see one instance here, 2 see none", "Possibly nothing there"),
        ("5 of 8 draws see no instance here, 3 see one", "Possibly nothing there"),
        (
            "4 of 8 draws see three instances here, 2 see two, 2 see one",
            "One of the instances here may be none",
        ),
    ],
)
def test_nothing_is_there_only_where_a_draw_sees_nothing(reason, text):
    assert kind_text(Peak(0, 0, (0,), 0.6, 9.0, 1, "spurious", reason)) == text


def test_an_edit_is_told_with_what_is_not_in_view():
    assert edited_text(1, 0, 0) == "1 instance changed."
    assert edited_text(1, 1, 0) == "1 instance changed beyond the view."
    told = "3 instances changed, 2 of them beyond the view; 2 other places settled."
    assert edited_text(3, 2, 2) == told
