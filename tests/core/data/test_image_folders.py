"""Where images were is noted beside their results, and still found after both have moved."""

from __future__ import annotations

from napari_probinst.core.data.image_folders import (
    IMAGE_FOLDERS_NAME,
    record_image_folders,
    recorded_image_folders,
)


def folders(root, *names):
    made = [root / name for name in names]
    for each in made:
        each.mkdir(parents=True)
    return made


def test_images_elsewhere_are_found_also_after_a_move(tmp_path):
    results, images = folders(tmp_path, "work/results", "work/synthetic/images")
    record_image_folders(results, [images])
    assert recorded_image_folders(results) == (images,)
    record_image_folders(results, [images])  # once is enough
    assert recorded_image_folders(results) == (images,)

    moved = (tmp_path / "work").rename(tmp_path / "moved")
    assert recorded_image_folders(moved / "results") == (moved / "synthetic" / "images",)

    # The results alone elsewhere: the whole path leads there; where nothing does, nothing is told.
    (tmp_path / "moved").rename(tmp_path / "work")
    alone = results.rename(tmp_path / "alone")
    assert recorded_image_folders(alone) == (images,)
    images.rename(tmp_path / "hidden")
    assert recorded_image_folders(alone) == ()


def test_the_last_ones_come_first_and_what_is_found_anyway_is_not_noted(tmp_path):
    results, first, second = folders(tmp_path, "results", "a/images", "b/images")
    record_image_folders(results, [results, tmp_path])
    assert not (results / IMAGE_FOLDERS_NAME).exists()
    record_image_folders(results, [first])
    record_image_folders(results, [second])
    assert recorded_image_folders(results) == (second, first)


def test_a_damaged_record_tells_nothing(tmp_path):
    (tmp_path / IMAGE_FOLDERS_NAME).write_text("{")
    assert recorded_image_folders(tmp_path) == ()
