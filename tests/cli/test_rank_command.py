from __future__ import annotations

import csv


def test_results_are_ranked_and_written(tmp_path, run, predict, write, pixels):
    folder = tmp_path / "plate"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        write(folder / f"{name}.tif", pixels(seed))
    out = tmp_path / "out"
    predict(folder, out)
    with (out / "images.csv").open(newline="", encoding="utf-8") as file:
        expected = [row["image"] for row in csv.DictReader(file)]

    done = run("rank", out, "--output", tmp_path / "ranked.csv", "--top", 2)
    assert (done.code, done.err) == (0, "")
    assert f"{tmp_path / 'ranked.csv'}: 2 images" in done.out
    with (tmp_path / "ranked.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == expected[:2]
    assert [row["seconds"] for row in rows] == ["", ""]

    again = run("rank", out, "--output", tmp_path / "ranked.csv")
    assert "ranked.csv exists: give --overwrite to replace it" in again.refusal()
    again = run("rank", out, "--output", tmp_path / "ranked.csv", "--overwrite")
    assert f"{tmp_path / 'ranked.csv'}: 3 images" in again.out

    by_mean = run("rank", out, "--by", "mean", "--output", tmp_path / "mean.csv")
    with (tmp_path / "mean.csv").open(newline="", encoding="utf-8") as file:
        means = [float(row["mean_entropy"]) for row in csv.DictReader(file)]
    assert means == sorted(means, reverse=True)
    assert len(means) == 3
    assert by_mean.out.index("foreground") < by_mean.out.index("mean.csv")


def test_a_folder_without_results_is_refused(tmp_path, run):
    assert "holds no results; expected files" in run("rank", tmp_path).refusal()
    assert run("rank", tmp_path, "--top", 0).code == 2
