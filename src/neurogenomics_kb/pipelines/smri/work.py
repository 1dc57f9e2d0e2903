"""T1 volumes through encoders, as items that shards share."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from neurogenomics_kb.brain.t1 import load_t1_encoder
from neurogenomics_kb.foundation.item_cache import ItemCache
from neurogenomics_kb.foundation.shards import Shard
from neurogenomics_kb.pipelines.absent import is_absent
from neurogenomics_kb.pipelines.smri.embedding import (
    embed_all,
    one_image_each,
    recall_vector,
    t1_encoders,
    volume_cache,
)
from neurogenomics_kb.pipelines.smri.parameters import SmriEmbedding
from neurogenomics_kb.pipelines.work import Demand, Work, item_work

logger = logging.getLogger(__name__)


def smri_work(demand: Demand, shard: Shard | None) -> list[Work]:
    """Volumes of a share through each encoder of the recipe.

    Parameters
    ----------
    demand : Demand
        Gives volumes, who passes, recipe and parameters.
    shard : Shard, optional
        The share; everything without it.
    """
    volumes, embedding = demand("smri.volumes"), demand("params:smri.embedding")
    if is_absent(volumes):
        return []
    images = one_image_each(volumes)
    quality = demand("smri.table_quality")
    passed = set(images) if quality.empty else set(quality.index[quality["included"]])
    own = [s for s in sorted(images) if s in passed and (shard is None or shard.holds(s))]
    works = []
    for encoder_id, spec in t1_encoders(demand("recipe")).items():
        encoder = load_t1_encoder(spec, **embedding.loading)
        cache = volume_cache(embedding.cache, encoder_id, spec, encoder)
        if cache is None:
            logger.warning("smri: %s states no weights, so nothing is kept of it", encoder_id)
            continue
        items = [(s, {s: images[s]}) for s in own]
        compute = functools.partial(_embed, encoder, encoder_id, cache, embedding)
        stored = functools.partial(_is_stored, cache)
        works.append(item_work(f"volumes through {encoder_id}", items, stored, compute))
    return works


def _is_stored(cache: ItemCache, image: dict[str, Callable[[], Any]]) -> bool:
    return all(recall_vector(cache, load) is not None for load in image.values())


def _embed(
    encoder: Any,
    encoder_id: str,
    cache: ItemCache,
    embedding: SmriEmbedding,
    image: dict[str, Callable[[], Any]],
) -> None:
    """One volume, which is refused if it cannot be used."""
    strict = embedding.model_copy(update={"unreadable": "error"})
    embed_all(encoder, encoder_id, image, list(image), strict, cache)
