from __future__ import annotations

import json
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import CSVDataset

from neurogenomics_kb.datasets import NotCollectedDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.files import file_of
from neurogenomics_kb.project.hooks import RawFilesFirst
from neurogenomics_kb.project.outputs import SameRecipe, WholeOutputs, changes, deletable, remove
from neurogenomics_kb.project.withheld import flatten
from neurogenomics_kb.registry import Experiment


def identity(x):
    return x


@pytest.fixture
def pipeline():
    return Pipeline([Node(identity, "raw", "made", name="make")])


@pytest.fixture
def catalog(tmp_path):
    return DataCatalog(
        {
            "raw": CSVDataset(filepath=str(tmp_path / "raw.csv")),
            "made": CSVDataset(filepath=str(tmp_path / "made.csv")),
            "memory": MemoryDataset(),
        }
    )


def test_file_of_local_datasets_only(catalog, tmp_path):
    assert file_of(catalog.get("raw")) == tmp_path / "raw.csv"
    assert file_of(catalog.get("memory")) is None


def test_missing_raw_files_are_reported_at_the_start(pipeline, catalog, tmp_path):
    with pytest.raises(InputError, match=r"raw\.csv: the file is missing"):
        RawFilesFirst().before_pipeline_run(pipeline, catalog)
    (tmp_path / "raw.csv").write_text("a\n1\n")
    RawFilesFirst().before_pipeline_run(pipeline, catalog)


def raw(path):
    return CSVDataset(filepath=str(path), metadata={"kedro-viz": {"layer": "raw"}})


def test_every_missing_raw_file_is_named_with_how_to_say_that_it_was_not_collected(tmp_path):
    names = [f"smri.table{i}" for i in range(9)]
    catalog = DataCatalog({name: raw(tmp_path / f"{name}.csv") for name in names})
    catalog["eeg.recordings"] = NotCollectedDataset(
        modality="eeg", metadata={"kedro-viz": {"layer": "raw"}}
    )
    whole = Pipeline([Node(lambda *tables: 1, [*names, "eeg.recordings"], "out", name="use")])
    for name in ("smri.table3", "smri.table7"):
        (tmp_path / f"{name}.csv").write_text("a\n1\n")
    with pytest.raises(InputError) as error:
        RawFilesFirst().before_pipeline_run(whole, catalog)
    said = str(error.value)
    for name in names:
        assert (f"{name}.csv" in said) == (name not in ("smri.table3", "smri.table7"))
    assert "this and 6 more files are missing" in said
    assert "were not collected, say so: `collected: [smri.table3, smri.table7]`" in said
    assert "\n" not in said


def test_files_of_an_earlier_pipeline_are_no_matter_of_collecting(pipeline, catalog):
    with pytest.raises(InputError) as error:
        RawFilesFirst().before_pipeline_run(pipeline, catalog)
    assert "run the pipeline that makes them." in str(error.value)
    assert "collected" not in str(error.value)


def test_half_written_output_is_removed_at_the_next_start(pipeline, catalog, tmp_path):
    hook = WholeOutputs()
    hook.after_catalog_created(catalog)
    hook.before_dataset_saved("made")
    (tmp_path / "made.csv").write_text("a\n1")  # the run is killed here
    WholeOutputs().before_pipeline_run({}, pipeline, catalog)
    assert not (tmp_path / "made.csv").exists()
    assert not list(tmp_path.glob(".*.saving"))


def test_whole_output_stays(pipeline, catalog, tmp_path):
    hook = WholeOutputs()
    hook.after_catalog_created(catalog)
    hook.before_dataset_saved("made")
    catalog.save("made", pd.DataFrame({"a": [1]}))
    hook.after_dataset_saved("made")
    WholeOutputs().before_pipeline_run({}, pipeline, catalog)
    assert (tmp_path / "made.csv").exists()


def test_failed_node_leaves_nothing(pipeline, catalog, tmp_path):
    hook = WholeOutputs()
    hook.after_catalog_created(catalog)
    hook.before_dataset_saved("made")
    (tmp_path / "made.csv").write_text("half")
    hook.on_node_error(ValueError(), pipeline.nodes[0], catalog)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def recipe_run(tmp_path):
    raw = tmp_path / "raw.csv"
    raw.write_text("a\n1\n")
    catalog = DataCatalog(
        {
            "raw": CSVDataset(filepath=str(raw)),
            "params:threshold": MemoryDataset({"x": 1}),
            "recipe": JSONDataset(filepath=str(tmp_path / "experiment/recipe.json")),
            "genomics.features": CSVDataset(filepath=str(tmp_path / "features/genomics.csv")),
        }
    )
    pipeline = Pipeline(
        [
            Node(lambda raw, p: {}, ["raw", "params:threshold"], "recipe", name="write"),
            Node(identity, "recipe", "genomics.features", name="features"),
        ]
    )
    return raw, catalog, pipeline


