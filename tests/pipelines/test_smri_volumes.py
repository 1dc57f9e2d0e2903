from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml
from kedro_datasets.partitions import PartitionedDataset

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.pipelines.smri import create_pipeline
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.stats.prediction.folds import make_folds
from tests.pipelines.conftest import make_cohort, make_recipe
from tests.pipelines.modality_runs import check_persisted, run_pipeline

ABSENT = NotCollected(modality="smri", reason="no scanner")
MODEL = {
    "id": "tiny_cnn",
    "title": "Two convolutions",
    "modality": "smri",
    "spec": {"type": "tests.pipelines.tiny_t1:TinyCnn", "channels": 6, "shape": [16, 16, 16]},
    "pretraining_cohorts": {
        "cohorts": [],
        "reason": "random weights",
        "source": "https://example.org/tiny-cnn",
    },
}
STRATEGY = {
    "smri_tiny_cnn": {
        "title": "T1 volumes through a tiny network",
        "modality": "smri",
        "encoder": "tiny_cnn",
        "preprocessing": [
            {"step": "impute"},
            {"step": "zscore"},
            {"step": "residualize", "confounds": ["age", "sex"]},
        ],
        "projector": {"type": "pca", "dim": 4},
    }
}


@pytest.fixture
def cards(tmp_path):
    kb = tmp_path / "kb"
    for folder in ("model_cards", "integration_cards"):
        (kb / folder).mkdir(parents=True)
    (kb / "model_cards/tiny_cnn.yaml").write_text(yaml.safe_dump(MODEL))
    (kb / "integration_cards/embedding_strategies.yaml").write_text(yaml.safe_dump(STRATEGY))
    registry = Registry(kb)
    assert registry.validate() == []
    return registry


@pytest.fixture
def recipe(cards):
    recipe = make_recipe()
    strategy = cards.runnable("smri_tiny_cnn", "embedding_strategy")
    model = cards.runnable(strategy.encoder, "model")
    update = {"blocks": {"brain": strategy}, "encoders": {model.id: model.spec}}
    return recipe.model_copy(update=update)


def write_images(folder, names, shape=(18, 20, 18)):
    rng = np.random.default_rng(0)
    for name in names:
        path = folder / name / "anat" / f"{name}_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(rng.normal(100, 9, shape).astype(np.float32), np.eye(4)), path)


def load_images(folder):
    return PartitionedDataset(
        path=str(folder),
        filename_suffix="_T1w.nii.gz",
        dataset="neurogenomics_kb.datasets.NiftiDataset",
    ).load()


def run(folder, recipe, monkeypatch, tmp_path, *, freesurfer=ABSENT, **embedding):
    monkeypatch.chdir(tmp_path)
    return run_pipeline(
        create_pipeline(),
        {
            "smri.freesurfer": freesurfer,
            "smri.euler": ABSENT,
            "smri.volumes": load_images(folder),
            "recipe": recipe,
        },
        {"smri": {"embedding": embedding}} if embedding else None,
    )


def test_encoder_of_a_laboratory_runs_from_its_card(recipe, tmp_path, monkeypatch):
    participants, *_ = make_cohort(n=60)
    write_images(tmp_path / "bids", participants.index)
    catalog = run(tmp_path / "bids", recipe, monkeypatch, tmp_path)
    check_persisted(create_pipeline(), catalog)
    features = catalog.load("smri.features")
    assert features.columns.tolist() == [f"smri__tiny_cnn__d{i}" for i in range(6)]
    assert features.index.tolist() == sorted(participants.index)
    notes = catalog.load("smri.encoding")["tiny_cnn"]
    assert (notes["shape"], notes["subjects"], notes["scaling"]) == ([16, 16, 16], 60, "volume")
    folds = make_folds(participants["diagnosis"], scheme="stratified", n_splits=3, seed=0)
    blocks = {"brain": features.loc[participants.index]}
    projections, summary = project_blocks(recipe, participants, blocks, folds)
    assert set(summary["dim"]) == {4}
    assert projections["brain-adjusted-0"].shape == (60, 4)


def test_tables_and_volumes_stand_side_by_side(recipe, tmp_path, monkeypatch):
    write_images(tmp_path / "bids", ["sub-01", "sub-02"])
    tables = pd.DataFrame(
        {"thickness__lh_cuneus": [2.0, 2.1, 2.2], "etiv": 1.5e6},
        index=pd.Index(["sub-01", "sub-02", "sub-03"], name="subject_id"),
    )
    catalog = run(tmp_path / "bids", recipe, monkeypatch, tmp_path, freesurfer=tables)
    quality = catalog.load("smri.quality")
    assert quality["reason"].tolist() == ["", "", "no T1 volume"]
    features = catalog.load("smri.features")
    assert features.shape == (2, 7)
    assert features.notna().all(axis=None)


def test_unusable_volume_ends_the_run_or_is_counted(recipe, tmp_path, monkeypatch):
    write_images(tmp_path / "bids", ["sub-01", "sub-02"])
    path = tmp_path / "bids/sub-02/anat/sub-02_T1w.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((18, 18, 18), np.float32), np.eye(4)), path)
    with pytest.raises(InputError, match="T1 volume of sub-02: the image has no contrast"):
        run(tmp_path / "bids", recipe, monkeypatch, tmp_path)
    catalog = run(tmp_path / "bids", recipe, monkeypatch, tmp_path, unreadable="exclude")
    assert catalog.load("smri.quality")["reason"].tolist() == ["", "T1 volume cannot be used"]
    assert catalog.load("smri.features").index.tolist() == ["sub-01"]


def test_batches_change_nothing(recipe, tmp_path, monkeypatch):
    write_images(tmp_path / "bids", [f"sub-{i:02d}" for i in range(5)])
    one = run(tmp_path / "bids", recipe, monkeypatch, tmp_path, batch=1).load("smri.features")
    two = run(tmp_path / "bids", recipe, monkeypatch, tmp_path, batch=4).load("smri.features")
    pd.testing.assert_frame_equal(one, two, rtol=1e-5)


def test_two_images_of_a_subject_are_refused(recipe, tmp_path, monkeypatch):
    write_images(tmp_path / "bids", ["sub-01"])
    folder = tmp_path / "bids/sub-01/anat"
    (folder / "sub-01_run-2_T1w.nii.gz").write_bytes((folder / "sub-01_T1w.nii.gz").read_bytes())
    with pytest.raises(InputError, match="'sub-01' has more than one T1 volume"):
        run(tmp_path / "bids", recipe, monkeypatch, tmp_path)


def test_encoder_without_volumes_is_refused(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inputs = {"recipe": recipe, "smri.freesurfer": ABSENT}
    with pytest.raises(InputError, match="'tiny_cnn' reads T1 volumes, and the cohort has none"):
        run_pipeline(create_pipeline(), inputs | {"smri.euler": ABSENT})
