"""Each stage of a prediction beside its floor: what the machine could not do faster.

    python tools/stage_floors.py [--output docs/performance/stages.md] [--repeats 5]

The floor is the larger of operations over the peak rate and bytes over the memory's bandwidth,
both peaks measured here: a product of large matrices, and a copy of a large array. Operations of
the network are those of the thinned realisations, as torch counts them, with the layer that no
draw changes counted once; a stage's bytes are what goes in and comes out, each touched once. The
image is a synthetic well, the model the bundled one, the process warm.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from stage import NEITHER, measure_peaks
from stage_measurement import Measurement

from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.models import default_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stage import Peaks, Stage

_PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance" / "stages.md"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=_PAGE)
    parser.add_argument("--repeats", type=int, default=5, help="timed calls, after a warm one")
    parser.add_argument("--note", default="", help="of the machine, for the record")
    given = parser.parse_args()
    predictor = Predictor.create(load_model(default_model()))
    peaks = measure_peaks(bfloat16=predictor.runtime.bfloat16)
    measured = Measurement(predictor, given.repeats)
    stages = [*measured.network(), *measured.afterwards()]
    machine = (
        f"{torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}, "
        f"{predictor.runtime.precision}. {given.note}"
    )
    text = "\n".join(
        [
            *introduction(machine.rstrip(), peaks),
            *stage_table(stages, measured.whole(), peaks),
            *profile_table(stages),
            *layer_table(measured.layers(), peaks),
            *comparison(measured.side_by_side()),
            "",
        ]
    )
    make_folder(given.output.parent)
    with atomic_file(given.output) as file:
        file.write(text.encode())
    sys.stdout.write(text)


def introduction(machine: str, peaks: Peaks) -> Iterator[str]:
    """What the figures are of."""
    yield "# Stages and their floors"
    yield ""
    yield (
        f"{machine} What it can do at best, measured in the same run: "
        f"{peaks.network / 1e9:.0f} GFLOP/s in the network's precision and "
        f"{peaks.float32 / 1e9:.0f} in float32 (products of 2,048 x 2,048 matrices), "
        f"{peaks.bandwidth / 1e9:.1f} GB/s (a copy of 256 MiB, read and written)."
    )
    yield ""
    yield (
        "One image of 520 x 696 pixels, 8 draws, warm, medians. A floor is the larger of "
        "operations over the peak rate and bytes over the bandwidth; bytes are what goes in and "
        "comes out, each touched once. `tools/stage_floors.py` writes this page."
    )


def stage_table(stages: Sequence[Stage], whole: float, peaks: Peaks) -> Iterator[str]:
    """Time and floor of each stage, and of all."""
    yield ""
    yield from _head("stage", "calls", "time", "floor", "ratio", "bound by")
    for stage in stages:
        yield _line(stage.name, stage.calls, *_beside(stage, peaks), stage.bound(peaks))
    seconds = sum(stage.seconds for stage in stages)
    floor = sum(stage.floor(peaks) for stage in stages)
    yield _line("all of these", "", _ms(seconds), _ms(floor), f"{seconds / floor:.1f}", "")
    yield _line("image to ranked peaks, measured as one", 1, _ms(whole), "", "", "")
    yield ""
    yield (
        f"*neither*: more than {NEITHER:g} times the floor, so that neither operations nor memory "
        "keep the stage from being quicker, but the number of its small steps. The prediction as "
        "one computes the first layer once where all draws see the image in one orientation, and "
        "for each of them otherwise; the entropy map only when it is written."
    )


def profile_table(stages: Sequence[Stage]) -> Iterator[str]:
    """Functions that the stages spend their time in."""
    yield ""
    yield "## Where the time goes"
    yield ""
    yield "Time in the functions themselves, by `cProfile`."
    yield ""
    yield from _head("stage", "functions")
    for stage in stages:
        if stage.profile:
            yield _line(stage.name, stage.profile)


def layer_table(layers: Sequence[Stage], peaks: Peaks) -> Iterator[str]:
    """Layers of one draw's network."""
    yield ""
    yield "## The network's layers"
    yield ""
    yield "The first draw, thinned; channels read → channels made."
    yield ""
    yield from _head("layer", "GFLOP", "time", "floor", "ratio", "bound by")
    for layer in layers:
        work = f"{layer.operations / 1e9:.2f}"
        yield _line(layer.name, work, *_beside(layer, peaks), layer.bound(peaks))


def comparison(times: Mapping[str, float]) -> Iterator[str]:
    """Network and clustering in turn and at once."""
    yield ""
    yield "## Network and clustering at once"
    yield ""
    yield from _head("8 draws, without agglomeration and ranking", "time", "times as quick")
    first = next(iter(times.values()))
    for name, seconds in times.items():
        yield _line(name, _ms(seconds), f"{first / seconds:.2f}")


def _beside(stage: Stage, peaks: Peaks) -> tuple[str, str, str]:
    floor = stage.floor(peaks)
    return _ms(stage.seconds), _ms(floor), f"{stage.seconds / floor:.1f}" if floor else ""


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{1000 * seconds:,.0f} ms"


def _head(*titles: str) -> Iterator[str]:
    yield _line(*titles)
    yield _line(*["---"] * len(titles))


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
