"""Run one modality's pipeline with the project's own catalog and parameters."""

from __future__ import annotations

from pathlib import Path

from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro.validation.parameter_validator import ParameterValidator

from neurogenomics_kb.foundation.wide import in_memory
from neurogenomics_kb.project.config import CohortConfigLoader
from neurogenomics_kb.settings import CONFIG_LOADER_ARGS
from tests.recipes import partial_recipe

PROJECT = Path(__file__).parents[2]


def merge(base: dict, changes: dict) -> dict:
    merged = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = merge(base[key], value) if nested else value
    return merged


def lookup(parameters: dict, name: str):
    for key in name.removeprefix("params:").split("."):
        parameters = parameters[key]
    return parameters


def typed_parameters(pipeline, changes: dict):
    """What gives the project's parameters, changed, by name."""
    conf = CohortConfigLoader(str(PROJECT / "conf"), **CONFIG_LOADER_ARGS)
    raw = merge(conf["parameters"], changes)
    typed = ParameterValidator({"modality": pipeline}).validate_raw_params(raw)
    return lambda name: lookup(typed, name)


def run_pipeline(pipeline, inputs: dict, parameters: dict | None = None) -> Catalog:
    """Run with `inputs` in place of the catalog's entries; outputs go below the working folder."""
    conf = CohortConfigLoader(str(PROJECT / "conf"), **CONFIG_LOADER_ARGS)
    typed = typed_parameters(pipeline, parameters or {})
    catalog = DataCatalog.from_config(conf["catalog"])
    if isinstance(inputs.get("recipe"), dict):
        inputs = inputs | {"recipe": partial_recipe(**inputs["recipe"])}
    for name in pipeline.inputs():
        if name.startswith("params:"):
            catalog[name] = MemoryDataset(typed(name), copy_mode="assign")
        elif name in inputs:
            catalog[name] = MemoryDataset(inputs[name], copy_mode="assign")
    SequentialRunner().run(pipeline, catalog)
    return Catalog(catalog)


class Catalog:
    """What a run left behind; tables are read at once, since the next run writes over them."""

    def __init__(self, catalog: DataCatalog) -> None:
        self._catalog = catalog

    def load(self, name: str):
        return in_memory(self._catalog.load(name))

    def __getattr__(self, name: str):
        return getattr(self._catalog, name)

    def __getitem__(self, name: str):
        return self._catalog[name]

    def __contains__(self, name: str) -> bool:
        return name in self._catalog


def check_persisted(pipeline, catalog: DataCatalog) -> None:
    """Check that everything a pipeline makes goes to a file of its own, with a layer."""
    made = pipeline.datasets() - pipeline.inputs()
    assert made
    paths = set()
    for name in made:
        dataset = catalog.get(name)
        assert not isinstance(dataset, MemoryDataset), f"{name} falls back to memory"
        assert dataset.metadata["kedro-viz"]["layer"] in {"intermediate", "primary", "feature"}
        assert "preview_args" not in dataset.metadata["kedro-viz"]
        assert dataset.exists()
        paths.add(str(dataset._filepath))
    assert len(paths) == len(made)
