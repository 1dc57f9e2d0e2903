"""Node of the brain encoders, and what the recipe's strategy cards ask of it."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.connectivity import repetition_time
from neurogenomics_kb.brain.encoders import load_brain_encoder
from neurogenomics_kb.brain.encoding import (
    embed_subject,
    pool_imported,
    runs_by_subject,
    subject_of,
)
from neurogenomics_kb.brain.motion import mean_framewise_displacement, motion_quality
from neurogenomics_kb.brain.pooling import PooledSubject, count_pooled
from neurogenomics_kb.brain.series import looked_through
from neurogenomics_kb.brain.windows import Rules
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SUBJECT, feature_name
from neurogenomics_kb.foundation.twins import SEED, twin_id
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.fmri.embedder import RunEmbedder
from neurogenomics_kb.pipelines.fmri.encoder_inputs import (
    Loaders,
    censoring_rules,
    encoder_card,
    encoder_inputs,
)
from neurogenomics_kb.pipelines.fmri.parameters import EmbeddingParameters, FmriQuality
from neurogenomics_kb.pipelines.quality import quality_table
from neurogenomics_kb.pipelines.twins import announce_twins, expect_twins, is_twin
from neurogenomics_kb.registry import EmbeddingStrategy
from neurogenomics_kb.registry.cards import PreprocessingPipeline
from neurogenomics_kb.registry.recipe import Recipe

logger = logging.getLogger(__name__)


def brain_strategies(recipe: Recipe) -> dict[str, EmbeddingStrategy]:
    """Strategy of each brain encoder of the recipe's functional blocks and their rivals.

    Raises
    ------
    InputError
        If two blocks want one encoder's segments cut or pooled differently.
    """
    found: dict[str, EmbeddingStrategy] = {}
    for name, strategy in recipe.strategies.items():
        if strategy.modality != "fmri" or not strategy.encoder:
            continue
        known = found.setdefault(strategy.encoder, strategy)
        if any(
            getattr(known, part) != getattr(strategy, part) for part in ("levels", "acquisition")
        ):
            raise InputError(
                f"block '{name}' prepares or pools '{strategy.encoder}' otherwise than another "
                "of this experiment",
                remedy="Run them as two experiments.",
            )
    return found


def embed_runs(
    timeseries: Loaders,
    parcels: Loaders,
    volumes: Loaders,
    embeddings: Loaders,
    confounds: Loaders,
    sidecar: dict[str, Any],
    run_quality: pd.DataFrame,
    recipe: Recipe,
    embedding: EmbeddingParameters,
    quality: FmriQuality,
) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame]:
    """Vectors of each encoder of the recipe, how they were made, and who is left out.

    Every parameter is a dataset that the node reads, which is why there are many.
    """
    strategies = brain_strategies(recipe)
    if not strategies:
        return empty_table(), {}, run_quality
    checked = run_quality
    if checked.empty:
        checked = assess_other_runs(volumes, embeddings, confounds, list(strategies), quality)
    if checked.empty:
        return empty_table(), {}, checked
    passed = checked.index[checked["included"]]
    checked = merge_runs(checked)
    subjects = checked.index[checked["included"]].tolist()
    series = parcels or timeseries
    series = series if is_absent(series) else looked_through(series)
    blocks, notes = [], {}
    specs = {encoder_id: recipe.encoders.get(encoder_id, {}) for encoder_id in strategies}
    announce_twins("fmri", specs, f"the runs of {len(subjects)} subjects")
    for encoder_id, strategy in strategies.items():
        spec = specs[encoder_id]
        if is_twin(spec) and imported_twin(spec, encoder_id, embeddings):
            continue
        rules, card = rules_of(recipe, strategy, embedding)
        nuisance = {} if is_absent(confounds) else confounds
        if not is_absent(embeddings) and encoder_id in embeddings:
            imported = embeddings[encoder_id]()
            pooled = pool_imported(imported, rules, nuisance, subjects)
            names, framing = imported.names, {"origin": f"imported from {imported.source}"}
        else:
            tr = repetition_time({} if is_absent(sidecar) else sidecar)
            encoder, runs, tables = encoder_and_runs(
                encoder_id, spec, rules, series, volumes, nuisance, card, tr, embedding
            )
            runs = {k: v for k, v in runs.items() if k in passed or subject_of(k) in passed}
            embed = RunEmbedder(embedding.cache, encoder_id, spec, encoder, rules, tr)
            start = time.perf_counter()
            pooled = embed_all(embed, encoder_id, rules, runs, tables, subjects)
            expect_twins("fmri", encoder_id, specs, time.perf_counter() - start)
            names, framing = encoder.names, describe(encoder, tr)
        acquisition = strategy.acquisition
        notes[encoder_id] = framing | {"acquisition": acquisition, "rules": vars(rules)}
        notes[encoder_id] |= count_pooled(pooled)
        blocks.append(encoder_table(encoder_id, names, pooled))
        if not is_twin(spec):  # nobody leaves the cohort because of a rival
            checked = exclude_dropped(checked, encoder_id, pooled)
    return pd.concat(blocks, axis=1), notes, checked


def imported_twin(spec: dict[str, Any], encoder_id: str, embeddings: Loaders) -> bool:
    """Whether the encoder of a twin is imported, so that there is nothing to make the twin with."""
    trained = encoder_id.removesuffix(twin_id("", spec[SEED]))
    if is_absent(embeddings) or trained not in embeddings:
        return False
    logger.info("fmri: %s is imported, so it has no twin here", trained)
    return True


def describe(encoder: Any, tr: float) -> dict[str, Any]:
    """How an encoder makes its vectors, for the record."""
    weights = encoder.weights_fingerprint
    return {"origin": "computed", **encoder.framing, "recorded_tr_s": tr, "weights": weights}


def token_pooling(spec: dict[str, Any], rules: Rules, encoder_id: str) -> dict[str, str]:
    """Pooling of tokens that the strategy asks for.

    Raises
    ------
    InputError
        If the model card says another one.
    """
    if spec.get("pooling", rules.tokens) != rules.tokens:
        raise InputError(
            f"the strategy pools tokens by {rules.tokens}, the model card by {spec['pooling']}",
            file=f"model card '{encoder_id}'",
            column="pooling",
            remedy="Take `pooling` out of the model card's spec.",
        )
    return {"pooling": rules.tokens}


def encoder_and_runs(
    encoder_id: str,
    spec: dict[str, Any],
    rules: Rules,
    series: Loaders,
    volumes: Loaders,
    confounds: Loaders,
    card: PreprocessingPipeline | None,
    tr: float,
    embedding: EmbeddingParameters,
) -> tuple[Any, Loaders, Loaders]:
    """An encoder, the runs that it reads, and their confounds.

    Its parameters are what one of the three needs, which is why there are many.
    """
    pooling = token_pooling(spec, rules, encoder_id)
    encoder = load_brain_encoder(spec, **embedding.loading, **pooling)
    runs, tables = encoder_inputs(encoder, encoder_id, series, volumes, confounds, card, tr)
    return encoder, runs, tables


def rules_of(
    recipe: Recipe, strategy: EmbeddingStrategy, embedding: EmbeddingParameters
) -> tuple[Rules, PreprocessingPipeline | None]:
    """How a strategy cuts and pools segments, and the card that its runs go through."""
    card = encoder_card(recipe, strategy)
    levels = [level.model_dump() for level in strategy.levels]
    return censoring_rules(Rules.from_levels(levels, **embedding.rules), card), card


def own_runs(subject: str, runs: Loaders, by_subject: dict[str, list[str]]) -> Loaders:
    """Runs of a subject."""
    # A file may be named after a subject with entities that are no run of several.
    keys = by_subject.get(subject, [subject] if subject in runs else [])
    return {key: runs[key] for key in keys}


def embed_all(
    embed: RunEmbedder,
    encoder_id: str,
    rules: Rules,
    runs: Loaders,
    confounds: Loaders,
    subjects: list[str],
) -> dict[str, PooledSubject]:
    """Each subject's runs through an encoder, one subject at a time."""
    by_subject = runs_by_subject(runs)
    pooled = {}
    for number, subject in enumerate(subjects, start=1):
        own = own_runs(subject, runs, by_subject)
        pooled[subject] = embed_subject(embed, rules, own, confounds)
        if number % 100 == 0 or number == len(subjects):
            logger.info("fmri: %s of %d / %d subjects", encoder_id, number, len(subjects))
    return pooled


