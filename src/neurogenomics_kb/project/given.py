"""Hook: what ``--params`` names must be read by something."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog

from neurogenomics_kb.foundation.errors import InputError, nearest
from neurogenomics_kb.project.compute import COMPUTE
from neurogenomics_kb.project.withheld import flatten

PREFIX = "params:"


class Given:
    """Refuse parameters of the command line that no pipeline reads.

    Kedro adds any name to the parameters; one that is misspelt, or lacks its group, would change
    nothing without a word.
    """

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Look at the names; their values are the models' matter."""
        given = run_params.get("runtime_params") or run_params.get("extra_params") or {}
        if given:
            inputs = {name for pipeline in pipelines.values() for name in pipeline.inputs()}
            read = {n.removeprefix(PREFIX) for n in inputs if n.startswith(PREFIX)} | {COMPUTE}
            there = [name for name in sorted(read) if catalog.get(PREFIX + name) is not None]
            refuse_unread(
                [name for key, value in given.items() for name in flatten(value, str(key))],
                read,
                [n for name in there for n in flatten(catalog.load(PREFIX + name), name)],
            )


def refuse_unread(given: Iterable[str], read: set[str], fields: Sequence[str] = ()) -> None:
    """Refuse names that are neither read, nor part of what is read, nor a group of it.

    Parameters
    ----------
    given : iterable of str
        Dotted names.
    read : set of str
        Dotted names that pipelines and hooks read.
    fields : sequence of str
        Dotted names of what these hold, to suggest the nearest.

    Raises
    ------
    InputError
    """
    for name in given:
        parts = name.split(".")
        above = {".".join(parts[:i]) for i in range(1, len(parts) + 1)}
        if above & read or any(known.startswith(f"{name}.") for known in read):
            continue
        of_that_end = [field for field in fields if field.endswith(f".{parts[-1]}")]
        meant = (
            f", did you mean '{of_that_end[0]}'?"
            if of_that_end
            else nearest(name, sorted({*read, *fields}))
        )
        raise InputError(
            f"nothing reads the parameter '{name}'{meant}",
            file="--params",
            remedy="Parameters have their group in front: experiment.n_permutations=1000, "
            "smri.quality.…; `parameters/` of conf/base lists them.",
        )
