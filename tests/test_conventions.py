"""What must hold for every catalog entry, parameter group and pipeline."""

from __future__ import annotations

import ast
import inspect
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import get_type_hints

import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from pydantic import BaseModel

from neurogenomics_kb.datasets import TableDataset
from neurogenomics_kb.foundation.contracts import ContractError
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipeline_registry import register_pipelines
from neurogenomics_kb.pipelines.contracts import CONTRACTS
from neurogenomics_kb.project.compute import COMPUTE

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/neurogenomics_kb"
ENVIRONMENTS = [
    "base",
    *(p.name for p in (ROOT / "conf").iterdir() if (p / "globals.yml").exists()),
]
ENVIRONMENTS = sorted(set(ENVIRONMENTS))
LAYERS = {
    "knowledge", "raw", "intermediate", "primary", "feature", "model_input", "models",
    "model_output", "reporting",
}  # fmt: skip


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def context(request):
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if re.fullmatch("NGKB_.*_DIR", n)]:
            patch.delenv(name)  # paths are checked as they are written
        bootstrap_project(ROOT)
        with KedroSession.create(ROOT, env=request.param) as session:
            loaded = session.load_context()
            # The context builds a new catalog at every access.
            yield SimpleNamespace(catalog=loaded.catalog, params=loaded.params)


@pytest.fixture(scope="module")
def pipelines():
    return register_pipelines()


def datasets_of(pipelines):
    names = {n for p in pipelines.values() for n in p.datasets()}
    return sorted(n for n in names if not n.startswith("params:") and n != "parameters")


def test_no_dataset_falls_back_to_memory(context, pipelines):
    for name in datasets_of(pipelines):
        dataset = context.catalog.get(name)
        assert dataset is not None, name
        assert type(dataset).__name__ != "MemoryDataset", name


def test_every_dataset_has_a_layer(context, pipelines):
    for name in datasets_of(pipelines):
        metadata = context.catalog.get(name).metadata or {}
        assert metadata.get("kedro-viz", {}).get("layer") in LAYERS, name


def test_private_rows_are_never_previewed_tracked_or_published(context, pipelines):
    """kedro-viz previews unless the entry says the literal False: "False" would show rows."""
    for name in datasets_of(pipelines):
        dataset = context.catalog.get(name)
        metadata = dataset.metadata or {}
        if isinstance(dataset, TableDataset):
            private = dataset.contract.private
            assert dataset.contract.name == name
        else:
            private = not name.startswith(("reporting.", "recipe", "fingerprints"))
        if private:
            assert metadata["kedro-viz"].get("preview", name) is False or not hasattr(
                dataset, "preview"
            ), name
            assert "mlflow" not in metadata, name
        if private and isinstance(dataset, TableDataset):
            with pytest.raises(ContractError, match="private"):
                dataset.preview()


def test_tables_lie_in_the_project_wherever_a_run_starts(context, pipelines):
    for name in datasets_of(pipelines):
        dataset = context.catalog.get(name)
        if isinstance(dataset, TableDataset):
            assert str(dataset._filepath).startswith(f"{ROOT}/data/"), name


def test_every_table_of_a_node_has_a_contract(pipelines):
    made = {n for n in pipelines["__default__"].all_outputs() if not n.startswith("reporting.")}
    others = {"recipe", "fmri.parcels"}
    assert made - others == set(CONTRACTS)


def test_figures_are_previewed_and_tracked(context, pipelines):
    figures = [n for n in datasets_of(pipelines) if n.endswith("_figure")]
    assert len(figures) == 9
    for name in figures:
        metadata = context.catalog.get(name).metadata
        assert metadata["kedro-viz"].get("preview") is not False
        assert metadata["mlflow"]["artifact"]


def test_produced_paths_carry_the_cohort(context, pipelines):
    cohort = context.params["cohort"]
    produced = {n for p in pipelines.values() for n in p.all_outputs()}
    for name in produced:
        dataset = context.catalog.get(name)
        path = str(getattr(dataset, "_filepath", None) or getattr(dataset, "_path", ""))
        if "01_raw" not in path and path and "NotCollected" not in type(dataset).__name__:
            assert f"/{cohort}/" in path or f"data/01_raw/{cohort}" in path, (name, path)


def test_every_parameter_group_has_a_typed_model(pipelines):
    for pipeline in pipelines.values():
        for node in pipeline.nodes:
            groups = [n for n in node.inputs if n.startswith("params:") and n != "params:cohort"]
            if not groups:
                continue
            hints = get_type_hints(node.func)
            names = list(inspect.signature(node.func).parameters)
            for group in groups:
                hint = hints[names[node.inputs.index(group)]]
                assert issubclass(hint, BaseModel), (node.name, group)
                assert hint.model_config.get("extra") == "forbid", (node.name, group)


def test_every_parameter_in_the_files_is_used(pipelines):
    used = {n.removeprefix("params:") for p in pipelines.values() for n in p.inputs()} | {COMPUTE}
    shared = [(ROOT / f"conf/{name}/parameters").glob("*.yml") for name in ("base", "demo")]
    for file in [file for files in shared for file in files]:
        for key, value in yaml.safe_load(file.read_text()).items():
            groups = {key} if key in used else {f"{key}.{inner}" for inner in value}
            assert groups <= used, file.name


