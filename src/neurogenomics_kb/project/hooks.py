"""Hooks: look at a run's files first, and log what it found."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mlflow
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from pydantic import BaseModel

from neurogenomics_kb import __version__
from neurogenomics_kb.datasets import NotCollectedDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.files import file_of
from neurogenomics_kb.project.tracking import CARD_TAG, TABLES
from neurogenomics_kb.registry.disclosure import (
    MINIMUM_CELL,
    check_disclosure,
    find_identifier,
    texts_of_figure,
)

logger = logging.getLogger(__name__)

MAX_PARAMETER_LENGTH = 500
TEXT_FILES = {".html", ".yaml", ".json", ".csv", ".txt", ".svg"}


class RawFilesFirst:
    """Missing raw files are reported at the start, all at once, not after minutes of computing."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline, catalog: DataCatalog) -> None:
        """Check the files of all free inputs."""
        missing = {}
        for name in sorted(pipeline.inputs()):
            dataset = None if name.startswith("params:") else catalog.get(name)
            path = file_of(dataset)
            if path is not None and name != "fingerprints" and not dataset.exists():
                missing[name] = path
        if missing:
            first, *others = dict.fromkeys(missing.values())
            raise InputError(
                f"this and {len(others)} more files are missing: {', '.join(map(str, others))}"
                if others
                else "the file is missing",
                file=first,
                remedy="Put them there, set the environment variable NGKB_<COHORT>_DIR to the "
                "cohort's folder, or run the pipeline that makes them."
                + how_to_say_so(missing, catalog),
            )


def how_to_say_so(missing: Iterable[str], catalog: DataCatalog) -> str:
    """How to say that raw files were not collected, with what is there; nothing for other files."""
    absent = [name for name in missing if is_raw_file(catalog.get(name))]
    if not absent:
        return ""
    raw = {name: catalog.get(name) for name in sorted(catalog.keys()) if name not in absent}
    there = [n for n, dataset in raw.items() if is_raw_file(dataset) and dataset.exists()]
    said = f"`collected: [{', '.join(there)}]`" if there else "`collected`, which names what was,"
    return (
        f" If {', '.join(absent)} {'was' if len(absent) == 1 else 'were'} not collected, say so: "
        f"{said} in globals.yml of the environment, and no such entry in its catalog."
    )


def is_raw_file(dataset: Any) -> bool:
    """Whether a dataset is a raw file of the cohort."""
    metadata = getattr(dataset, "metadata", None) or {}
    raw = metadata.get("kedro-viz", {}).get("layer") == "raw"
    return raw and not isinstance(dataset, NotCollectedDataset)


class Tracking:
    """Log what a run used and found to the MLflow run that kedro-mlflow opened."""

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Remember the catalog, since saving hooks get only a name."""
        self._catalog = catalog

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline, catalog: DataCatalog
    ) -> None:
        """Tag the run and log its parameters, flat."""
        self._catalog = catalog
        if mlflow.active_run() is None:
            return
        mlflow.set_tag("neurogenomics_kb.version", __version__)
        parameters = {}
        for name in sorted(n for n in pipeline.inputs() if n.startswith("params:")):
            value = catalog.load(name)
            parameters.update(flatten(value, name.removeprefix("params:")))
        mlflow.log_params({k: str(v)[:MAX_PARAMETER_LENGTH] for k, v in parameters.items()})

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Copy to MLflow what the catalog entry marks with ``metadata.mlflow``."""
        metadata = getattr(self._catalog.get(dataset_name), "metadata", None) or {}
        options = metadata.get("mlflow")
        if not options or mlflow.active_run() is None:
            return
        path = file_of(self._catalog.get(dataset_name))
        self._guard(dataset_name, data, path, options)
        if "artifact" in options and path is not None:
            # One folder per dataset: artifacts of one name would overwrite each other.
            mlflow.log_artifact(str(path), artifact_path=options["artifact"])
            for file in self._companions(dataset_name):
                mlflow.log_artifact(str(file), artifact_path=f"{options['artifact']}/{TABLES}")
        if options.get("metrics"):
            mlflow.log_metrics({k: float(v) for k, v in data.items() if v is not None})
        if options.get("cards"):
            mlflow.set_tags({f"card.{k}": v for k, v in data.cards.items()})
            mlflow.set_tags({"experiment": data.experiment.id, "cohort": data.cohort})
        if options.get("card_id"):
            mlflow.set_tag(CARD_TAG, data.card["id"])

    def _companions(self, dataset_name: str) -> list[Path]:
        """Files that go where the dataset's file goes."""
        offered = getattr(self._catalog.get(dataset_name), "companions", None)
        return list(offered()) if offered is not None else []

    def _guard(self, name: str, data: Any, path: Path | None, options: dict[str, Any]) -> None:
        """Refuse to send a subject's identifier, row or small group to the tracking server."""
        ids, minimum = self._cohort()
        if options.get("metrics"):
            check_disclosure(data, ids, minimum=minimum, where=f"metrics of {name}")
        if path is None:
            return
        find_identifier(path.name, ids, f"the file name of {name}")
        if path.suffix in TEXT_FILES:
            find_identifier(path.read_text(encoding="utf-8"), ids, str(path))
        elif hasattr(data, "findobj"):
            for text in texts_of_figure(data):
                find_identifier(text, ids, f"figure {name}")

    def _cohort(self) -> tuple[set[str], int]:
        """Identifiers of the cohort, and the smallest count that may be shown."""
        parameters = self._catalog.get("params:disclosure")
        minimum = parameters.load() if parameters is not None else {}
        if isinstance(minimum, BaseModel):
            minimum = minimum.model_dump()
        cohort = self._catalog.get("integration.cohort")
        known = cohort is not None and cohort.exists()
        ids = {str(i) for i in cohort.load().index} if known else set()
        return ids, int(minimum.get("minimum_cell", MINIMUM_CELL))


def flatten(value: Any, prefix: str) -> dict[str, Any]:
    """Nested parameters as dotted names."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for key, item in value.items():
            out.update(flatten(item, f"{prefix}.{key}"))
        return out
    return {prefix: value}
