"""Hooks: outputs are whole, and all of one recipe."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.whole_files import write_json_whole
from neurogenomics_kb.project.files import address_of, file_of, has_versions
from neurogenomics_kb.project.fingerprint import raw_fingerprints, run_fingerprint

logger = logging.getLogger(__name__)

STATE = "fingerprint.json"
# Fingerprints that differ between experiments on the same features.
OF_EXPERIMENT = {"params:experiment", "kb"}
# What a run publishes, by which time its inputs must still be what they were.
PUBLISHED = "reporting.result_card"
UNKNOWN = "nobody knows what they were made from (the fingerprint is missing or damaged)"


class WholeOutputs:
    """Nothing half-written survives a killed run.

    While a dataset is being saved a marker lies beside it. A marker found at the start of a run
    means that saving was cut short, so the remains are deleted and the node runs again. Versions of
    a dataset that a user made ``versioned`` are never touched.
    """

    @staticmethod
    def _marker(path: Path) -> Path:
        return path.with_name(f".{path.name}.saving")

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Remember the catalog, since saving hooks get only a name."""
        self._catalog = catalog

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Any, catalog: DataCatalog
    ) -> None:
        """Delete what an earlier run left unfinished.

        Raises
        ------
        InputError
            If an output lies on another machine, or a run is resumed whose outputs have versions:
            neither can be told from the remains of a killed run.
        """
        self._catalog = catalog
        outputs = sorted(pipeline.all_outputs())
        remote = {n: a for n in outputs if (a := address_of(catalog.get(n))) is not None}
        if remote:
            name, address = next(iter(remote.items()))
            raise InputError(
                f"output {name} lies on another machine",
                file=address,
                remedy="Outputs are kept on this one, where a killed run leaves nothing "
                "half-written; copy them afterwards.",
            )
        versioned = [name for name in outputs if has_versions(catalog.get(name))]
        if versioned and run_params.get("only_missing_outputs"):
            raise InputError(
                f"{listing(versioned)} has versions, so nothing says which run made the last one",
                remedy="Run without --only-missing-outputs, or without `versioned` in the catalog.",
            )
        for name in outputs:
            path = deletable(catalog.get(name))
            if path is None or not self._marker(path).exists():
                continue
            logger.warning("%s was left unfinished by an earlier run and is made again", path)
            self._undo(catalog, name, path)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Put the marker down."""
        path = deletable(self._catalog.get(dataset_name))
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._marker(path).touch()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Take the marker away."""
        path = deletable(self._catalog.get(dataset_name))
        if path is not None:
            self._marker(path).unlink(missing_ok=True)

    @hook_impl
    def on_node_error(self, error: Exception, node: Any, catalog: DataCatalog) -> None:
        """Leave no partial output of a node that failed."""
        self._undo_unfinished(node.outputs, catalog)

    @hook_impl
    def on_pipeline_error(self, error: Exception, pipeline: Any, catalog: DataCatalog) -> None:
        """Leave no output that was refused after it was written."""
        self._undo_unfinished(pipeline.all_outputs(), catalog)

    def _undo_unfinished(self, names: Iterable[str], catalog: DataCatalog) -> None:
        for name in names:
            path = deletable(catalog.get(name))
            if path is not None and self._marker(path).exists():
                self._undo(catalog, name, path)

    def _undo(self, catalog: DataCatalog, name: str, path: Path) -> None:
        """Take back what saving did, also elsewhere than in the dataset's own file."""
        withdraw = getattr(catalog.get(name), "withdraw", None)
        if withdraw is not None:
            withdraw()
        remove(path)
        self._marker(path).unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a file or the files of a folder."""
    if path.is_dir():
        for file in sorted(path.rglob("*"), reverse=True):
            file.unlink() if file.is_file() or file.is_symlink() else file.rmdir()
    else:
        path.unlink(missing_ok=True)


class SameRecipe:
    """Outputs of two recipes are never mixed.

    What a run reads is fingerprinted beside the experiment's outputs and, without the experiment's
    own settings, beside the features that experiments of a cohort share. A run that reads something
    else first deletes the outputs it will replace, so that a killed one leaves nothing old behind;
    resuming (``--only-missing-outputs``) with something else, or where nobody knows what the
    outputs were made from, is refused. Before anything is published the raw files are compared
    once more.
    """

    def __init__(self) -> None:
        self._pipeline: Any = None
        self._raw: dict[str, str] = {}
        self._states: dict[Path, dict[str, str]] = {}

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Any, catalog: DataCatalog
    ) -> None:
        """Compare with the last run of the same experiment and cohort."""
        self._pipeline, self._catalog, self._raw, self._states = pipeline, catalog, {}, {}
        outputs = pipeline.all_outputs()
        makes_features = any(name.endswith(".features") for name in outputs)
        if not (makes_features or "recipe" in outputs):
            return
        current = run_fingerprint(pipeline, catalog)
        states = {}
        if makes_features:
            shared = file_of(catalog.get("genomics.features")).with_name(STATE)
            states[shared] = {k: v for k, v in current.items() if k not in OF_EXPERIMENT}
        if "recipe" in outputs:
            states[file_of(catalog.get("recipe")).with_name(STATE)] = current
        changed = sorted({k for path, now in states.items() for k in changes(path, now)})
        files = {n: f for n in outputs if (f := deletable(catalog.get(n))) is not None}
        groups = dict(zip(states, groups_of(pipeline, len(states)), strict=True))
        unknown = any(
            stored(path) is None and existing({n: files[n] for n in group & set(files)})
            for path, group in groups.items()
        )
        if run_params.get("only_missing_outputs") and (changed or unknown):
            raise InputError(
                f"since the outputs were made, these changed: {listing(changed)}"
                if changed
                else UNKNOWN,
                file=next(iter(states)).parent,
                remedy="Run without --only-missing-outputs.",
            )
        if changed or unknown:
            for path in files.values():
                remove(path)
        for path, now in states.items():
            # A part of the pipeline that read something else makes what follows from it old, so
            # what was known of the rest is forgotten and a later resumption refused.
            known = {} if changed else stored(path) or {}
            write_json_whole(path, {**known, **now})
            self._states[path] = now
        self._raw = {name: current[name] for name in raw_fingerprints(pipeline, catalog, current)}

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Refuse to publish a mixture.

        Raises
        ------
        InputError
            If a raw file is another one than at the start, or the outputs are marked as another
            run's.
        """
        if dataset_name != PUBLISHED or not self._states:
            return
        now = run_fingerprint(self._pipeline, self._catalog, only=set(self._raw))
        other = sorted(name for name, was in self._raw.items() if now[name] != was)
        replaced = [path for path, own in self._states.items() if changes(path, own) != []]
        if other or replaced:
            raise InputError(
                f"while the run was working, these changed: {listing(other)}"
                if other
                else "another run has begun to replace these outputs",
                file=next(iter(replaced or self._states)).parent,
                remedy="Nothing was published; run again.",
            )


def groups_of(pipeline: Any, n: int) -> list[set[str]]:
    """Outputs by the fingerprint that answers for them: features and what leads there, the rest."""
    outputs = pipeline.all_outputs()
    if n == 1:
        return [outputs]
    features = [name for name in outputs if name.endswith(".features")]
    shared = pipeline.to_outputs(*features).all_outputs() - {"recipe"}
    return [shared, outputs - shared]


def deletable(dataset: Any) -> Path | None:
    """File or folder of an output that may be deleted: local, and without versions of its own."""
    return None if dataset is None or has_versions(dataset) else file_of(dataset)


def existing(files: dict[str, Path]) -> list[Path]:
    """Those that are there, with something in them."""
    return [f for f in files.values() if (any(f.iterdir()) if f.is_dir() else f.exists())]


def stored(path: Path) -> dict[str, str] | None:
    """Fingerprints that an earlier run left; None where there are none that can be read."""
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found:
        logger.warning("%s is damaged and is made again", path)
        return None
    return found


def changes(path: Path, now: dict[str, str]) -> list[str]:
    """Names whose fingerprints differ from those stored in `path`, none if it does not exist."""
    before = stored(path)
    return [name for name in now if now[name] != before.get(name)] if before else []
