"""What is said of labels that hold one value for many objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_probinst.core.instances import InstanceSet

#: Images that are named.
_NAMED = 3


def tell_undivided(truth: Mapping[str, InstanceSet], where: str) -> None:
    """Say in one line which images of a truth have a mask where labels are expected.

    Parameters
    ----------
    truth : mapping of str to InstanceSet
        True instances by the names of the images.
    where : str
        The folders or files that they come from.
    """
    from napari_probinst.core.data.masks import is_undivided

    names = [name for name, instances in truth.items() if is_undivided(instances)]
    if not names:
        return
    shown = ", ".join(names[:_NAMED]) + ", …" * (len(names) > _NAMED)
    images = "1 image" if len(names) == 1 else f"{len(names)} images"
    typer.secho(
        f"The labels of {images} in {where} ({shown}) hold one value only, in separate pieces, and "
        "count as one instance each; if that is a mask of many objects, number the objects",
        err=True,
        fg="yellow",
    )