def test_experiment_files_name_what_exists(pipelines):
    from neurogenomics_kb.registry import Experiment, Registry
    from neurogenomics_kb.registry.recipe import resolve_recipe

    registry = Registry(ROOT / "kb")
    for file in sorted((ROOT / "conf/experiments").glob("*.yml")):
        run = yaml.safe_load(file.read_text())["run"]
        assert run["pipeline"] in pipelines
        experiment = Experiment.model_validate(run["params"]["experiment"])
        assert experiment.id == file.stem
        bound = experiment.dataset and registry.get(experiment.dataset).cohort
        if experiment.status == "planned":
            with pytest.raises(InputError, match="planned"):
                resolve_recipe(experiment, registry, bound or "demo")
        else:
            resolve_recipe(experiment, registry, bound or "demo")


def test_default_experiments_of_environments_name_what_exists(context):
    from neurogenomics_kb.registry import Experiment, Registry
    from neurogenomics_kb.registry.recipe import resolve_recipe

    experiment = Experiment.model_validate(context.params["experiment"])
    resolve_recipe(experiment, Registry(ROOT / "kb"), context.params["cohort"])


def test_nodes_are_named_by_verbs_and_described(pipelines):
    for node in pipelines["__default__"].nodes + pipelines["simulation"].nodes:
        assert re.fullmatch(r"([a-z]+\.)?[a-z]+(_[a-z]+)*", node.name), node.name
        assert node.func.__doc__, node.name


def test_integration_is_composed_of_the_parts(pipelines):
    whole = {n.name for n in pipelines["integration"].nodes}
    for name in ("genomics", "smri", "dmri", "fmri", "eeg", "behaviour", "clinical", "reporting"):
        assert {n.name for n in pipelines[name].nodes} <= whole
    assert not {n.name for n in pipelines["simulation"].nodes} & whole


LONGEST, MOST_PARAMETERS = 60, 8
PARAMETERS = r"(?:^|\n)Parameters\n-+\n(.*?)(?:\n\n\w[\w ]*\n-{3,}|\Z)"


def functions_of(tree):
    """Functions with their docstrings; a constructor's is that of its class."""
    for node in ast.walk(tree):
        body = getattr(node, "body", [])
        for inner in body if isinstance(body, list) else []:
            if isinstance(inner, ast.FunctionDef):
                own = ast.get_docstring(inner) or ""
                of_class = isinstance(node, ast.ClassDef) and inner.name == "__init__"
                yield inner, own, (ast.get_docstring(node) or "") if of_class else own


def source_trees():
    for file in sorted((ROOT / "src").rglob("*.py")):
        yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def test_long_functions_and_many_parameters_have_a_reason():
    without = []
    for file, tree in source_trees():
        for function, own, docstring in functions_of(tree):
            lines = function.end_lineno - function.lineno + 1
            lines -= len(own.splitlines()) + 2 if own else 0
            arguments = function.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            many = len([a for a in named if a.arg not in ("self", "cls")])
            prose = re.split(r"\n\s*Parameters\n\s*-+\n", docstring)[0]
            reason = re.search(r"\b[Ll]ong\b|\b[Pp]arameters?\b", prose)
            if (lines > LONGEST or many > MOST_PARAMETERS) and not reason:
                without.append((str(file), function.name, lines, many))
    assert without == []


def test_every_documented_parameter_has_a_word():
    without = []
    for file, tree in source_trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            found = re.search(PARAMETERS, ast.get_docstring(node) or "", re.DOTALL)
            lines = found.group(1).splitlines() if found else []
            for line, following in itertools.pairwise([*lines, ""]):
                if line and not line.startswith(" ") and not following.startswith("    "):
                    without.append((str(file), node.name, line))
    assert without == []


def test_wiring_loads_no_library_of_networks():
    """A run that needs no network neither waits for PyTorch nor wants it installed."""
    asked = (
        "import sys; from neurogenomics_kb.pipeline_registry import register_pipelines; "
        "register_pipelines(); print(sorted({'torch', 'transformers', 'tabicl'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What the product wrote itself.
OWN_FILES = {"datasets/model.py", "datasets/table.py", "datasets/figure.py", "datasets/genome.py",
             "datasets/visits.py"}  # fmt: skip


def test_files_from_outside_are_opened_where_limits_are_held():
    """Readers go through ``foundation.limits``: nothing else refuses pipes and what swells."""
    raw = re.compile(r"\.read_(?:text|bytes)\(|\.open\(\"r|(?<![\w.])open\(")
    found = {
        f"{file.relative_to(PACKAGE)}:{number}"
        for part in ("genome", "brain", "extracts", "language", "datasets")
        for file in sorted((PACKAGE / part).rglob("*.py"))
        if str(file.relative_to(PACKAGE)) not in OWN_FILES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if raw.search(line) and "def open(" not in line
    }
    assert not found
