from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import NotCollected, TractTablesDataset
from neurogenomics_kb.pipelines.dmri import create_pipeline
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.stats.prediction.folds import make_folds
from tests.pipelines.conftest import make_cohort, make_recipe
from tests.pipelines.modality_runs import PROJECT, check_persisted, run_pipeline

ABSENT = NotCollected(modality="dmri", reason="no scanner")
TABLES = {"FA": "fa.csv", "MD": "md.csv"}


@pytest.fixture
def tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fa.csv").write_text("subjectID,GCC,CST-L\n01,0.5,0.6\n02,0.4,\n03,0.45,0.5\n")
    (tmp_path / "md.csv").write_text("subjectID,GCC\n01,7e-4\n02,8e-4\n03,7e-4\n")
    return tmp_path


def test_features_and_quality(tables):
    tracts = TractTablesDataset(filepath=str(tables), tables=TABLES).load()
    motion = pd.DataFrame({"participant_id": ["01", "02"], "FD_mean": [0.2, 1.4]})
    changes = {"image_metrics": ["FD_mean"], "image_limits": {"FD_mean": {"max": 1.0}}}
    catalog = run_pipeline(
        create_pipeline(),
        {"dmri.tracts": tracts, "dmri.group_image_quality": motion},
        {"dmri": {"quality": changes}},
    )
    check_persisted(create_pipeline(), catalog)
    quality = catalog.load("dmri.quality")
    assert quality["n_missing_tracts"].tolist() == [0, 1, 0]
    assert quality["reason"].tolist() == ["", "dwi_fd_mean above 1", ""]
    features = catalog.load("dmri.features")
    assert features.index.tolist() == ["01", "03"]
    assert features.columns.tolist() == ["dmri__fa__GCC", "dmri__fa__CST-L", "dmri__md__GCC"]


def test_motion_alone_is_a_covariate(tables):
    motion = pd.DataFrame({"participant_id": ["01", "02"], "FD_mean": [0.2, 1.4]})
    inputs = {"dmri.tracts": ABSENT, "dmri.group_image_quality": motion}
    changes = {"dmri": {"quality": {"image_metrics": ["FD_mean"]}}}
    catalog = run_pipeline(create_pipeline(), inputs, changes)
    assert catalog.load("dmri.quality")["dwi_fd_mean"].tolist() == [0.2, 1.4]
    assert catalog.load("dmri.features").shape == (0, 0)


def test_cohort_without_diffusion_gives_empty_tables(tables):
    catalog = run_pipeline(create_pipeline(), {})
    for name in ("dmri.features", "dmri.quality"):
        assert catalog.load(name).shape == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "tall"}, "layout: 'tall' is none of wide, long, idp"),
        ({"layout": "wide"}, "'wide' and `tables` belong together"),
        ({"layout": "long"}, "'long' and `columns` belong together"),
    ],
)
def test_wrong_catalog_entries(options, message):
    with pytest.raises(DatasetError, match=message):
        TractTablesDataset(filepath="x", **options)


def test_other_subjects_in_another_metric_are_refused(tables):
    (tables / "md.csv").write_text("subjectID,GCC\n01,7e-4\n02,8e-4\n04,7e-4\n")
    with pytest.raises(DatasetError) as error:
        TractTablesDataset(filepath=str(tables), tables=TABLES).load()
    assert "does not hold the subjects of fa.csv: 03, 04" in str(error.value.__cause__)


def test_one_file_for_two_metrics_is_refused(tables):
    with pytest.raises(DatasetError) as error:
        TractTablesDataset(filepath=str(tables), tables={"FA": "fa.csv", "MD": "fa.csv"}).load()
    assert "'tracts' lists fa.csv twice" in str(error.value.__cause__)


def test_strategy_runs_in_the_folds():
    card = Registry(PROJECT / "kb").runnable(
        "dmri_tract_means_single_site_v1", "embedding_strategy"
    )
    recipe = make_recipe()
    recipe = recipe.model_copy(update={"blocks": {"tracts": card}})
    participants, *_ = make_cohort(n=80)
    rng = np.random.default_rng(0)
    names = [f"dmri__{m}__T{i}" for m in ("fa", "md") for i in range(10)]
    tracts = pd.DataFrame(rng.normal(size=(80, 20)), participants.index, names)
    tracts.iloc[3, 2] = np.nan
    folds = make_folds(participants["diagnosis"], scheme="stratified", n_splits=4, seed=0)
    projections, summary = project_blocks(recipe, participants, {"tracts": tracts}, folds)
    assert set(summary["dim"]) == {6}  # 60 training subjects, ten for each dimension
    assert projections["tracts-adjusted-0"].notna().all(axis=None)
