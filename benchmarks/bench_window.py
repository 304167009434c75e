"""Proofreading very many instances in a window of napari: one process that does all steps once."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

from .run_length import by_length

REVIEW = Path(__file__).with_name("review_window.py")


class Window:
    """10,000 instances on more than 8k x 8k pixels, and ten times as many of both."""

    params = by_length((10_000,), (10_000, 100_000))
    param_names = ("instances",)
    timeout = 1200

    def setup_cache(self):
        measured = {}
        for n_instances in self.params:
            command = (sys.executable, str(REVIEW), str(n_instances))
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            measured[n_instances] = json.loads(run.stdout.splitlines()[-1])
        return measured

    setup_cache.timeout = 1200

    def track_show(self, measured, n_instances):
        found = measured[n_instances]
        return found.get("show, painted", found["show"])

    def track_open(self, measured, n_instances):
        found = measured[n_instances]
        return found.get("open, painted", found["open"])

    def track_next(self, measured, n_instances):
        return measured[n_instances]["next"]

    def track_next_painted(self, measured, n_instances):
        return measured[n_instances].get("next, painted", math.nan)

    def track_edit(self, measured, n_instances):
        return measured[n_instances]["edit"]

    def track_edit_painted(self, measured, n_instances):
        return measured[n_instances].get("edit, painted", math.nan)

    def track_undo(self, measured, n_instances):
        return measured[n_instances]["undo"]

    def track_line(self, measured, n_instances):
        return measured[n_instances]["line"]

    def track_brush(self, measured, n_instances):
        return measured[n_instances]["brush"]

    def track_first_edit(self, measured, n_instances):
        return measured[n_instances]["begin"]

    def track_peakmem(self, measured, n_instances):
        return measured[n_instances]["memory"]


for _name in dir(Window):
    if _name.startswith("track_"):
        getattr(Window, _name).unit = "bytes" if _name == "track_peakmem" else "seconds"
