"""Runs to average, connect and embed, as items that shards share; a subject's runs are in one."""

from __future__ import annotations

import functools
import logging
from typing import Any

from neurogenomics_kb.brain.connectivity import repetition_time
from neurogenomics_kb.brain.encoding import runs_by_subject, subject_of
from neurogenomics_kb.brain.series import looked_through
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.shards import Shard
from neurogenomics_kb.pipelines.absent import is_absent
from neurogenomics_kb.pipelines.fmri.caching import (
    connect_once,
    connectivity_cache,
    connectivity_key,
    recall_series,
    series_key,
)
from neurogenomics_kb.pipelines.fmri.embedder import RunEmbedder
from neurogenomics_kb.pipelines.fmri.embedding import (
    assess_other_runs,
    brain_strategies,
    encoder_and_runs,
    imported_twin,
    merge_runs,
    own_runs,
    rules_of,
)
from neurogenomics_kb.pipelines.fmri.nodes import plan_connectivity
from neurogenomics_kb.pipelines.twins import is_twin
from neurogenomics_kb.pipelines.work import (
    Demand,
    Work,
    item_work,
    share_of,
    share_of_exclusions,
)

logger = logging.getLogger(__name__)
RAW = ("fmri.timeseries", "fmri.volumes", "fmri.confounds")


def fmri_work(demand: Demand, shard: Shard | None) -> list[Work]:
    """Parcel series, connectivity and embeddings of the runs in a share.

    Parameters
    ----------
    demand : Demand
        Gives runs, atlas, recipe and parameters.
    shard : Shard, optional
        The share; everything without it.
    """
    # Parcels that somebody lacks are left out for everybody, so everybody's are looked at.
    of_all = demand("params:fmri.connectivity").missing_parcels == "drop"
    if not of_all:
        for name in RAW:
            demand.change(name, functools.partial(share_of, shard=shard, subject=subject_of))
        demand.change("params:fmri.quality", functools.partial(share_of_exclusions, shard=shard))
        if not any(demand(name) for name in RAW if not is_absent(demand(name))):
            return []
    works = series_work(demand, shard)
    if works and of_all:
        logger.warning(
            "fmri: connectivity is left to the run, since parcels that somebody lacks are dropped "
            "for all and the series of all are averaged in shards"
        )
    else:
        works += connectivity_work(demand, shard)
    return works + embedding_work(demand, shard)


def mine(subject: str, shard: Shard | None) -> bool:
    """Whether a run belongs to a share.

    Parameters
    ----------
    subject : str
        Subject, or name of a run.
    shard : Shard, optional
        The share; everything without it.
    """
    return shard is None or shard.holds(subject_of(subject))


def series_work(demand: Demand, shard: Shard | None) -> list[Work]:
    """Images to average over parcels.

    Parameters
    ----------
    demand, shard
        As for `fmri_work`.
    """
    parcels = demand("fmri.parcels")
    items = [(subject_of(s), load) for s, load in parcels.items() if mine(s, shard)]
    if not items or not all(_is_kept(load) for _, load in items):
        return []

    def stored(load: functools.partial) -> bool:
        cache, image, *_ = load.args
        return cache.get(series_key(image)) is not None

    return [item_work("images averaged over parcels", items, stored, lambda load: load())]


def _is_kept(load: Any) -> bool:
    return (
        isinstance(load, functools.partial)
        and load.func is recall_series
        and load.args[0] is not None
    )


def connectivity_work(demand: Demand, shard: Shard | None) -> list[Work]:
    """Runs to connect.

    Parameters
    ----------
    demand, shard
        As for `fmri_work`.
    """
    connectivity = demand("params:fmri.connectivity")
    cache = connectivity_cache(connectivity.cache)
    if cache is None:
        return []
    names = ("timeseries", "parcels", "confounds", "sidecar", "atlas", "run_quality")
    tables = [demand(f"fmri.{name}") for name in names]
    plan = plan_connectivity(*tables, demand("recipe"), connectivity)
    if plan is None:
        return []

    def stored(each: tuple) -> bool:
        return cache.get(connectivity_key(*each)) is not None

    def connect(each: tuple) -> None:
        if connect_once(cache, *each) is None:
            raise InputError(
                "a run cannot be connected",
                file="fmri.timeseries",
                remedy="`kedro run --pipeline=fmri` says which and why.",
            )

    items = [(subject_of(each[3]), each) for each in plan.arguments if mine(each[3], shard)]
    return [item_work("runs connected", items, stored, connect)]


def embedding_work(demand: Demand, shard: Shard | None) -> list[Work]:
    """Runs through each encoder of the recipe.

    Parameters
    ----------
    demand, shard
        As for `fmri_work`.
    """
    recipe, embedding = demand("recipe"), demand("params:fmri.embedding")
    strategies = brain_strategies(recipe)
    embeddings, volumes = demand("fmri.embeddings"), demand("fmri.volumes")
    confounds = demand("fmri.confounds")
    if not strategies or embedding.cache is None:
        return []
    checked = demand("fmri.run_quality")
    if checked.empty:
        quality = demand("params:fmri.quality")
        checked = assess_other_runs(volumes, embeddings, confounds, list(strategies), quality)
    if checked.empty:
        return []
    passed = set(checked.index[checked["included"]])
    checked = merge_runs(checked)
    subjects = [s for s in checked.index[checked["included"]] if mine(s, shard)]
    series = demand("fmri.parcels") or demand("fmri.timeseries")
    series = series if is_absent(series) else looked_through(series)
    nuisance = {} if is_absent(confounds) else confounds
    works = []
    for encoder_id, strategy in strategies.items():
        spec = recipe.encoders.get(encoder_id, {})
        twin = is_twin(spec) and imported_twin(spec, encoder_id, embeddings)
        if twin or (not is_absent(embeddings) and encoder_id in embeddings):
            continue
        rules, card = rules_of(recipe, strategy, embedding)
        sidecar = demand("fmri.sidecar")
        tr = repetition_time({} if is_absent(sidecar) else sidecar)
        encoder, runs, tables = encoder_and_runs(
            encoder_id, spec, rules, series, volumes, nuisance, card, tr, embedding
        )
        runs = {k: v for k, v in runs.items() if k in passed or subject_of(k) in passed}
        embed = RunEmbedder(embedding.cache, encoder_id, spec, encoder, rules, tr)
        if embed.cache is None:
            logger.warning("fmri: %s states no weights, so nothing is kept of it", encoder_id)
            continue
        by_subject = runs_by_subject(runs)
        items = [
            (subject, (load, tables.get(key), key))
            for subject in subjects
            for key, load in own_runs(subject, runs, by_subject).items()
        ]
        stored = functools.partial(_is_embedded, embed)
        works.append(
            item_work(f"runs through {encoder_id}", items, stored, functools.partial(_embed, embed))
        )
    return works


def _is_embedded(embed: RunEmbedder, item: tuple) -> bool:
    load, confounds, _ = item
    return embed.cache.get(embed.key(load, confounds)) is not None


def _embed(embed: RunEmbedder, item: tuple) -> None:
    embed(*item)
