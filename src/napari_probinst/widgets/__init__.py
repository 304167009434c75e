"""The napari docks: the only place that imports napari and Qt."""
