"""Recordings as items that shards share; a subject's recordings are in one."""

from __future__ import annotations

import functools
import logging

from neurogenomics_kb.brain.eeg.recordings import Recording
from neurogenomics_kb.foundation.item_cache import ItemCache
from neurogenomics_kb.foundation.shards import Shard
from neurogenomics_kb.pipelines.absent import is_absent
from neurogenomics_kb.pipelines.eeg.caching import process_once, recording_cache, recording_key
from neurogenomics_kb.pipelines.eeg.nodes import processing_options
from neurogenomics_kb.pipelines.eeg.recipe import check_parameters
from neurogenomics_kb.pipelines.work import Demand, Work, item_work

logger = logging.getLogger(__name__)


def eeg_work(demand: Demand, shard: Shard | None) -> list[Work]:
    """Recordings of a share.

    Parameters
    ----------
    demand : Demand
        Gives recordings, recipe and parameters.
    shard : Shard, optional
        The share; everything without it.
    """
    recordings = demand("eeg.recordings")
    if is_absent(recordings):
        return []
    groups = [demand(f"params:eeg.{name}") for name in ("recording", "cleaning", "measures")]
    check_parameters(demand("recipe"), *groups)
    options = processing_options(demand("recipe"), *groups)
    cache = recording_cache(groups[2].cache, options[:3], options[3])
    if cache is None:
        logger.warning("eeg: nothing is kept: there is no cache, or an encoder states no weights")
        return []
    items = [(r.subject, r) for r in recordings if shard is None or shard.holds(r.subject)]

    def compute(recording: Recording) -> None:
        process_once(cache, recording, *options)

    return [item_work("recordings", items, functools.partial(_is_stored, cache), compute)]


def _is_stored(cache: ItemCache, recording: Recording) -> bool:
    return cache.get(recording_key(recording)) is not None