pytestmark = pytest.mark.filterwarnings("ignore:One or more dataset names contain")


def start(recipe_run, **run_params):
    SameRecipe().before_pipeline_run(run_params, recipe_run[2], recipe_run[1])


def test_resuming_with_other_data_or_parameters_is_refused(recipe_run):
    raw, catalog, _ = recipe_run
    start(recipe_run)
    start(recipe_run, only_missing_outputs=True)
    raw.write_text("a\n2\n")
    with pytest.raises(InputError, match=r"these changed: raw\. Run without"):
        start(recipe_run, only_missing_outputs=True)
    raw.write_text("a\n1\n")
    catalog["params:threshold"] = MemoryDataset({"x": 2})
    with pytest.raises(InputError, match="params:threshold"):
        start(recipe_run, only_missing_outputs=True)


def test_a_run_with_another_recipe_first_deletes_what_it_replaces(recipe_run, tmp_path):
    raw, catalog, _ = recipe_run
    start(recipe_run)
    catalog.save("recipe", {"old": True})
    catalog.save("genomics.features", pd.DataFrame({"a": [1]}))
    start(recipe_run)
    assert (tmp_path / "experiment/recipe.json").exists()
    raw.write_text("a\n2\n")
    start(recipe_run)
    assert not (tmp_path / "experiment/recipe.json").exists()
    assert not (tmp_path / "features/genomics.csv").exists()
    assert json.loads((tmp_path / "features/fingerprint.json").read_text())["raw"]


def test_a_part_run_with_something_else_makes_the_rest_old(recipe_run, tmp_path):
    raw, catalog, whole = recipe_run
    part = Pipeline([n for n in whole.nodes if n.name == "features"])
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/recipe.json").write_text("{}")
    start(recipe_run)
    state = tmp_path / "features/fingerprint.json"
    before = json.loads(state.read_text())
    SameRecipe().before_pipeline_run({}, part, catalog)  # reads a recipe nobody fingerprinted yet
    assert set(before) != set(json.loads(state.read_text()))
    with pytest.raises(InputError, match="these changed"):
        start(recipe_run, only_missing_outputs=True)
    start(recipe_run)
    start(recipe_run, only_missing_outputs=True)
    assert raw.exists()


def test_a_part_run_with_the_same_keeps_what_is_known(recipe_run, tmp_path):
    _, catalog, whole = recipe_run
    start(recipe_run)
    before = json.loads((tmp_path / "experiment/fingerprint.json").read_text())
    part = Pipeline([n for n in whole.nodes if n.name == "write"])
    SameRecipe().before_pipeline_run({}, part, catalog)
    assert json.loads((tmp_path / "experiment/fingerprint.json").read_text()) == before
    start(recipe_run, only_missing_outputs=True)


def test_changes_are_named(tmp_path):
    file = tmp_path / "f.json"
    assert changes(file, {"a": "1"}) == []
    file.write_text('{"a": "1"}')
    assert changes(file, {"a": "1", "b": "2"}) == ["b"]


def test_remove_keeps_the_folder(tmp_path):
    (tmp_path / "x/y").mkdir(parents=True)
    (tmp_path / "x/y/file").write_text("1")
    remove(tmp_path / "x")
    assert list((tmp_path / "x").iterdir()) == []
    remove(tmp_path / "absent")


def test_parameters_are_logged_flat():
    experiment = Experiment(id="e", blocks={"gene": "g_v1"}, outcome="y", analyses=["prediction"])
    flat = flatten(experiment, "experiment")
    assert flat["experiment.blocks.gene"] == "g_v1"
    assert flat["experiment.folds.n_splits"] == 5


