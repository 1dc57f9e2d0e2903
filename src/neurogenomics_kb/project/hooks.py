"""Hooks: look at a run's files first, and log what it found."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, DatasetError

from neurogenomics_kb import __version__
from neurogenomics_kb.datasets import NotCollectedDataset
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.project.files import file_of
from neurogenomics_kb.project.releases import (
    REVIEW,
    Release,
    near_results,
    release_of,
    write_releases,
)
from neurogenomics_kb.project.tracking import CARD_TAG, TABLES
from neurogenomics_kb.project.withheld import (
    COHORT,
    flatten,
    identifiers_of,
    smallest_cell,
    without_people,
)
from neurogenomics_kb.registry.disclosure import (
    check_disclosure,
    check_frame,
    check_page,
    find_identifier,
    texts_of_figure,
)
from neurogenomics_kb.registry.identifiers import Identifiers

logger = logging.getLogger(__name__)

MAX_PARAMETER_LENGTH = 500
# Run whose result card a resumed run found.
RESUMED_TAG = "neurogenomics_kb.resumed_from"
# Catalog entry of the list for whoever checks outputs.
RELEASES = "reporting.releases"
TEXT_FILES = {".yaml", ".json", ".csv", ".svg"}
PAGES = {".html", ".txt"}


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

    def __init__(self) -> None:
        self._known: tuple[Any, Identifiers] = (None, Identifiers())
        self._pipeline: Any = None
        self._logged: set[str] = set()
        self._releases: list[Release] = []

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Remember the catalog, since saving hooks get only a name."""
        self._catalog = catalog

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline, catalog: DataCatalog
    ) -> None:
        """Tag the run and log its parameters, flat."""
        self._catalog, self._pipeline, self._logged = catalog, pipeline, set()
        self._releases = [release_of("parameters", None, smallest_cell(catalog), "parameters")]
        if mlflow.active_run() is None:
            return
        mlflow.set_tag("neurogenomics_kb.version", __version__)
        parameters = {}
        for name in sorted(n for n in pipeline.inputs() if n.startswith("params:")):
            value = catalog.load(name)
            parameters.update(flatten(value, name.removeprefix("params:")))
        told = without_people(parameters, self._identifiers())
        mlflow.log_params({k: v[:MAX_PARAMETER_LENGTH] for k, v in told.items()})

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Copy to MLflow what the catalog entry marks with ``metadata.mlflow``.

        In a process of `ParallelRunner` it is looked at only, figures with what they are drawn of;
        the main process sends it at the end.
        """
        options = self._options(dataset_name)
        if not options or mlflow.active_run() is None:
            return
        if parent_process() is None:
            self._log(dataset_name, data, options)
        else:
            self._guard(dataset_name, data, file_of(self._catalog.get(dataset_name)), options)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Log what was there already, or made beside: no run is less complete than another."""
        run = mlflow.active_run()
        if run is None or self._pipeline is None:
            return
        for name in sorted(self._pipeline.all_outputs() - self._logged):
            options, dataset = self._options(name), self._catalog.get(name)
            if not options or not dataset.exists():
                continue
            data = _readable(dataset)
            of = (data.card.get("mlflow_run_id") or "") if options.get("card_id") else None
            # A card is its own run's: the tag says which.
            if of in (None, run.info.run_id):
                self._log(name, data, options)
            else:
                mlflow.set_tag(RESUMED_TAG, of)
        listed = self._catalog.get(RELEASES)
        if listed is not None and len(self._releases) > 1:
            write_releases(file_of(listed), self._releases)

    def _options(self, name: str) -> dict[str, Any]:
        """What the catalog says is to be tracked of a dataset."""
        metadata = getattr(self._catalog.get(name), "metadata", None) or {}
        return metadata.get("mlflow") or {}

    def _log(self, name: str, data: Any, options: dict[str, Any]) -> None:
        path = file_of(self._catalog.get(name))
        self._guard(name, data, path, options)
        if "artifact" in options and path is not None:
            # One folder per dataset: artifacts of one name would overwrite each other.
            mlflow.log_artifact(str(path), artifact_path=options["artifact"])
            for file in self._companions(name):
                mlflow.log_artifact(str(file), artifact_path=f"{options['artifact']}/{TABLES}")
        if options.get("metrics"):
            mlflow.log_metrics({k: float(v) for k, v in data.items() if v is not None})
        if options.get("cards"):
            mlflow.set_tags({f"card.{k}": v for k, v in data.cards.items()})
            mlflow.set_tags({"experiment": data.experiment.id, "cohort": data.cohort})
        if options.get("card_id"):
            mlflow.set_tag(CARD_TAG, data.card["id"])
        self._logged.add(name)
        self._releases += self._released(name, data, path, options)

    def _released(self, name: str, data: Any, path: Path | None, options) -> list[Release]:
        """Lines of what was just logged, for whoever checks outputs."""
        minimum = smallest_cell(self._catalog)
        if options.get("metrics"):
            return [release_of(name, path, minimum, "metrics")]
        if not options.get("card_id"):
            return [release_of(name, path, minimum)]
        line = release_of(name, path, minimum, "card")
        registry = self._catalog.get("kb")
        others = registry.load().sound_results() if registry is not None else []
        near = near_results(data.card, others, minimum)
        if near:
            said = f"differs by fewer than {minimum} people from {listing(near)}"
            line = replace(line, status=REVIEW, comments=said)
        return [line, *(release_of(f.name, f, minimum) for f in self._companions(name))]

    def _companions(self, dataset_name: str) -> list[Path]:
        """Files that go where the dataset's file goes."""
        offered = getattr(self._catalog.get(dataset_name), "companions", None)
        return list(offered()) if offered is not None else []

    def _guard(self, name: str, data: Any, path: Path | None, options: dict[str, Any]) -> None:
        """Refuse to send a subject's identifier, row or small group to the tracking server."""
        ids, minimum = self._identifiers(), smallest_cell(self._catalog)
        if options.get("metrics"):
            check_disclosure(data, ids, minimum=minimum, where=f"metrics of {name}")
        if path is None:
            return
        find_identifier(path.name, ids, f"the file name of {name}")
        if isinstance(data, pd.DataFrame):
            check_frame(data, ids, minimum=minimum, where=f"table {name}")
        elif path.suffix in PAGES:
            check_page(path.read_text(encoding="utf-8"), ids, minimum=minimum, where=str(path))
        elif path.suffix in TEXT_FILES:
            find_identifier(path.read_text(encoding="utf-8"), ids, str(path))
        elif hasattr(data, "findobj"):
            for text in texts_of_figure(data):
                find_identifier(text, ids, f"figure {name}")

    def _identifiers(self) -> Identifiers:
        """Identifiers of the cohort, prepared anew when it was made anew."""
        cohort = file_of(self._catalog.get(COHORT)) if self._catalog.get(COHORT) else None
        state = cohort.stat().st_mtime_ns if cohort is not None and cohort.exists() else 0
        if self._known[0] != (id(self._catalog), state):
            self._known = ((id(self._catalog), state), identifiers_of(self._catalog))
        return self._known[1]


def _readable(dataset: Any) -> Any:
    """What a dataset holds; None of figures, which can only be drawn."""
    try:
        return dataset.load()
    except DatasetError:
        return None
