"""Open one dock in a new window of napari, and tell how many seconds that took.

    python benchmarks/open_dock.py Predict

The window and its first painting come before the clock starts.
"""

from __future__ import annotations

import sys
import time


def main():
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=False)
    window = viewer.window
    # Without OpenGL the canvas can't be shown.
    if QApplication.platformName() != "offscreen":
        window.show()
    QApplication.processEvents()
    began = time.perf_counter()
    window.add_plugin_dock_widget("napari-probinst", sys.argv[1])
    QApplication.processEvents()
    sys.stdout.write(f"{time.perf_counter() - began}\n")
    sys.stdout.flush()
    viewer.close()


if __name__ == "__main__":
    main()