def merge_runs(quality: pd.DataFrame) -> pd.DataFrame:
    """One row per subject where the table has one per run; one run that passes is enough."""
    subjects = quality.index.map(subject_of)
    if subjects.is_unique:
        return quality
    grouped = quality.groupby(subjects)
    merged = grouped[["included"]].any()
    merged["reason"] = grouped["reason"].agg(lambda r: "; ".join(dict.fromkeys(r[r != ""])))
    merged["reason"] = merged["reason"].mask(merged["included"], "")
    passed = quality[quality["included"]]
    counted = passed.groupby(passed.index.map(subject_of))
    metrics = {"mean_fd": counted["mean_fd"].mean(), "n_frames": counted["n_frames"].sum()}
    return merged.assign(**metrics)[quality.columns].rename_axis(SUBJECT)


def encoder_table(
    encoder_id: str, names: list[str], pooled: dict[str, PooledSubject]
) -> pd.DataFrame:
    """Features of the subjects that have a vector."""
    kept = {s: p.vector for s, p in pooled.items() if p.vector is not None}
    columns = [feature_name("fmri", encoder_id, name) for name in names]
    values = np.stack(list(kept.values())) if kept else np.empty((0, len(columns)))
    return pd.DataFrame(
        values, index=pd.Index(list(kept), name=SUBJECT, dtype=str), columns=columns
    )


