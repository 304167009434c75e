import errno
import os
import resource
import signal

import numpy as np
import pytest

from napari_probinst.core.data.atomic import atomic_file, make_folder, write_together
from napari_probinst.core.errors import OutputError


def write(path, content=b"new"):
    with atomic_file(path) as file:
        file.write(content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_complete_and_replaces_the_old_one(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with atomic_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


def test_its_permissions_are_the_users_usual_ones(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    write(tmp_path / "a.bin")
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()], ids=repr)
def test_a_failure_leaves_everything_as_it_was(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail():
        with atomic_file(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "not permitted"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_reasons_are_sentences(tmp_path, monkeypatch, code, said):
    def fail(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=said) as caught:
        write(tmp_path / "a.bin")
    assert "a.bin" in str(caught.value)
    assert names(tmp_path) == []


def test_a_write_that_the_disk_cuts_short(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        for fill in (
            lambda file: file.write(bytes(50_000)),
            lambda file: np.zeros(50_000, np.uint8).tofile(file),
        ):
            with pytest.raises(OutputError, match=r"a\.bin"), atomic_file(tmp_path / "a.bin") as f:
                fill(f)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert names(tmp_path) == []


def test_files_that_belong_together_appear_together_or_not_at_all(tmp_path):
    report = tmp_path / "new" / "report"
    write_together({"figures/a.png": b"picture", "page.html": b"page"}, report)
    assert (report / "figures" / "a.png").read_bytes() == b"picture"
    assert names(report) == ["figures", "page.html"]

    former = tmp_path / "former"
    (former / "page.html").mkdir(parents=True)
    for folder in (former, tmp_path / "absent" / "report"):
        (tmp_path / "taken").write_bytes(b"")
        wrong = "page.html" if folder == former else "../../taken/b.csv"
        with pytest.raises(OutputError):
            write_together({"a.csv": b"1", "figures/a.png": b"2", wrong: b"3"}, folder)
    assert names(former) == ["page.html"]
    assert names(tmp_path) == ["former", "new", "taken"]


def test_nothing_stays_where_the_disk_is_full_in_the_middle(tmp_path, monkeypatch):
    n_synced = []

    def sync(number):
        n_synced.append(number)
        if len(n_synced) == 1:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(OutputError, match="the disk is full"):
        write_together({"a.csv": b"1", "figures/b.png": b"2"}, tmp_path / "report")
    assert names(tmp_path) == []


def test_folders_that_are_absent_or_no_folders(tmp_path):
    with pytest.raises(OutputError, match="the folder doesn't exist"):
        write(tmp_path / "absent" / "a.bin")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="part of the path is a file"):
        write(tmp_path / "file" / "a.bin")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="a folder of that name"):
        write(tmp_path / "folder")
    assert names(tmp_path) == ["file", "folder"]


def test_make_folder(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="is a file"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="part of the path"):
        make_folder(tmp_path / "file" / "b")
