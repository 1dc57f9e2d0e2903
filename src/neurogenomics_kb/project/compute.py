"""Hook: where a run computes: loops as ``compute`` says, threads where they help."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog

from neurogenomics_kb.foundation.backends import read_backend, use_backend
from neurogenomics_kb.foundation.threads import threads_where_they_help
from neurogenomics_kb.project.garbage import forget_what_stays

# Parameters that hooks read and no node: they change no result, so no recipe holds them.
COMPUTE = "compute"


class Compute:
    """Threads and the backend of the loops, from the start of a run to its end."""

    def __init__(self) -> None:
        self._open = ExitStack()

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Read the options, so that a misspelt one ends the run before anything is computed."""
        forget_what_stays()
        self._open.enter_context(threads_where_they_help())
        parameters = catalog.get(f"params:{COMPUTE}")
        if parameters is not None:
            options = read_backend(parameters.load(), f"parameters '{COMPUTE}'")
            self._open.enter_context(use_backend(options))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """End the workers."""
        self._open.close()

    @hook_impl
    def on_pipeline_error(self, error: Any) -> None:
        """End the workers."""
        self._open.close()
