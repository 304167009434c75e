"""The Train dock: data, presets, live curves."""
