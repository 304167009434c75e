"""A folder is replaced as a whole, or stays as it was."""

from __future__ import annotations

import pytest

from napari_probinst.core.data.atomic_folder import atomic_folder
from napari_probinst.core.errors import OutputError


def test_a_folder_takes_the_place_of_the_former(tmp_path):
    path = tmp_path / "out"
    for content in ("first", "second"):
        with atomic_folder(path) as folder:
            (folder / content).write_text(content)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert [file.name for file in path.iterdir()] == ["second"]


def fail(path, error):
    with atomic_folder(path) as folder:
        (folder / "half").touch()
        raise error


@pytest.mark.parametrize(
    ("error", "raised"),
    [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(28, "No space left"), OutputError)],
)
def test_after_a_failure_the_former_is_there_and_nothing_else(tmp_path, error, raised):
    path = tmp_path / "out"
    path.mkdir()
    (path / "first").touch()
    with pytest.raises(raised):
        fail(path, error)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert [file.name for file in path.iterdir()] == ["first"]


def test_a_folder_that_can_t_take_its_place_gives_way_to_the_former(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "first").touch()
    with pytest.raises(OutputError), atomic_folder(path) as folder:
        folder.rmdir()
    assert [file.name for file in path.iterdir()] == ["first"]


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(OutputError, match="create it first"), atomic_folder(tmp_path / "a" / "b"):
        pass
