"""The documentation's site: `make docs` builds it into `site/`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_probinst import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools"))

project = "napari-probinst"
author = "The napari-probinst developers"
copyright = f"2026, {author}"  # noqa: A001 - the name that Sphinx asks for
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["examples"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
# The README and the model card are no pages of the site; attributes of one name are no error.
suppress_warnings = ["myst.xref_missing", "ref.python"]

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = f"napari-probinst {__version__}"
html_show_copyright = False
html_theme_options = {
    "source_repository": "https://github.com/napari-probinst/napari-probinst",
    "source_branch": "main",
    "source_directory": "docs/",
}


def setup(app: Sphinx) -> None:
    """Write the pages that come from the code before Sphinx looks for pages."""
    app.connect("config-inited", lambda *_: _write_reference())


def _write_reference() -> None:
    import reference

    for name, text in reference.pages().items():
        path = HERE / "reference" / name
        # Untouched where nothing changed: Sphinx then need not read it again.
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
