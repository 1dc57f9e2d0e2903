"""What an encoder reads of each run: series or volumes, through the preprocessing card."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.denoising import denoise, refuse_other_length
from neurogenomics_kb.brain.encoders.volumes import ScaledVolumes
from neurogenomics_kb.brain.encoding import CENSORED
from neurogenomics_kb.brain.windows import Rules
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.absent import is_absent
from neurogenomics_kb.pipelines.fmri.acquisition import censoring_of, denoise_options, tensor_of
from neurogenomics_kb.pipelines.fmri.parameters import ConnectivityParameters
from neurogenomics_kb.registry import EmbeddingStrategy
from neurogenomics_kb.registry.cards import PreprocessingPipeline
from neurogenomics_kb.registry.recipe import Recipe

Loaders = dict[str, Callable[[], Any]]


def encoder_card(recipe: Recipe, strategy: EmbeddingStrategy) -> PreprocessingPipeline | None:
    """Preprocessing card of an encoder's strategy; None where it names none."""
    named = strategy.acquisition
    return named and recipe.acquisitions[named]


def censoring_rules(rules: Rules, card: PreprocessingPipeline | None) -> Rules:
    """Rules with the censoring of a card that censors, in place of the parameters'."""
    censor = None if card is None else card.find("censor")
    if censor is None:
        return rules
    seconds = rules.min_seconds if censor.min_usable_s is None else censor.min_usable_s
    return replace(rules, censor_fd=censor.max_fd_mm, min_seconds=seconds)


def encoder_inputs(
    encoder: Any,
    encoder_id: str,
    series: Loaders,
    volumes: Loaders,
    confounds: Loaders,
    card: PreprocessingPipeline | None,
    tr: float,
) -> tuple[Loaders, Loaders]:
    """Runs of the kind that an encoder reads, and their confounds, as its card prepares them.

    An encoder reads its own atlas and compares the parcels itself, so that step of the card is not
    compared here.

    Raises
    ------
    InputError
        If the cohort has none of the kind, or the card yields the other kind.
    """
    kind, name = (volumes, "volumes") if encoder.reads == "volumes" else (series, "timeseries")
    if is_absent(kind):
        raise InputError(
            f"encoder '{encoder_id}' reads {encoder.reads}, and the cohort has none",
            file=f"fmri.{name}",
            remedy=f"Name the files in the catalog under fmri.{name}, or import embeddings.",
        )
    if card is None:
        return kind, confounds
    if (card.yields == "tensor") != (encoder.reads == "volumes"):
        raise InputError(
            f"card '{card.id}' yields {card.yields}, encoder '{encoder_id}' reads {encoder.reads}",
            column="acquisition",
            remedy="Name another preprocessing card on the strategy.",
        )
    # A run without confounds is left out by the rules, and its signal is never asked for.
    known = {key: table for key, table in confounds.items() if key in kind}
    if encoder.reads == "volumes":
        drop = card.find("drop_frames")
        first = drop.initial if drop else 0
        runs = {key: functools.partial(read_tensor, load, tr, card) for key, load in kind.items()}
        return runs, {key: functools.partial(read_from, t, first) for key, t in known.items()}
    return (
        {k: functools.partial(clean_run, v, known.get(k), tr, card, k) for k, v in kind.items()},
        {k: functools.partial(confounds_from_start, v, card, k) for k, v in known.items()},
    )


def read_tensor(load: Callable[[], Any], tr: float, card: PreprocessingPipeline) -> ScaledVolumes:
    """Volumes of one run, scaled as the card says."""
    zooms = load().header.get_zooms()[:3]
    return ScaledVolumes(tensor_of(load, tr, card), tuple(float(z) for z in zooms))


def read_from(load: Callable[[], pd.DataFrame], first: int) -> pd.DataFrame:
    """Table without its first rows."""
    return load().iloc[first:].reset_index(drop=True)


def kept_frames(table: pd.DataFrame, card: PreprocessingPipeline, key: str) -> tuple[int, Any]:
    """First frame of steady magnetisation, and which frames the card keeps."""
    censoring = censoring_of(card)
    if censoring is None:
        return 0, np.ones(len(table), dtype=bool)
    early = replace(censoring, max_fd=None, max_std_dvars=None, min_contiguous=1).kept(table)
    first = int(np.argmax(early)) if early.any() else len(table)
    return first, censoring.kept(table, subject=key)


def confounds_from_start(
    load: Callable[[], pd.DataFrame], card: PreprocessingPipeline, key: str
) -> pd.DataFrame:
    """Confounds from the first steady frame on, with the frames that the card censors."""
    table = load()
    first, kept = kept_frames(table, card, key)
    return table.assign(**{CENSORED: ~kept}).iloc[first:].reset_index(drop=True)


def clean_run(
    load: Callable[[], pd.DataFrame],
    load_confounds: Callable[[], pd.DataFrame] | None,
    tr: float,
    card: PreprocessingPipeline,
    key: str,
) -> pd.DataFrame:
    """Series of one run, cleaned as the card says, at all frames from the first steady one on.

    Frames that the card censors are left out of filter and regression, and then interpolated, since
    an encoder needs frames at equal distances. A run of which nothing is kept comes back as it is,
    to be left out and counted.

    Raises
    ------
    InputError
        If there are no confounds to clean by, or the run cannot be cleaned.
    """
    if load_confounds is None:
        raise InputError(
            f"card '{card.id}' cleans by confounds, and there are none",
            file=f"time series of {key}",
            remedy="Add the confounds, or list the subject in fmri.quality.exclude.",
        )
    table, series = load_confounds(), load().reset_index(drop=True)
    refuse_other_length(table, len(series), key)
    first, kept = kept_frames(table, card, key)
    if not kept.any():
        return series.iloc[first:].reset_index(drop=True)
    options = denoise_options(card, ConnectivityParameters())
    cleaned = denoise(series, table, tr, subject=key, **options)
    whole = cleaned.reindex(series.index[first:]).interpolate(limit_direction="both")
    return whole.reset_index(drop=True)
