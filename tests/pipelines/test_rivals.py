"""A model earns its place where it adds to every rival and to random weights, and only there."""

from __future__ import annotations

import logging
from functools import partial

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.smri import create_pipeline
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Experiment
from neurogenomics_kb.registry.recipe import Recipe, resolve_recipe
from tests.pipelines.conftest import make_recipe
from tests.pipelines.modality_runs import run_pipeline
from tests.pipelines.toy_encoders import SHAPE, pattern
from tests.pipelines.whole_run import run_whole

ABSENT = NotCollected(modality="smri", reason="not needed")
STEPS = [
    {"step": "impute"},
    {"step": "zscore"},
    {"step": "residualize", "confounds": ["age", "sex", "site"], "optional": ["income"]},
]
TABLES = "smri_free_surfer_pca512_v1"


def write_cards(folder, encoder="tests.pipelines.toy_encoders:LearnedProjection"):
    """Knowledge base of the toy cohort, with an encoder of T1 volumes and its usual rival."""
    kb = folder / "kb"
    for name in ("model_cards", "integration_cards", "datasets"):
        (kb / name).mkdir(parents=True, exist_ok=True)
    model = {
        "id": "looker", "title": "One layer", "modality": "smri", "spec": {"type": encoder},
        "weights_license": {"value": "CC0-1.0", "source": "https://example.org/looker"},
        "pretraining_cohorts": {"cohorts": [], "reason": "a pattern of ours",
                                "source": "https://example.org/looker"},
    }  # fmt: skip
    strategy = {
        "title": "T1 volumes through one layer", "modality": "smri", "encoder": "looker",
        "preprocessing": STEPS, "projector": {"type": "pca", "dim": 4},
    }  # fmt: skip
    tables = {
        "title": "Tables", "modality": "smri", "features": ["thickness"],
        "preprocessing": [{"step": "impute"}, {"step": "etiv", "method": "residual"},
                          {"step": "zscore"}],
        "projector": {"type": "pca", "dim": 6},
    }  # fmt: skip
    toy = make_recipe().dataset.model_dump(mode="json", exclude_unset=True)
    dump = {
        "model_cards/looker.yaml": model,
        "integration_cards/embedding_strategies.yaml": {"looked_at": strategy, TABLES: tables},
        "integration_cards/harmonization_methods.yaml": {
            "none_baseline": {"title": "Nothing", "method": "none"}
        },
        "datasets/toy.yaml": {"title": "Toy", **toy},
    }
    for name, body in dump.items():
        (kb / name).write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    return Registry(kb)


def resolve(registry, **experiment) -> Recipe:
    settings = {
        "id": "test", "blocks": {"brain": "looked_at"}, "outcome": "diagnosis",
        "folds": {"scheme": "stratified_grouped", "n_splits": 5, "group": "family_id"},
        "exchangeability": "family_id", "analyses": ["prediction"], "algorithms": ["linear"],
        **experiment,
    }  # fmt: skip
    return resolve_recipe(Experiment(**settings), registry, "toy")


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    return write_cards(tmp_path_factory.mktemp("cards"))


def draw(n=260, seed=0, *, image=0.0, tables=0.0):
    """People, their images and FreeSurfer tables, with the liability in one of them."""
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"sub-{i:03d}" for i in range(n)], name="subject_id")
    axis = rng.normal(size=n)
    noise = rng.normal(size=(n, *SHAPE))
    volumes = noise + image * axis[:, None, None, None] * pattern()
    regions = rng.normal(size=(n, 6)) + tables * axis[:, None]
    age = rng.uniform(40, 80, n)
    liability = 3 * axis + 0.02 * (age - 60) + rng.normal(size=n)
    participants = pd.DataFrame(
        {
            "age": age,
            "sex": rng.choice(["F", "M"], n),
            "site": rng.choice(["north", "south"], n),
            "income": rng.integers(1, 6, n).astype(float),
            "family_id": [f"f{i // 2 if i < 40 else i}" for i in range(n)],
            "diagnosis": (liability > np.median(liability)).astype(int),
            "score": liability,
        },
        index=ids,
    )
    freesurfer = pd.DataFrame(
        2.5 + regions / 10, index=ids, columns=[f"thickness__lh_r{i}" for i in range(6)]
    ).assign(etiv=1.5e6 + rng.normal(size=n))
    images = {
        f"{s}/anat/{s}_T1w.nii.gz": partial(nib.Nifti1Image, v.astype(np.float32), np.eye(4))
        for s, v in zip(ids, volumes, strict=True)
    }
    return participants, images, freesurfer


def smri_features(recipe, images, freesurfer):
    """Features as the structural pipeline makes them for blocks and rivals."""
    catalog = run_pipeline(
        create_pipeline(),
        {"smri.freesurfer": freesurfer, "smri.euler": ABSENT, "smri.volumes": images,
         "recipe": recipe},
    )  # fmt: skip
    return catalog.load("smri.features")


def compete(recipe, drawn, change=lambda features: features):
    """The whole run: view of the report, and every table."""
    participants, images, freesurfer = drawn
    features = change(smri_features(recipe, images, freesurfer))
    raw = {"subject_id": "participant_id", "family_id": "family"}
    return run_whole(recipe, participants.reset_index().rename(columns=raw), {"smri": features})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def learned(cards, tmp_path_factory):
    """The encoder learned the direction that the outcome lies on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("learned"))
        return compete(resolve(cards), draw(image=2.0))


def test_what_was_learned_is_shown(learned):
    view, found = learned
    table = found["integration.rivals"].set_index("rival")
    seeds = {f"looker_random_{i}" for i in range(3)}
    assert set(table.index) == {"covariates", TABLES, "twins", *seeds}
    assert (table["difference"] > 0.1).all()
    claims = table[table["p_adjusted"].notna()]
    assert sorted(claims.index) == [TABLES, "twins"]
    # The twins stand for the seed that the block adds least surely to.
    seeds = table[table["kind"] == "twin"]
    assert table.loc["twins", "p_raw"] == seeds["p_raw"].max()
    (verdict,) = view.models
    assert (verdict.model, verdict.verdict) == ("looker", "shown")
    assert (verdict.cohort, verdict.n_subjects, verdict.licence) == ("toy", 260, "CC0-1.0")
    assert verdict.smallest_difference == claims["smallest_difference"].max() or (
        verdict.smallest_difference == table.loc["covariates", "smallest_difference"]
    )
    assert any(line.startswith("Model looker of block brain: shown") for line in view.findings)
    tests = found["integration.tests"].set_index("test")
    for rival in (TABLES, "twins"):
        row = tests.loc[f"brain adds to {rival}, linear"]
        assert (row["source"], row["tier"], row["standing"]) == (
            "adds to the rival", "secondary", "stands",
        )  # fmt: skip
