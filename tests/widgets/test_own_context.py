"""Removed layers are freed where they were made."""

from __future__ import annotations

import gc
from importlib import import_module

import pytest
from qtpy.QtGui import QOpenGLContext
from vispy.gloo.glir import GlirProgram


@pytest.mark.opengl
def test_programs_of_a_removed_layer_are_deleted_in_the_canvas_context(person, monkeypatch):
    own, current = person.canvas.context(), []
    delete = GlirProgram.delete

    def deleted(program):
        current.append(QOpenGLContext.currentContext())
        delete(program)

    monkeypatch.setattr(GlirProgram, "delete", deleted)
    monkeypatch.setattr(import_module("napari._vispy.canvas"), "gc", gc)  # as outside of tests
    person.canvas.doneCurrent()
    for layer in (person.shown.peaks, person.shown.entropy, person.shown.instances):
        person.viewer.layers.remove(layer)
        person.qtbot.wait(50)
    assert len(current) >= 3
    assert all(context is own for context in current)