def exclude_dropped(
    quality: pd.DataFrame, encoder_id: str, pooled: dict[str, PooledSubject]
) -> pd.DataFrame:
    """Quality table in which subjects without a vector are excluded, with the reason."""
    reasons = {s: f"{encoder_id}: {p.reason}" for s, p in pooled.items() if p.vector is None}
    if not reasons:
        return quality
    reason = quality["reason"].copy()
    for subject, text in reasons.items():
        reason[subject] = f"{reason[subject]}; {text}" if reason[subject] else text
    logger.warning("fmri: %s leaves %d of %d subjects out", encoder_id, len(reasons), len(pooled))
    return quality.assign(included=reason == "", reason=reason)


def assess_other_runs(
    volumes: Loaders,
    embeddings: Loaders,
    confounds: Loaders,
    encoders: list[str],
    quality: FmriQuality,
) -> pd.DataFrame:
    """Quality table of a cohort that has volumes or imported embeddings, and no time series."""
    if not is_absent(volumes, confounds):
        rows = {}
        for subject, keys in runs_by_subject({*volumes, *confounds}).items():
            tables = [confounds[key]() for key in keys if key in confounds]
            fds = [mean_framewise_displacement(t, subject=subject) for t in tables]
            rows[subject] = {
                "mean_fd": float(np.mean(fds)) if fds else np.nan,
                "n_frames": sum(len(t) for t in tables) if tables else np.nan,
                "has_timeseries": any(key in volumes for key in keys),
                "has_confounds": bool(tables),
            }
        runs = pd.DataFrame.from_dict(rows, orient="index").astype(
            {"has_timeseries": bool, "has_confounds": bool}
        )
        metrics, failures = motion_quality(
            runs, max_mean_fd=quality.max_mean_fd, min_frames=quality.min_frames
        )
        return quality_table("fmri", metrics, failures, quality.exclude)
    subjects: set[str] = set()
    if not is_absent(volumes):
        subjects |= {subject_of(key) for key in volumes}
    if not is_absent(embeddings):
        for encoder_id in set(encoders) & set(embeddings):
            subjects |= set(embeddings[encoder_id]().keys["subject"])
    if not subjects:
        return empty_table()
    metrics = pd.DataFrame(index=pd.Index(sorted(subjects), name=SUBJECT))
    return quality_table("fmri", metrics, {}, quality.exclude)


def join_features(
    connectivity_features: pd.DataFrame, encoder_features: pd.DataFrame, quality: pd.DataFrame
) -> pd.DataFrame:
    """Connectivity and embeddings of the subjects that pass, side by side."""
    if encoder_features.empty:
        return connectivity_features
    included = quality.index[quality["included"]]
    blocks = [b.reindex(included) for b in (connectivity_features, encoder_features) if b.shape[1]]
    return pd.concat(blocks, axis=1).rename_axis(SUBJECT)
