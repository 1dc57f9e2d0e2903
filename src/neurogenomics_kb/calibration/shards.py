"""Cohorts of a scenario in shards on disk, so that hours of work survive a stop."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from neurogenomics_kb.foundation.loops import parallel_loop

logger = logging.getLogger(__name__)

SIZE = 25
SEED = "seed"


def run_shards(
    one: Callable[[int], Mapping[str, float]],
    *,
    cohorts: int,
    first_seed: int = 0,
    n_jobs: int = 1,
    folder: Path | None = None,
    recipe: str = "",
) -> pd.DataFrame:
    """What `one` gives for every seed, in the order of the seeds.

    The price is told after the first cohort. With a folder, every shard of 25 cohorts is stored
    there when it is done, and what is there is not computed again.

    Parameters
    ----------
    one : callable
        Seed in, values by kind out.
    cohorts : int
        Number of seeds.
    first_seed : int
        The first of them. Default 0.
    n_jobs : int
        Processes at a time. Default 1.
    folder : Path, optional
        Where shards are stored.
    recipe : str
        What is computed, in words that change with it: shards of another recipe are not read.

    Returns
    -------
    DataFrame
        One row per seed, a column per kind.
    """
    seeds = list(range(first_seed, first_seed + cohorts))
    parts, told = [], False
    for start in range(0, cohorts, SIZE):
        own = seeds[start : start + SIZE]
        file = None if folder is None else folder / f"{_name(recipe)}-{own[0]}-{len(own)}.csv"
        if file is not None and file.exists():
            parts.append(pd.read_csv(file, index_col=SEED))
            continue
        rows = []
        if not told:
            started = time.perf_counter()
            rows.append(dict(one(own[0])))
            minutes = (time.perf_counter() - started) * (cohorts - start) / n_jobs / 60
            logger.info("about %.1f minutes for %d cohorts", minutes, cohorts - start)
            told = True
        rest = own[len(rows) :]
        rows += parallel_loop(one, rest, n_jobs=n_jobs)
        part = pd.DataFrame(rows, index=pd.Index(own, name=SEED))
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(".part")
            part.to_csv(unfinished)
            unfinished.replace(file)
        parts.append(part)
    return pd.concat(parts)


def _name(recipe: str) -> str:
    """Name of a recipe in files."""
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]
