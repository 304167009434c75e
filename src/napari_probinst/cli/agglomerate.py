"""``napari-probinst agglomerate``: segmentations of other programs in, a prediction out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.data.coco import CocoEntry, CocoImage
    from napari_probinst.core.data.io import Image
    from napari_probinst.core.data.segmentations import Segmentation
    from napari_probinst.core.prediction import Prediction

#: Some images were agglomerated and others refused.
PARTLY_DONE = 1
ONE_DRAW = "One draw shows no uncertainty: give two or more, to see where they disagree."
TWO_DRAWS = (
    "Of two draws, instances are where both agree; --threshold 0.5 takes what either of them has."
)


def majority(n_draws: int) -> float:
    """Least share of so many draws that is more than half of them."""
    return (n_draws // 2 + 1) / n_draws


def agglomerate(
    draws: Annotated[
        list[Path],
        typer.Argument(
            metavar="DRAW...",
            help="Segmentations: a label image, a stack of masks, a COCO file, or a folder with "
            "one file an image, each by another program, model or annotator.",
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder for the results.")],
    name: Annotated[
        str | None,
        typer.Option(
            help="Of draws that hold several images, the one to agglomerate. Of files that hold "
            "one, what to call it; that of the first by default."
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(help="The image that was segmented, for its size, pixel size and checksum."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Least share of the draws that contain a pixel of a binary instance; by default "
            "more than half of them, of two draws both."
        ),
    ] = None,
    min_size: Annotated[int, typer.Option(help="Smallest instance that is exported, pixels.")] = 0,
    stacks: Annotated[
        bool, typer.Option("--stacks", help="Also write the masks and the counts as stacks.")
    ] = False,
) -> None:
    """Turn several segmentations into one prediction with probability, entropy and peaks.

    The results are those of predict, for evaluation and proofreading. Segmentations of many
    images, in folders or COCO files, are matched by the images' names. Earlier results of an
    image are replaced, files of other commands never; predictions.json is of all images in the
    output that the same settings made of as many draws, now or before.
    """
    from napari_probinst.cli._results import write_results
    from napari_probinst.cli._run_words import tell_data_set, tell_others
    from napari_probinst.core.batch.agglomerated import earlier_agglomerations
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.data.atomic import make_folder
    from napari_probinst.core.data.coco import write_coco
    from napari_probinst.core.data.naming import COCO_NAME
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.section import validated

    # The setting is the size in a draw, of which half makes an instance worth exporting.
    least = majority(len(draws)) if threshold is None else threshold
    asked = {"min_size": 2 * min_size, "probability_threshold": least, "existence_threshold": 0}
    settings = validated(InferenceConfig, asked, "command line")
    images = _images(draws, name)
    _check_folder(output, images, draws)
    source = _image_source(image, len(images))
    if len(draws) == 1:
        typer.secho(ONE_DRAW, err=True, fg="yellow")
    if len(draws) == 2 and threshold is None:
        typer.echo(TWO_DRAWS)
    done: dict[str, CocoImage | CocoEntry] = {}
    refused = []
    for number, (own_name, parts) in enumerate(images.items(), start=1):
        try:
            prediction = _prediction(own_name, parts, draws, settings, source)
        except InputError as error:
            if len(images) == 1:
                raise
            refused.append(own_name)
            typer.secho(f"{own_name}: {error}", err=True, fg="red")
            continue
        file_name = _file_name(own_name, parts[0]) if image is None else image.name
        make_folder(output)
        record, found = write_results(prediction, output, file_name, stacks=stacks)
        done[own_name] = record
        typer.echo(f"[{number}/{len(images)}] {own_name}: {len(parts)} draws, {found}")
    if not done:
        raise InputError(f"None of the {len(refused)} images could be agglomerated.")
    used = settings.model_copy(update={"n_draws": len(draws)})
    earlier = earlier_agglomerations(output, done, used)
    done |= {one.name: one.record for one in earlier.outcomes if one.record is not None}
    stamp = {"models": [], "settings": used.model_dump(mode="json")}
    write_coco([done[each] for each in sorted(done)], output / COCO_NAME, stamp)
    tell_data_set(output / COCO_NAME, len(done), len(earlier.outcomes))
    tell_others(earlier.others, output, "these settings and this number of draws")
    if refused:
        typer.secho(
            f"{len(refused)} of {len(images)} images were refused: {', '.join(refused)}", err=True
        )
        raise typer.Exit(PARTLY_DONE)


def _images(paths: Sequence[Path], name: str | None) -> dict[str, list[Segmentation]]:
    """Segmentations of each image, one of each draw in their order."""
    from napari_probinst.core.data.naming import is_file_name
    from napari_probinst.core.data.segmentations import check_same_images, find_segmentations
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.evaluation.names import name_of
    from napari_probinst.core.inference.agglomeration import MAX_DRAWS

    if len(paths) > MAX_DRAWS:
        raise InputError(f"{len(paths)} draws are given; expected at most {MAX_DRAWS}.")
    draws = [(path, find_segmentations(path, name_of)) for path in paths]
    if all(len(found) == 1 and not path.is_dir() for path, found in draws):
        # Files that are named one by one are of one image, whatever they are called.
        images = {name or draws[0][1][0].name: [found[0] for _, found in draws]}
    elif name is not None:
        images = {name: [_of_image(name, path, found) for path, found in draws]}
    else:
        check_same_images(draws)
        images = {
            parts[0].name: list(parts) for parts in zip(*(found for _, found in draws), strict=True)
        }
    for own_name in images:
        if not is_file_name(own_name):
            raise InputError(
                f"'{own_name}' can't begin the names of files on every system; give another "
                "name without colons and slashes."
            )
    return images


def _file_name(name: str, segmentation: Segmentation) -> str:
    """File name for the data set: that of a segmentation, unless the image has another name."""
    return segmentation.file_name if segmentation.name == name else f"{name}.tif"


def _check_folder(folder: Path, names: Iterable[str], draws: Sequence[Path]) -> None:
    """Refuse to write over draws, or over what another command or program has made."""
    from napari_probinst.cli._existing import refuse_input, refuse_others
    from napari_probinst.core.batch.results import result_names
    from napari_probinst.core.data.naming import COCO_NAME, PREDICTION_SUFFIX
    from napari_probinst.core.data.prediction_file import load_origin

    earlier = [path.name for path in sorted(folder.glob(f"*{PREDICTION_SUFFIX}"))]
    of_models = [each for each in earlier if load_origin(folder / each).provenance.model_checksum]
    # The data set beside them is of all of them.
    refuse_others(folder, of_models)
    refuse_others(folder, [COCO_NAME], own=bool(earlier))
    refuse_input(folder, draws)
    for name in names:
        files = result_names(name)
        refuse_others(folder, files, own=f"{name}{PREDICTION_SUFFIX}" in earlier)
        for each in (COCO_NAME, *files):
            refuse_input(folder / each, draws)


def _of_image(name: str, path: Path, found: Sequence[Segmentation]) -> Segmentation:
    """Segmentation of one image among several; a file that holds one is of that image."""
    from napari_probinst.core.errors import InputError

    if len(found) == 1 and not path.is_dir():
        return found[0]
    for segmentation in found:
        if segmentation.name == name:
            return segmentation
    shown = ", ".join(one.name for one in found[:5]) + (" ..." if len(found) > 5 else "")
    raise InputError(f"{path} holds no segmentation of --name {name}; it has {shown}.")


def _image_source(path: Path | None, n_images: int) -> Image | None:
    from napari_probinst.core.data.io import read_image
    from napari_probinst.core.errors import InputError

    if path is None:
        return None
    if n_images > 1:
        raise InputError(
            f"--image {path} is one image, but the draws are of {n_images}; leave it out, or "
            "choose an image with --name."
        )
    return read_image(path)


def _prediction(
    name: str,
    parts: Sequence[Segmentation],
    paths: Sequence[Path],
    settings: InferenceConfig,
    image: Image | None,
) -> Prediction:
    from napari_probinst import __version__
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.inference.composition import compose
    from napari_probinst.core.prediction import Provenance

    draws = [part.read() for part in parts]
    where, expected = (paths[0], draws[0].shape) if image is None else (image.path, image.shape)
    for path, draw in zip(paths, draws, strict=True):
        if draw.shape != expected:
            raise InputError(
                f"The segmentation of {name} in {path} is {draw.shape[0]} x {draw.shape[1]} "
                f"pixels, but {where} is {expected[0]} x {expected[1]}; expected one size."
            )
    checksum = ""
    if image is not None:
        from napari_probinst.core.data.checksum import image_checksum

        checksum = image_checksum(image.channels)
    return compose(
        draws,
        settings,
        name=name,
        provenance=Provenance(image_checksum=checksum, program=f"napari-probinst {__version__}"),
        pixel_size=None if image is None else image.pixel_size,
    )
