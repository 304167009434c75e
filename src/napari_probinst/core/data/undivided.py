"""What is said of labels that hold one value for many objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.data.masks import is_undivided

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_probinst.core.instances import InstanceSet

#: Images that are named.
_NAMED = 3


def undivided_text(truth: Mapping[str, InstanceSet], where: str) -> str:
    """Say in a sentence which images of a truth have a mask where labels are expected.

    Parameters
    ----------
    truth : mapping of str to InstanceSet
        True instances by the names of the images.
    where : str
        The folders, files or layer that they come from.

    Returns
    -------
    str
        Empty if there is none.
    """
    names = [name for name, instances in truth.items() if is_undivided(instances)]
    if not names:
        return ""
    shown = ", ".join(names[:_NAMED]) + ", …" * (len(names) > _NAMED)
    images = "1 image" if len(names) == 1 else f"{len(names)} images"
    return (
        f"The labels of {images} in {where} ({shown}) hold one value only, in separate pieces, and "
        "count as one instance each; if that is a mask of many objects, number the objects"
    )
