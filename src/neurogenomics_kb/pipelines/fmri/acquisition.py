"""What a preprocessing card asks of the run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.atlas import Atlas
from neurogenomics_kb.brain.confounds import Censoring, ConfoundStrategy
from neurogenomics_kb.brain.connectivity import KINDS
from neurogenomics_kb.brain.parcellation import check_upstream, extract_parcels
from neurogenomics_kb.brain.volumes import volume_tensor
from neurogenomics_kb.datasets.bids import BidsImage, entities_of
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.absent import is_absent
from neurogenomics_kb.pipelines.fmri.parameters import ConnectivityParameters
from neurogenomics_kb.registry.cards import PreprocessingPipeline
from neurogenomics_kb.registry.recipe import Recipe

logger = logging.getLogger(__name__)


def parcel_card(recipe: Recipe) -> PreprocessingPipeline | None:
    """Preprocessing card that series go through; None where no strategy names one."""
    named = {
        strategy.acquisition
        for strategy in recipe.strategies.values()
        if strategy.modality == "fmri" and strategy.features
    }
    # One at most: the recipe refuses blocks that name different ones.
    card = next(iter(named), None)
    return card and recipe.acquisitions[card]


def wanted_kinds(recipe: Recipe, always: list[str]) -> list[str]:
    """Kinds of connectivity that strategies of the recipe name, after those made always."""
    named = [
        group
        for strategy in recipe.strategies.values()
        if strategy.modality == "fmri"
        for group in strategy.features or []
    ]
    return list(dict.fromkeys([*always, *(g for g in named if g in KINDS)]))


def censoring_of(card: PreprocessingPipeline | None) -> Censoring | None:
    """Frames that a card leaves out; None where it leaves none out."""
    if card is None:
        return None
    drop, censor = card.find("drop_frames"), card.find("censor")
    if drop is None and censor is None:
        return None
    return Censoring(
        drop_initial=drop.initial if drop else 0,
        non_steady_state=drop.non_steady_state if drop else False,
        max_fd=censor.max_fd_mm if censor else None,
        max_std_dvars=censor.max_std_dvars if censor else None,
        min_contiguous=censor.min_contiguous_frames if censor else 1,
    )


def denoise_options(
    card: PreprocessingPipeline | None, connectivity: ConnectivityParameters
) -> dict[str, Any]:
    """Keyword arguments of `denoise`: the card's, or those of the parameters without a card."""
    if card is None:
        chosen = {"nuisance", "high_pass", "low_pass", "detrend"}
        return connectivity.model_dump(include=chosen)
    band, regress = card.find("filter"), card.find("regress")
    nuisance = ConfoundStrategy(signals=())
    if regress is not None:
        options = regress.model_dump(exclude={"step"})
        nuisance = ConfoundStrategy(**{**options, "signals": tuple(regress.signals)})
    return {
        "nuisance": nuisance,
        "censoring": censoring_of(card),
        "high_pass": band.high_pass_hz if band else None,
        "low_pass": band.low_pass_hz if band else None,
        "detrend": card.find("detrend") is not None,
    }


def check_parcels(
    card: PreprocessingPipeline | None, atlas: dict[str, Any], parcels: list[str], subject: str
) -> None:
    """Compare series with the atlas that a card names.

    Raises
    ------
    InputError
    """
    step = None if card is None else card.find("average_parcels")
    if step is None:
        return
    if not is_absent(atlas):
        check_atlas(card, atlas["name"])
    if step.parcels is not None and step.parcels != len(parcels):
        raise InputError(
            f"{len(parcels)} parcels, but card '{card.id}' wants the {step.parcels} of "
            f"{step.atlas}",
            file=f"time series of {subject}",
            remedy="Extract series with that atlas, or name another preprocessing card.",
        )


def check_atlas(card: PreprocessingPipeline, name: str) -> None:
    """Refuse an atlas that is not the card's.

    Raises
    ------
    InputError
    """
    step = card.find("average_parcels")
    if step is not None and step.atlas != name:
        raise InputError(
            f"the cohort's atlas is '{name}', card '{card.id}' wants '{step.atlas}'",
            file="fmri.atlas",
            remedy="Name that atlas in the catalog, or another preprocessing card.",
        )


def average_run(
    load: Callable[[], Any],
    atlas: Atlas,
    tr: float,
    card: PreprocessingPipeline | None,
    fwhm: float | None,
    subject: str,
) -> pd.DataFrame:
    """Parcel series of one image, after a look at where it comes from."""
    image = load()
    entities = check_origin(load, image, tr, card)
    series = extract_parcels(image, atlas, tr=tr, space=entities.get("space", ""), fwhm=fwhm)
    logger.info(
        "fmri: %s averaged over %d parcels of %s, %d frames",
        subject, series.shape[1], atlas.name, len(series),
    )  # fmt: skip
    return series


def check_origin(
    load: Callable[[], Any], image: Any, tr: float, card: PreprocessingPipeline | None
) -> dict[str, str]:
    """Entities of an image's file name, checked with its sidecar against card and cohort.

    Raises
    ------
    InputError
    """
    path = image.get_filename() or ""
    entities, description, sidecar = entities_of(path), {}, {}
    if isinstance(load, BidsImage):
        entities, description, sidecar = load.entities, load.description, load.sidecar
    own = sidecar.get("RepetitionTime")
    if own is not None and abs(float(own) - tr) > 1e-3:
        raise InputError(
            f"its sidecar says {float(own):g} s, the cohort's {tr:g} s",
            file=path,
            column="RepetitionTime",
            remedy="Runs of one cohort need one repetition time; list others in "
            "fmri.quality.exclude.",
        )
    if card is not None:
        statements = [step.model_dump() for step in card.upstream]
        unchecked = check_upstream(statements, entities, description, path)
        if unchecked:
            logger.debug("fmri: %s: taken on trust: %s", path, "; ".join(unchecked))
    return entities


def tensor_of(
    load: Callable[[], Any], tr: float, card: PreprocessingPipeline
) -> np.ndarray:  # fmt: skip
    """Scaled 4-D array of one run, as a card that yields tensors says.

    Parameters
    ----------
    load : callable
        Opens the image; a `BidsImage` brings its brain mask.
    tr : float
        Repetition time (s) of the sidecar.
    card : PreprocessingPipeline
        Card that the recordings go through.

    Returns
    -------
    ndarray of float32, shape (x, y, z, n_frames)

    Raises
    ------
    InputError
        If the card yields series, or the image is not what it expects.
    """
    scale, smooth, drop = (card.find(n) for n in ("scale_tensor", "smooth", "drop_frames"))
    if scale is None:
        raise InputError(
            f"'{card.id}' yields series of parcels, and a volume encoder needs images",
            remedy="Name a preprocessing card that ends in scale_tensor.",
        )
    image = load()
    check_origin(load, image, tr, card)
    return volume_tensor(
        image,
        mask=load.mask if isinstance(load, BidsImage) else None,
        tr=tr,
        drop_initial=drop.initial if drop else 0,
        fwhm=smooth.fwhm_mm if smooth else None,
        scaling=scale.method,
        background=scale.background,
    )