def test_resuming_where_nobody_knows_what_outputs_are_of_is_refused(recipe_run, tmp_path):
    _, catalog, _ = recipe_run
    start(recipe_run)
    catalog.save("recipe", {"old": True})
    catalog.save("genomics.features", pd.DataFrame({"a": [1]}))
    start(recipe_run, only_missing_outputs=True)
    for spoil in (lambda f: f.unlink(), lambda f: f.write_text(""), lambda f: f.write_text("{")):
        spoil(tmp_path / "features/fingerprint.json")
        with pytest.raises(InputError, match=r"nobody knows .* Run without"):
            start(recipe_run, only_missing_outputs=True)
    assert (tmp_path / "features/genomics.csv").exists()
    start(recipe_run)
    assert not (tmp_path / "features/genomics.csv").exists()
    start(recipe_run, only_missing_outputs=True)


def test_first_runs_may_skip_what_is_there_if_nothing_is(recipe_run):
    start(recipe_run, only_missing_outputs=True)


def versioned(tmp_path):
    return CSVDataset(filepath=str(tmp_path / "made.csv"), version=Version(None, "now"))


def test_versions_of_a_user_are_never_deleted(pipeline, tmp_path):
    catalog = DataCatalog({"raw": MemoryDataset(1), "made": versioned(tmp_path)})
    catalog.save("made", pd.DataFrame({"a": [1]}))
    hook = WholeOutputs()
    hook.before_pipeline_run({}, pipeline, catalog)
    hook.before_dataset_saved("made")
    hook.on_node_error(ValueError(), pipeline.nodes[0], catalog)
    hook.before_pipeline_run({}, pipeline, catalog)
    assert deletable(catalog.get("made")) is None
    assert catalog.load("made")["a"].tolist() == [1]
    with pytest.raises(InputError, match="made has versions"):
        hook.before_pipeline_run({"only_missing_outputs": True}, pipeline, catalog)


def test_a_changed_recipe_deletes_no_version(recipe_run, tmp_path):
    raw, catalog, _ = recipe_run
    catalog["genomics.features"] = CSVDataset(
        filepath=str(tmp_path / "features/genomics.csv"), version=Version(None, "now")
    )
    start(recipe_run)
    catalog.save("genomics.features", pd.DataFrame({"a": [1]}))
    raw.write_text("a\n2\n")
    start(recipe_run)
    assert catalog.load("genomics.features")["a"].tolist() == [1]


def test_outputs_elsewhere_are_refused_and_touch_nothing_here(pipeline, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket/made.csv").write_text("mine")
    remote = CSVDataset(filepath="memory://bucket/made.csv")
    remote._filepath = Path("bucket/made.csv")  # as of a bucket, whose client is not installed
    catalog = DataCatalog({"raw": MemoryDataset(1), "made": remote})
    with pytest.raises(InputError, match=r"memory://bucket/made\.csv.*another machine"):
        WholeOutputs().before_pipeline_run({}, pipeline, catalog)
    assert file_of(remote) is None
    assert (tmp_path / "bucket/made.csv").read_text() == "mine"


def test_inputs_elsewhere_are_told_by_their_content(recipe_run):
    _, catalog, _ = recipe_run
    files = fsspec.filesystem("memory")
    files.pipe("/bucket/raw.csv", b"a\n1\n")
    catalog["raw"] = CSVDataset(filepath="memory:///bucket/raw.csv")
    catalog.get("raw")._filepath = Path("/bucket/raw.csv")
    start(recipe_run)
    start(recipe_run, only_missing_outputs=True)
    files.pipe("/bucket/raw.csv", b"a\n2\n")
    with pytest.raises(InputError, match="these changed: raw"):
        start(recipe_run, only_missing_outputs=True)
    files.rm("/bucket", recursive=True)
    with pytest.raises(InputError, match="cannot be read"):
        start(recipe_run)


def test_nothing_is_published_of_inputs_that_changed_on_the_way(recipe_run, tmp_path):
    raw, catalog, pipeline = recipe_run
    hook = SameRecipe()
    hook.before_pipeline_run({}, pipeline, catalog)
    hook.before_dataset_saved("reporting.result_card")
    before = raw.read_text()
    raw.write_text("a\n3\n")
    hook.before_dataset_saved("recipe")
    with pytest.raises(InputError, match="while the run was working, these changed: raw"):
        hook.before_dataset_saved("reporting.result_card")
    raw.write_text(before)
    (tmp_path / "features/fingerprint.json").write_text('{"raw": "another"}')
    with pytest.raises(InputError, match="another run has begun"):
        hook.before_dataset_saved("reporting.result_card")
