"""Nodes of the EEG pipeline."""

from __future__ import annotations

import functools
import logging
from typing import Any

import pandas as pd

from neurogenomics_kb.brain.eeg.pooling import (
    WAVE,
    choose_wave,
    pool_runs,
    tabulate_runs,
    wave_quality,
)
from neurogenomics_kb.brain.eeg.reading import refuse_different_rates
from neurogenomics_kb.brain.eeg.recordings import Recording
from neurogenomics_kb.extracts.visits import one_row_per_visit
from neurogenomics_kb.foundation.loops import iterate_loop
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.eeg.caching import process_once, recording_cache
from neurogenomics_kb.pipelines.eeg.parameters import (
    CleaningParameters,
    EegQuality,
    MeasureParameters,
    RecordingParameters,
    WaveParameters,
)
from neurogenomics_kb.pipelines.eeg.recipe import check_parameters, segment_encoders
from neurogenomics_kb.pipelines.quality import keep_included, quality_table
from neurogenomics_kb.pipelines.twins import announce_twins
from neurogenomics_kb.registry.recipe import Recipe

ALL_WAVES = "all"

logger = logging.getLogger(__name__)


def process_recordings(
    recordings: list[Recording],
    recipe: Recipe,
    recording: RecordingParameters,
    cleaning: CleaningParameters,
    measures: MeasureParameters,
    waves: WaveParameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Quality and features of every recording."""
    if is_absent(recordings):
        return empty_table(), empty_table()
    check_parameters(recipe, recording, cleaning, measures)
    if waves.session != ALL_WAVES:
        choose_wave([each.session for each in recordings], waves.session)
    if cleaning.resample is None:
        refuse_different_rates(recordings)
    announce_twins("eeg", segment_encoders(recipe), f"{len(recordings)} recordings")
    options = processing_options(recipe, recording, cleaning, measures)
    cache = recording_cache(measures.cache, options[:3], options[3])
    # Results as they come: a worker holds one recording, so memory does not grow with the cohort.
    runs = []
    for run in iterate_loop(
        functools.partial(process_once, cache), recordings, shared=options,
        label="eeg: recordings", n_jobs=measures.n_jobs,
    ):  # fmt: skip
        runs.append(run)
        if run.problem:
            logger.warning("eeg: left out: %s", run.problem)
    logger.info("eeg: features of %d / %d recordings", len(runs), len(recordings))
    return tabulate_runs(runs)


def processing_options(
    recipe: Recipe,
    recording: RecordingParameters,
    cleaning: CleaningParameters,
    measures: MeasureParameters,
) -> tuple[dict[str, Any], ...]:
    """What `process_recording` takes beside the recording."""
    return (
        recording.model_dump(),
        cleaning.model_dump(),
        measures.model_dump(exclude={"n_jobs", "cache"}),
        segment_encoders(recipe),
    )


def assess_quality(runs: pd.DataFrame, waves: WaveParameters, quality: EegQuality) -> pd.DataFrame:
    """Channels and segments of every subject in the chosen session, and who passes."""
    if runs.empty:
        return empty_table()
    metrics, failures = wave_quality(runs, min_clean_segments=quality.min_clean_segments)
    if waves.session == ALL_WAVES:
        visits = {reason: one_row_per_visit(fails) for reason, fails in failures.items()}
        return quality_table("eeg", one_row_per_visit(metrics), visits, quality.exclude)
    chosen = choose_wave(runs[WAVE], waves.session)
    subjects = pd.Index(sorted(set(runs[SUBJECT])), name=SUBJECT)
    here = metrics.index.get_level_values(WAVE) == chosen
    missing = pd.Series(~subjects.isin(metrics[here].index.get_level_values(SUBJECT)), subjects)
    single = {
        reason: fails[here].droplevel(WAVE).reindex(subjects, fill_value=False)
        for reason, fails in failures.items()
    }
    return quality_table(
        "eeg",
        metrics[here].droplevel(WAVE).reindex(subjects),
        {f"no recording in {chosen or 'the study'}": missing, **single},
        quality.exclude,
    )


def pool_waves(runs: pd.DataFrame, run_features: pd.DataFrame, quality: EegQuality) -> pd.DataFrame:
    """One row per subject and session that passes; runs weigh by their clean segments."""
    if runs.empty:
        return empty_table()
    _, failures = wave_quality(runs, min_clean_segments=quality.min_clean_segments)
    fails = pd.DataFrame(failures).any(axis=1)
    by_hand = fails.index.get_level_values(SUBJECT).isin(quality.exclude)
    return pool_runs(runs, run_features).loc[fails.index[~(fails | by_hand)]]


def build_features(
    wave_features: pd.DataFrame, runs: pd.DataFrame, quality: pd.DataFrame, waves: WaveParameters
) -> pd.DataFrame:
    """Rows of the chosen session, one per subject that passes."""
    if runs.empty:
        return empty_table()
    if waves.session == ALL_WAVES:
        return keep_included(one_row_per_visit(wave_features), quality)
    chosen = choose_wave(runs[WAVE], waves.session)
    here = wave_features.index.get_level_values(WAVE) == chosen
    return keep_included(wave_features[here].droplevel(WAVE), quality)
