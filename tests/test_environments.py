"""Environments: a cohort names what it has, a variant its parent, one machine the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.config import CohortConfigLoader
from neurogenomics_kb.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[1]
SHIPPED = sorted(p.parent.name for p in (ROOT / "conf").glob("*/globals.yml"))
STANDARD = {
    "participants", "genomics.reference", "genomics.annotation", "genomics.variants",
    "genomics.polygenic_scores", "smri.freesurfer", "smri.euler", "fmri.timeseries",
    "fmri.confounds", "fmri.sidecar", "truth",
}  # fmt: skip
ABSENT = "neurogenomics_kb.datasets.NotCollectedDataset"
# An environment as it was written against the demo cohort: it negates what it lacks.
OLDER = """
fmri.timeseries: &no_runs
  type: neurogenomics_kb.datasets.NotCollectedDataset
  modality: fmri
  reason: no resting-state runs
  metadata: {kedro-viz: {layer: raw, preview: false}}
fmri.confounds: *no_runs
fmri.sidecar: *no_runs
"""


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """A copy of the configuration, to which environments are added."""
    for name in ("DEMO", "MINE", "VARIANT"):
        monkeypatch.delenv(f"NGKB_{name}_DIR", raising=False)
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    return tmp_path / "conf"


def write(conf: Path, environment: str, **files) -> None:
    for name, content in files.items():
        folder = conf / environment / ("" if name == "globals" else name)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / ("globals.yml" if name == "globals" else "cohort.yml")
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


def load(conf: Path, environment: str | None = None, **runtime) -> CohortConfigLoader:
    return CohortConfigLoader(str(conf), env=environment, runtime_params=runtime,
                              **CONFIG_LOADER_ARGS)  # fmt: skip


def absent(catalog: dict) -> set[str]:
    return {n for n, e in catalog.items() if isinstance(e, dict) and e.get("type") == ABSENT}


def csv(name: str) -> dict:
    return {
        "type": "pandas.CSVDataset",
        "filepath": f"{name}.csv",
        "metadata": {"kedro-viz": {"layer": "raw", "preview": False}},
    }


def test_what_is_named_is_there_and_the_rest_is_not_collected(conf):
    rng = np.random.default_rng(5)
    demo = load(conf)["catalog"]
    placeless = absent(demo)
    modalities = ["genomics", "smri", "fmri"]
    for _ in range(12):
        named = [e for e in sorted(STANDARD) if rng.random() < 0.3]
        named += [m for m in modalities if rng.random() < 0.2]
        own = [e for e in sorted(STANDARD | {"eeg.recordings"}) if rng.random() < 0.15]
        write(
            conf,
            "mine",
            globals={"cohort": "mine", "experiment": "e", "collected": named},
            catalog={entry: csv(entry) for entry in own},
        )
        catalog = load(conf, "mine")["catalog"]
        has = {"participants", *own}
        has |= {e for e in STANDARD for n in named if e == n or e.startswith(f"{n}.")}
        assert absent(catalog) == (placeless | STANDARD) - has
        for entry in has & STANDARD - set(own):
            assert catalog[entry] == yaml.safe_load(
                yaml.safe_dump(demo[entry]).replace("01_raw/demo", "01_raw/mine")
            )
        assert all(catalog[entry] == csv(entry) for entry in own)
        # Everything that is no raw file is the same for all cohorts.
        others = {n for n in demo if n not in STANDARD | placeless}
        assert others <= set(catalog)
        for entry in absent(catalog) & STANDARD:
            assert "mine/globals.yml does not name it" in catalog[entry]["reason"]
            assert catalog[entry]["modality"] == entry.split(".")[0]


def test_an_environment_that_negates_the_demo_goes_on_as_it_was(conf):
    write(conf, "mine", globals={"cohort": "mine", "experiment": "e"}, catalog=OLDER)
    demo, mine = load(conf), load(conf, "mine")
    runs = {"fmri.timeseries", "fmri.confounds", "fmri.sidecar"}
    assert absent(mine["catalog"]) == absent(demo["catalog"]) | runs
    assert mine["catalog"]["fmri.sidecar"]["reason"] == "no resting-state runs"
    assert mine["catalog"]["smri.euler"]["filepath"] == "data/01_raw/mine/freesurfer/euler.tsv"
    # It also had the demo's parameters below its own.
    assert mine["parameters"]["experiment"]["outcome"] == "mdd_diagnosis"
    assert mine["parameters"]["experiment"]["id"] == "e"


def test_a_variant_says_only_what_differs(conf):
    write(
        conf,
        "mine",
        globals={"cohort": "mine", "experiment": "e", "collected": ["smri", "eeg"]},
        catalog={"eeg.recordings": csv("eeg")},
        parameters={"experiment": {"outcome": "y", "n_permutations": 99}, "cohort": "mine"},
    )
    write(conf, "variant", globals={"parent": "mine", "cohort": "variant"},
          parameters={"experiment": {"n_permutations": 19}})  # fmt: skip
    loader = load(conf, "variant")
    assert loader.layers[:2] == ["mine", "variant"]
    assert loader["catalog"]["eeg.recordings"] == csv("eeg")
    assert loader["catalog"]["smri.euler"]["filepath"] == "data/01_raw/variant/freesurfer/euler.tsv"
    assert "genomics.variants" in absent(loader["catalog"])
    assert loader["parameters"]["experiment"] == {"outcome": "y", "n_permutations": 19}
    # A variant that says what it has itself loses what its parent defines and it does not name.
    write(conf, "variant", globals={"parent": "mine", "cohort": "v", "collected": ["smri"]})
    assert "eeg.recordings" in absent(load(conf, "variant")["catalog"])


@pytest.mark.parametrize("environment", [None, "base", "local", "demo"])
def test_without_a_cohort_the_demo_runs(conf, environment):
    loader = load(conf, environment)
    assert loader["globals"]["cohort"] == "demo"
    assert loader["parameters"]["experiment"]["id"] == "demo_gene_brain"
    assert loader["catalog"] == load(conf)["catalog"]


@pytest.mark.parametrize("environment", [None, *[e for e in SHIPPED if e != "base"]])
def test_conf_local_lies_over_every_environment(conf, environment):
    before = load(conf, environment)
    write(
        conf,
        "local",
        globals={"minimum_cell": 25},
        catalog={"participants": csv("private")},
        parameters={"experiment": {"n_permutations": 7}},
    )
    (conf / "local/mlflow.yml").write_text("server: {mlflow_tracking_uri: 'http://ours'}\n")
    after = load(conf, environment)
    after.config_patterns["mlflow"] = ["mlflow*"]
    assert after["globals"] == {**before["globals"], "minimum_cell": 25}
    assert after["catalog"] == {**before["catalog"], "participants": csv("private")}
    assert after["parameters"]["disclosure"] == {"minimum_cell": 25}
    experiment = before["parameters"]["experiment"]
    assert after["parameters"]["experiment"] == {**experiment, "n_permutations": 7}
    assert after["mlflow"]["server"]["mlflow_tracking_uri"] == "http://ours"
    assert after["mlflow"]["tracking"]["experiment"]["name"] == "neurogenomics_kb"


def test_a_checkout_without_conf_local_loads(conf):
    shutil.rmtree(conf / "local")
    assert load(conf, "aomic").layers == ["aomic"]


@pytest.mark.parametrize("environment", [None, "aomic", "demo_null"])
def test_what_is_typed_lies_over_all_layers(conf, environment):
    write(conf, "local", parameters={"experiment": {"n_permutations": 7}})
    loader = load(conf, environment, experiment={"n_permutations": 3})
    assert loader["parameters"]["experiment"]["n_permutations"] == 3
    assert loader["parameters"]["experiment"]["outcome"]
    whole = {"id": "typed", "outcome": "y", "blocks": {"only": "this_v1"}}
    assert load(conf, environment, experiment=whole)["parameters"]["experiment"] == whole


def test_a_whole_experiment_replaces_the_parents(conf):
    whole = {"id": "e", "outcome": "y", "blocks": {"only": "this_v1"}}
    write(conf, "variant", globals={"parent": "demo", "cohort": "variant"},
          parameters={"experiment": whole})  # fmt: skip
    assert load(conf, "variant")["parameters"]["experiment"] == whole


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"collected": ["smri.freesurfr"]}, "'smri.freesurfr', did you mean 'smri.freesurfer'"),
        (
            {"collected": ["eeg"]},
            r"'eeg' is collected, and no catalog says where it is.*eeg.record",
        ),
        ({"parent": "dmo"}, "no environment 'dmo', did you mean 'demo'"),
        ({"parent": "mine"}, "environments are parents of one another: mine, mine"),
        ({"parent": "base"}, "'base' is no parent"),
        ({"parent": "local"}, "'local' is no parent"),
        ({"parent": ["demo"]}, r"\['demo'\] is no parent"),
        ({"collected": "participants"}, "expected a list, found 'participants'"),
        ({"collected": {"smri": True}}, "expected a list, found {'smri': True}"),
        ({"colected": ["smri"]}, "column 'colected': there is no such word, .*'collected'"),
        ({"Parent": "demo"}, "column 'Parent': there is no such word, .*'parent'"),
    ],
)
def test_faults_of_an_environment_are_one_line(conf, settings, words):
    write(conf, "mine", globals={"cohort": "mine", "experiment": "e", **settings})
    with pytest.raises(InputError, match=words) as error:
        load(conf, "mine")["catalog"]
    assert str(error.value).startswith("conf/mine/globals.yml, column '")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cohort: mine\n  bad: [\n", "Invalid YAML.*mine/globals.yml, unable to read line 1"),
        ("- a\n- b\n", "mine: a file here holds a list"),
    ],
)
def test_what_is_no_yaml_of_an_environment_is_one_line(conf, text, words):
    (conf / "mine").mkdir()
    (conf / "mine/globals.yml").write_text(text)
    with pytest.raises(InputError, match=words) as error:
        load(conf, "mine")["catalog"]
    assert "\n" not in str(error.value)


def test_an_environment_that_does_not_exist_is_named(conf):
    with pytest.raises(InputError, match="no environment 'aomc', did you mean 'aomic'"):
        load(conf, "aomc")


@pytest.mark.parametrize("environment", SHIPPED)
def test_no_shipped_environment_merely_negates(environment):
    """Entries that begin with an underscore are choices of an extract, made in globals.yml."""
    if environment == "base":
        return  # where entries without a standard place stand
    for file in (ROOT / "conf" / environment).glob("catalog/*.yml"):
        for name, entry in yaml.safe_load(file.read_text()).items():
            assert name.startswith("_") or ABSENT not in str(entry), (file, name)


def test_a_variant_repeats_no_catalog():
    for environment in ("demo_null", "demo_artefact"):
        settings = yaml.safe_load((ROOT / "conf" / environment / "globals.yml").read_text())
        assert settings["parent"] == "demo"
        assert not list((ROOT / "conf" / environment).glob("catalog*"))


@pytest.mark.parametrize("environment", [None, "local"])
def test_plugins_that_name_no_cohort_load_the_project(environment):
    """`kedro mlflow ui` opens a session of ``local``, `kedro viz` one without an environment."""
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env=environment) as session:
        context = session.load_context()
        assert context.mlflow.server.mlflow_tracking_uri.startswith("sqlite:///")
        assert context.catalog.get("participants").exists()


def test_kedro_viz_shows_the_demo_without_an_environment():
    from kedro_viz.integrations.kedro.data_loader import load_data

    catalog, pipelines, *_ = load_data(ROOT)
    assert {"integration", "simulation"} <= set(pipelines)
    assert catalog.get("kb") is not None
