"""What a removed layer leaves on the graphics card is freed in the canvas's own OpenGL context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtOpenGLWidgets import QOpenGLWidget

from napari_probinst.widgets.canvas import native_canvas

if TYPE_CHECKING:
    from weakref import ReferenceType


def free_in_own_context(viewer: Any) -> None:
    """Make the canvas's context the current one whenever a layer of a viewer is removed.

    napari frees the layer's programs and textures at once, in whichever context is current: that
    of Qt's painting, unless the canvas has just been drawn. Mesa's software OpenGL then crashes
    when the canvas is drawn later, after some orders of removal. A second call changes nothing.

    Parameters
    ----------
    viewer : napari.Viewer
        One with a window.
    """
    native = native_canvas(viewer)
    if isinstance(native, QOpenGLWidget):
        # Equal callbacks are connected once.
        viewer.layers.events.removing.connect(_Current(ref(native)))


@dataclass(frozen=True, slots=True)
class _Current:
    """Makes the context of a widget current."""

    widget: ReferenceType[QOpenGLWidget]

    def __call__(self, _event: Any) -> None:
        widget = self.widget()
        if widget is not None and widget.isValid():
            widget.makeCurrent()
