"""Shards outside of a run: catalog and parameters of a cohort, without session, hook or tracking.

A shard reads raw data and writes to caches by content, nothing else. So any number of them may run
at once, on machines that see the same folder or bring their parts of the cache together later.
"""

from __future__ import annotations

import logging
import os
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.item_cache import sweep
from neurogenomics_kb.foundation.shards import Shard, share_number
from neurogenomics_kb.foundation.whole_files import write_json_whole
from neurogenomics_kb.pipelines.work import SOURCES, Demand, Work
from neurogenomics_kb.project.run_file import require_run_file

logger = logging.getLogger(__name__)

# Where shards leave what they measured, below the cache of the modality.
MEASURED = "shards"


@dataclass(frozen=True)
class Cohort:
    """What the configuration of a cohort says of one modality.

    Parameters
    ----------
    modality : str
        One of `SOURCES`.
    demand : Demand
        Gives its datasets.
    caches : tuple of Path
        Folders that its results are kept in; none where nothing is kept.
    """

    modality: str
    demand: Demand
    caches: tuple[Path, ...]

    @property
    def measured(self) -> Path:
        """Folder in which shards leave what they measured."""
        return self.caches[0] / MEASURED


def read_run_config(path: str | Path | None) -> tuple[str | None, dict[str, Any]]:
    """Environment and parameters of a file that ``kedro run --config`` takes.

    Parameters
    ----------
    path : str or Path, optional
        The file.

    Raises
    ------
    InputError
        If it is missing or holds no ``run``.
    """
    if path is None:
        return None, {}
    path = Path(path)
    if not path.is_file():
        raise InputError("the file is missing", file=path, remedy="See conf/experiments.")
    run = require_run_file(path)
    return run.get("env"), dict(run.get("params") or {})


def open_cohort(
    modality: str,
    env: str | None = None,
    config: str | Path | None = None,
    *,
    prepared: bool = False,
) -> Cohort:
    """Datasets and cache of a modality, as ``kedro run`` in the same folder would see them.

    Parameters
    ----------
    modality : str
        One of `SOURCES`.
    env : str, optional
        Environment; that of `config`, ``KEDRO_ENV`` or the demo by default.
    config : str or Path, optional
        File with an experiment, as for ``kedro run --config``.
    prepared : bool
        Read the tables that a run stored before, where the modality names such.

    Raises
    ------
    InputError
        If a parameter, the experiment or what should be prepared is wrong or missing.
    """
    # Kedro takes its time to import, which no other command should pay.
    from kedro.config import MissingConfigException
    from kedro.framework.project import pipelines, settings
    from kedro.framework.startup import bootstrap_project
    from kedro.io import DataCatalog
    from kedro.validation.parameter_validator import ParameterValidator

    source = SOURCES[modality]
    if not Path("conf/base").is_dir():
        raise InputError(
            "the folder is missing", file="conf/base", remedy="Call it in the project's folder."
        )
    named, params = read_run_config(config)
    bootstrap_project(Path.cwd())
    conf = settings.CONFIG_LOADER_CLASS(
        "conf",
        env=env or named or os.environ.get("KEDRO_ENV"),
        runtime_params=params,
        **settings.CONFIG_LOADER_ARGS,
    )
    pipeline = pipelines[modality]
    typed = ParameterValidator({modality: pipeline}).validate_raw_params(conf["parameters"])
    try:
        credentials = conf["credentials"]
    except MissingConfigException:
        credentials = None
    catalog = DataCatalog.from_config(conf["catalog"], credentials)

    def read(name: str) -> Any:
        return _parameter(typed, name) if name.startswith("params:") else catalog.load(name)

    stored = source.prepared if prepared else ()
    for name in stored:
        if not catalog.get(name).exists():
            raise InputError(
                "it is to be read and was not made yet",
                file=name,
                remedy=f"Run `kedro run --pipeline={modality} --to-outputs={name}` before, or "
                "leave --prepared out.",
            )
    return Cohort(modality, Demand(pipeline, read, stored), cache_folders(modality, typed))


def _parameter(typed: dict[str, Any], name: str) -> Any:
    """Value of ``params:…``."""
    value: Any = typed
    for key in name.removeprefix("params:").split("."):
        value = value[key]
    return value


