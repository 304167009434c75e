"""What is said of pictures in colours whose luminance is taken."""

from __future__ import annotations


def coloured_text(n_images: int) -> str:
    """Say in a sentence of how many images the luminance was taken, and what else could be.

    Parameters
    ----------
    n_images : int
        Images in colours that a model sees in one channel.

    Returns
    -------
    str
        Empty if there is none.
    """
    if not n_images:
        return ""
    images = "1 image is" if n_images == 1 else f"{n_images} images are"
    return (
        f"{images} in colours (RGB), of which the luminance was taken; to take one of them, save "
        "it as a grey image; all three are for a model whose configuration names three channels"
    )
