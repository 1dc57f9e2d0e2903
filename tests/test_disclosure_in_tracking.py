"""What goes to the tracking server is checked: attempts to smuggle subjects must end the run."""

from __future__ import annotations

import mlflow
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro_datasets.json import JSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import CSVDataset, ParquetDataset
from kedro_datasets.text import TextDataset
from matplotlib.figure import Figure

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.hooks import Tracking

IDS = [f"sub-{i:04d}" for i in range(60)]


@pytest.fixture
def tracking(tmp_path):
    """The hook with a cohort, a catalog, and an open MLflow run."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = mlflow.create_experiment("x", artifact_location=str(tmp_path / "artifacts"))
    catalog = DataCatalog(
        {
            "integration.cohort": ParquetDataset(filepath=str(tmp_path / "cohort.parquet")),
            "params:disclosure": MemoryDataset({"minimum_cell": 10}),
            "metrics": JSONDataset(
                filepath=str(tmp_path / "metrics.json"), metadata={"mlflow": {"metrics": True}}
            ),
            "report": TextDataset(
                filepath=str(tmp_path / "report.html"), metadata={"mlflow": {"artifact": "report"}}
            ),
            "table": CSVDataset(
                filepath=str(tmp_path / "table.csv"), metadata={"mlflow": {"artifact": "tables"}}
            ),
            "named": TextDataset(
                filepath=str(tmp_path / "sub-0007_report.html"),
                metadata={"mlflow": {"artifact": "report"}},
            ),
            "figure": MatplotlibDataset(
                filepath=str(tmp_path / "figure.png"), metadata={"mlflow": {"artifact": "figures"}}
            ),
        }
    )
    catalog.save("integration.cohort", pd.DataFrame({"age": 40.0}, index=IDS))
    hook = Tracking()
    hook.after_catalog_created(catalog)

    def save(name, data):
        catalog.save(name, data)
        hook.after_dataset_saved(name, data)

    with mlflow.start_run(experiment_id=experiment) as run:
        yield save, run.info.run_id
    mlflow.set_tracking_uri(before)


def logged(run_id):
    client = mlflow.MlflowClient()
    files = [f.path for f in client.list_artifacts(run_id)]
    return client.get_run(run_id).data.metrics, files


def draw(label):
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], label=label)
    axes.legend()
    return figure


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("metrics", {"auroc.sub-0003": 0.7}, "identifier"),
        ("metrics", {f"m{i}": i / 60 for i in range(60)}, "60 entries for 60 subjects"),
        ("metrics", {"site_a.n_cases": 4.0}, "counts 4 subjects"),
        ("metrics", {"age.max": 81.37}, "extreme given exactly"),
        ("report", "<p>see sub-0042</p>", "identifier"),
        ("report", "<p>see <b>SUB&#45;42</b></p>", "identifier"),
        ("report", "<td>3</td><td>cases</td> <p>and 4\n<i>people</i> stayed", "says '4 people'"),
        ("table", pd.DataFrame({"site": ["a", "b"], "n_cases": [40, 3]}), "counts 3 subjects"),
        ("table", pd.DataFrame({"sub_0007": [0.5]}), "identifier"),
        ("table", pd.DataFrame({"detail": ["as 2 women said"]}), "says '2 women'"),
        ("named", "<p>nothing</p>", "file name of named holds a subject identifier"),
        ("figure", "sub-0001", "identifier"),
    ],
)
def test_smuggling_is_refused_and_nothing_is_logged(tracking, name, data, words):
    save, run_id = tracking
    with pytest.raises(InputError, match=words):
        save(name, draw(data) if name == "figure" else data)
    assert logged(run_id) == ({}, [])


def test_aggregates_are_logged(tracking):
    save, run_id = tracking
    save("metrics", {"auroc.fusion": 0.7, "n_subjects": 60.0, "age.max": 81.0})
    save("report", "<p>60 subjects</p>")
    save("figure", draw("fusion"))
    metrics, files = logged(run_id)
    assert metrics == {"auroc.fusion": 0.7, "n_subjects": 60.0, "age.max": 81.0}
    assert sorted(files) == ["figures", "report"]