def cache_folders(modality: str, parameters: dict[str, Any]) -> tuple[Path, ...]:
    """Folders that the parameters name as caches of a modality.

    Parameters
    ----------
    modality : str
        Of the group of parameters.
    parameters : dict
        All of them, typed.
    """
    groups = parameters.get(modality, {})
    own = groups.get("cache")
    named = [own.folder, own.shared] if own is not None else []
    named += [getattr(each, "cache", None) for each in groups.values()]
    return tuple(dict.fromkeys(Path(folder) for folder in named if folder))


@dataclass(frozen=True)
class Done:
    """What a shard did of one computation.

    Parameters
    ----------
    what : str
        The computation.
    items, found, computed : int
        Items of the share, those that were in the cache, and those that were computed.
    size : float
        Of those computed, see `Work.sizes`.
    seconds, processor : float
        Wall clock and processor time of computing (s).
    peak_gb : float
        Largest memory of the process so far (10^9 bytes).
    problems : tuple of str
        What was wrong with items that could not be computed.
    """

    what: str
    items: int
    found: int
    computed: int
    size: float
    seconds: float
    processor: float
    peak_gb: float
    problems: tuple[str, ...] = ()


def run_shard(cohort: Cohort, shard: Shard | None, most: int | None = None) -> list[Done]:
    """Compute what a share lacks.

    Parameters
    ----------
    cohort : Cohort
        From `open_cohort`.
    shard : Shard, optional
        The share; everything without it.
    most : int, optional
        Items to compute at most of each computation, evenly over those that are missing.

    Raises
    ------
    InputError
        If nothing is kept, so that a shard would be for nothing.
    """
    works = works_of(cohort, shard)
    done = [_run(work, most) for work in works]
    if any(each.computed for each in done):
        name = "probe" if shard is None else f"{shard.number}-of-{shard.of}"
        file = cohort.measured / f"{name}-{os.getpid()}-{time.time_ns()}.json"
        # Without the problems: they may name a subject.
        write_json_whole(file, {"done": [{**asdict(d), "problems": len(d.problems)} for d in done]})
    return done


def works_of(cohort: Cohort, shard: Shard | None) -> list[Work]:
    """Computations of a share.

    Parameters
    ----------
    cohort : Cohort
        From `open_cohort`.
    shard : Shard, optional
        The share; everything without it.

    Raises
    ------
    InputError
        If the parameters name no cache.
    """
    if not cohort.caches:
        raise InputError(
            "there is no cache, so that nothing of a shard would last",
            column=f"{cohort.modality}, cache",
            remedy="Name a folder in the parameters.",
        )
    return SOURCES[cohort.modality].work(cohort.demand, shard)


def _run(work: Work, most: int | None) -> Done:
    missing = work.missing()
    which = missing
    if most is not None and len(missing) > most:
        which = [missing[i * len(missing) // most] for i in range(most)]
    logger.info(
        "%s: %d items, %d in the cache, %d to compute",
        work.what, len(work.sizes), len(work.sizes) - len(missing), len(which),
    )  # fmt: skip
    start, processor = time.perf_counter(), _processor_time()
    problems = work.compute(which) if which else []
    return Done(
        work.what, len(work.sizes), len(work.sizes) - len(missing), len(which) - len(problems),
        float(sum(work.sizes[i] for i in which)), time.perf_counter() - start,
        _processor_time() - processor,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        tuple(problems),
    )  # fmt: skip


def _processor_time() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def holes(cohort: Cohort, of: int) -> dict[int, int]:
    """Items that are missing after all shards, by the shard that should have computed them.

    Parameters
    ----------
    cohort : Cohort
        From `open_cohort`.
    of : int
        Number of shards.
    """
    for folder in cohort.caches:
        sweep(folder)
    found: dict[int, int] = {}
    for work in works_of(cohort, None):
        missing = work.missing()
        logger.info("%s: %d items, %d missing", work.what, len(work.sizes), len(missing))
        for place in missing:
            number = share_number(work.names[place], of)
            found[number] = found.get(number, 0) + 1
    return dict(sorted(found.items()))
