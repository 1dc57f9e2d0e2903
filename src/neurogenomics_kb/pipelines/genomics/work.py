"""Sequences through encoders, as items that shards share."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.shards import Shard
from neurogenomics_kb.genome.cache import (
    EmbeddingCache,
    count_carriers,
    encoder_fingerprint,
    sequence_keys,
)
from neurogenomics_kb.genome.encoders import load_encoder
from neurogenomics_kb.pipelines.genomics.levels import gene_encoders
from neurogenomics_kb.pipelines.genomics.nodes import embed_with
from neurogenomics_kb.pipelines.genomics.parameters import CacheParameters
from neurogenomics_kb.pipelines.work import Demand, Work


def genomics_work(demand: Demand, shard: Shard | None) -> list[Work]:
    """Distinct sequences of a share, by their hash, through each encoder that has weights.

    Parameters
    ----------
    demand : Demand
        Gives sequences, who carries them, recipe and parameters.
    shard : Shard, optional
        The share; everything without it.
    """
    distinct = demand("genomics.distinct_sequences")
    if distinct.empty:
        return []
    texts = distinct["sequence"].tolist()
    carriers = count_carriers(demand("genomics.haplotype_index"), len(texts))
    keys = sequence_keys(texts)
    own = [i for i, key in enumerate(keys) if shard is None or shard.holds(bytes(key))]
    cache: CacheParameters = demand("params:genomics.cache")
    works = []
    for encoder_id, spec in gene_encoders(demand("recipe")).items():
        encoder = load_encoder(spec)
        # Others, such as k-mers, cost nothing and are kept nowhere.
        if not getattr(encoder, "weights_fingerprint", ""):
            continue
        name = encoder_fingerprint(encoder_id, spec, encoder)
        works.append(
            Work(
                f"sequences through {encoder_id}",
                [bytes(keys[i]) for i in own],
                [float(len(texts[i])) for i in own],
                functools.partial(_stored, cache, name, encoder.dim, keys[own]),
                functools.partial(
                    _embed, encoder_id, spec, encoder, [texts[i] for i in own], carriers[own], cache
                ),
            )
        )
    return works


def _stored(cache: CacheParameters, name: str, dim: int, keys: np.ndarray) -> list[int]:
    """Places of the sequences that a cache holds."""
    there = np.zeros(len(keys), dtype=bool)
    for folder in filter(None, (cache.folder, cache.shared)):
        there |= EmbeddingCache(folder, name, dim).find(keys)[0]
    return np.flatnonzero(there).tolist()


def _embed(
    encoder_id: str,
    spec: dict[str, Any],
    encoder: Any,
    texts: list[str],
    carriers: np.ndarray,
    cache: CacheParameters,
    which: list[int],
) -> list[str]:
    """Embed some sequences into the caches."""
    try:
        embed_with(encoder_id, spec, encoder, [texts[i] for i in which], carriers[which], cache)
    except InputError as error:
        return [str(error)]
    return []
