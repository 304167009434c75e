"""The table that tools/bench_table.py makes of what asv has measured."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import bench_table
import pytest

from napari_probinst.core.errors import InputError

ROOT = Path(__file__).parents[2]
COLUMNS = ["result", "params", "version"]


def results(**found):
    machine = {"num_cpu": "2", "cpu": "a processor", "ram": str(2**33), "os": "Linux"}
    rows = {name.replace("__", "."): row for name, row in found.items()}
    return {
        "commit_hash": "0123456789",
        "params": machine,
        "result_columns": COLUMNS,
        "results": rows,
    }


def lines(text):
    return [line for line in text.splitlines() if line.startswith("| ")]


def test_aim_is_the_one_for_the_machine():
    text = bench_table.page(
        results(
            bench_pipeline__ImageToPeaks__time_image_to_peaks=[[2.0], []],
            bench_pipeline__WithoutMatrixUnits__time_image_to_peaks=[[float("nan")], []],
        )
    )
    assert lines(text)[2:] == ["| image to ranked peaks | 2.00 s |  |  | ≤ 3.00 s | yes |"]


def test_values_stand_beside_the_straightforward_version_and_the_aim():
    text = bench_table.page(
        results(
            bench_pipeline__ImageToPeaks__time_image_to_peaks=[[0.8], []],
            bench_pipeline__Straightforward__time_image_to_peaks=[[4.0], []],
            bench_pipeline__ImageToPeaks__peakmem_image_to_peaks=[[2**29], []],
        ),
        note="idle",
    )
    assert "2 cores of a processor, 8.00 GiB of memory, Linux; revision 01234567. idle" in text
    assert lines(text)[2:] == [
        "| image to ranked peaks | 0.80 s | 4.00 s (straightforward) | 5.00 "
        "| ≤ 1.00 s, ≥ 4 times faster | yes |",
        "| peak memory | 0.50 GiB |  |  |  |  |",
    ]
    assert "`bench_start.CommandLine.time_help`" in text.splitlines()[-1]


@pytest.mark.parametrize(("mine", "other"), [(0.8, 3.1), (1.1, 9.0)])
def test_an_aim_has_to_be_met_in_both_ways(mine, other):
    text = bench_table.page(
        results(
            bench_pipeline__ImageToPeaks__time_image_to_peaks=[[mine], []],
            bench_pipeline__Straightforward__time_image_to_peaks=[[other], []],
        )
    )
    assert lines(text)[2].endswith("| no |")


def test_each_value_of_a_parameter_has_a_row():
    text = bench_table.page(
        results(
            bench_curation__Editing__time_edit=[[0.004, None], [["'merge'", "'split'"]]],
            bench_network__Thinning__time_thinned=[[0.1, 0.05], [["0.25", "0.5"]]],
            bench_network__Thinning__time_masked=[[0.1, 0.1], [["0.25", "0.5"]]],
        )
    )
    rows = lines(text)
    assert "| a thinned draw, all rates 0.25 | 100 ms | 100 ms (masked) | 1.00 |  |  |" in rows
    assert "| a thinned draw, all rates 0.5 | 50 ms | 100 ms (masked) | 2.00 |  |  |" in rows
    assert "| an edit, merge | 4 ms |  |  | ≤ 50 ms | yes |" in rows
    assert "| an edit, split | failed |  |  | ≤ 50 ms | no |" in rows


def test_what_does_not_apply_to_the_machine_has_no_row():
    text = bench_table.page(
        results(bench_pipeline__WithoutMatrixUnits__time_image_to_peaks=[[float("nan")], []])
    )
    assert lines(text) == []


def test_the_newest_results_are_read(tmp_path):
    with pytest.raises(InputError, match="make bench"):
        bench_table.newest(tmp_path)
    (tmp_path / "vm").mkdir()
    (tmp_path / "vm" / "machine.json").write_text("{}")
    for age, name in enumerate(("new", "old")):
        path = tmp_path / "vm" / f"{name}.json"
        path.write_text(json.dumps({"commit_hash": name}))
        os.utime(path, (1000 - age, 1000 - age))
    assert bench_table.newest(tmp_path) == {"commit_hash": "new"}


def test_what_was_measured_before_the_run_does_not_count(tmp_path):
    name = "bench_start.CommandLine.time_help"
    kept, began = tmp_path / "vm" / "revision.json", tmp_path / "began"
    kept.parent.mkdir()
    began.touch()
    now = 1000 * began.stat().st_mtime
    found = results(**{name: [[0.2], [], "", now + 1], "other": [[0.1], [], "", now - 1]})
    kept.write_text(json.dumps({**found, "result_columns": [*COLUMNS, "started_at"]}))
    assert list(bench_table.newest(tmp_path, began)["results"]) == [name]
    os.utime(began, (now / 1000 + 1,) * 2)
    with pytest.raises(InputError, match="measured nothing"):
        bench_table.newest(tmp_path, began)


def test_a_run_without_all_benchmarks_fails(tmp_path, monkeypatch, capsys):
    kept, table = tmp_path / "vm" / "revision.json", tmp_path / "bench.md"
    kept.parent.mkdir()
    kept.write_text(json.dumps(results(bench_start__CommandLine__time_help=[[0.2], []])))
    arguments = ["bench_table.py", "--results", str(tmp_path), "--output", str(table)]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        bench_table.main()
    assert stopped.value.code == 1
    assert "Not measured: `bench_pipeline" in table.read_text()
    assert "did not run" in capsys.readouterr().err


def test_every_benchmark_of_the_table_exists():
    """Names of classes and functions, read from the sources: asv need not be installed."""
    figures = [figure for group in bench_table.FIGURES.values() for figure in group]
    named = {figure.benchmark for figure in figures}
    named |= {figure.beside[0] for figure in figures if figure.beside}
    for name in named:
        module, cls, function = name.split(".")
        source = (ROOT / "benchmarks" / f"{module}.py").read_text(encoding="utf-8")
        body = re.split(rf"^class {cls}\b", source, flags=re.MULTILINE)[1].split("\nclass ")[0]
        assert f"def {function}(" in body, name
