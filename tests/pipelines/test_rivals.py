"""A model earns its place where it adds to every rival and to random weights, and only there."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.rivals.features import project_rival
from neurogenomics_kb.pipelines.smri import create_pipeline
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Experiment
from neurogenomics_kb.registry.recipe import Recipe, resolve_recipe
from tests.pipelines.conftest import make_recipe
from tests.pipelines.modality_runs import run_pipeline
from tests.pipelines.toy_encoders import SHAPE, pattern
from tests.pipelines.whole_run import run_whole

ROOT = Path(__file__).parents[2]
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


def draw(n=220, seed=0, *, image=0.0, tables=0.0):
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
    return whole(recipe, participants, change(smri_features(recipe, images, freesurfer)))


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
    assert (verdict.cohort, verdict.n_subjects, verdict.licence) == ("toy", 220, "CC0-1.0")
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


def whole(recipe, participants, features):
    raw = {"subject_id": "participant_id", "family_id": "family"}
    return run_whole(recipe, participants.reset_index().rename(columns=raw), {"smri": features})


@pytest.fixture(scope="module")
def carried(cards, tmp_path_factory):
    """The tables carry the outcome, and the images nothing: people, and features as made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("carried"))
        participants, images, freesurfer = draw(seed=1, tables=1.5)
        return participants, smri_features(resolve(cards), images, freesurfer)


def test_where_only_the_rival_carries_signal_nothing_is_shown(cards, carried, caplog):
    with caplog.at_level(logging.INFO):
        view, found = whole(resolve(cards), *carried)
    (verdict,) = view.models
    assert verdict.verdict.startswith(
        "not shown at this N (smallest difference that could have been seen: 0."
    )
    assert TABLES in verdict.reason
    assert 0 < verdict.smallest_difference < 0.3
    table = found["integration.rivals"].set_index("rival")
    assert (table.loc[[TABLES, "twins"], "p_raw"] > 0.05).all()
    assert view.metrics["rivals/brain/shown"] == 0.0
    assert f"rivals/linear/brain/over/{TABLES}/difference" in view.metrics
    # What it costs stands in the log before it is paid.
    told = [r.message for r in caplog.records if r.message.startswith("rivals: ")]
    assert told[0].startswith("rivals: 4 to compare with in 5 folds: 20 projections and 40 fits")
    assert "the first fold of the first took" in told[1]


@pytest.mark.slow
def test_a_model_that_repeats_its_rival_is_not_shown(cards):
    """It predicts well, and beats its twins; what it adds to the tables is little."""
    participants, images, freesurfer = draw(seed=2, image=1.3, tables=3.0)
    view, found = compete(resolve(cards, rivals={"seeds": 1}), (participants, images, freesurfer))
    (verdict,) = view.models
    assert verdict.verdict.startswith("not shown")
    assert verdict.reason == f"does not demonstrably add to {TABLES}"
    assert found["integration.rivals"].set_index("rival").loc["covariates", "p_raw"] < 0.01


def lost(features, people, columns=("thickness",)):
    """Features that some people do not have."""
    own = [c for c in features if c.split("__")[1] in columns]
    out = features.copy()
    out.loc[out.index[:people], own] = np.nan
    return out


def test_who_lacks_a_rival_gets_the_mean_and_stays(cards, carried):
    participants, features = carried
    recipe = resolve(cards, rivals={"seeds": 0})
    view, found = whole(recipe, participants, lost(features, 6))
    row = found["integration.rivals"].set_index("rival").loc[TABLES]
    assert (row["without"], row["not_told"]) == ("fewer than 10", "")
    assert view.n_subjects == len(participants)
    # Nobody was left out of the rival's model, and it still predicts.
    assert row["p_raw"] > 0.05


def test_too_many_without_a_rival_decide_nothing(cards):
    participants, images, freesurfer = draw(image=2.0)
    recipe = resolve(cards, rivals={"seeds": 1})
    view, found = compete(recipe, (participants, images, freesurfer), lambda f: lost(f, 40))
    (verdict,) = view.models
    assert verdict.verdict == "not told"
    assert verdict.reason == f"{TABLES}: 40 of 220 people have no features of {TABLES}"
    assert view.n_subjects == 220
    row = found["integration.rivals"].set_index("rival").loc[TABLES]
    assert np.isnan(row["p_raw"])
    assert np.isnan(row["p_adjusted"])
    assert any("not told, since smri_free" in line for line in view.findings)


@pytest.mark.slow
def test_a_rival_that_was_not_collected_decides_nothing(cards):
    participants, images, _ = draw(image=2.0)
    recipe = resolve(cards, rivals={"seeds": 1})
    view, _ = compete(recipe, (participants, images, ABSENT))
    (verdict,) = view.models
    assert verdict.verdict == "not told"
    assert verdict.reason == f"{TABLES}: smri features hold no thickness"


def test_without_twins_or_with_a_class_that_has_none_nothing_is_shown(tmp_path):
    registry = write_cards(tmp_path, "tests.pipelines.toy_encoders:Untwinned")
    drawn = draw(image=2.0)
    recipe = resolve(registry)
    assert [rival.kind for rival in recipe.rivals.values()] == ["rival"]
    view, _ = compete(recipe, drawn)
    (verdict,) = view.models
    assert verdict.verdict == "not told"
    assert "Untwinned' takes no option `random_weights`" in verdict.reason
    none = resolve(write_cards(tmp_path), rivals={"seeds": 0})
    assert none.no_twins == {"brain": "the experiment asks for none"}


@pytest.mark.parametrize(
    ("outcome", "metric"),
    [pytest.param("score", "r2", marks=pytest.mark.slow), ("group", "macro_auroc")],
)
def test_numbers_and_several_classes_have_rivals_too(cards, carried, outcome, metric):
    participants, features = carried
    recipe = resolve(cards, outcome="score", rivals={"seeds": 1, "algorithms": "all"},
                     algorithms=["linear", {"type": "xgboost", "n_estimators": 10}])  # fmt: skip
    if outcome == "group":
        recipe = recipe.model_copy(deep=True)
        columns = recipe.dataset.tables["participants"].columns
        columns["group"] = type(columns["age"])(name="group", type="category")
        third = pd.qcut(participants["score"], 3, labels=["a", "b", "c"]).astype(str)
        participants = participants.assign(group=third)
        recipe = recipe.model_copy(
            update={"experiment": recipe.experiment.model_copy(update={"outcome": "group"})}
        )
    view, found = whole(recipe, participants, features)
    table = found["integration.rivals"]
    assert set(table["metric"]) == {metric}
    assert set(table["algorithm"]) == {"linear", "xgboost"}
    assert table["p_raw"].between(0, 1).all()
    (verdict,) = view.models
    assert verdict.verdict.startswith("not shown")
    tiers = found["integration.tests"].set_index("test")["tier"]
    assert tiers[f"brain adds to {TABLES}, linear"] == "secondary"
    assert tiers[f"brain adds to {TABLES}, xgboost"] == "exploratory"


def test_one_line_switches_rivals_off(cards, carried):
    recipe = resolve(cards, rivals=False)
    assert recipe.rivals == {}
    assert list(recipe.encoders) == ["looker"]
    view, found = whole(recipe, *carried)
    assert found["integration.rivals"].empty
    assert view.models == []
    assert not [s for s in view.sections if s.id == "rivals"]


def test_there_are_none_without_a_prediction(cards):
    assert resolve(cards, analyses=["audit"]).rivals == {}


def test_a_rival_is_adjusted_as_its_block_is(cards):
    recipe = resolve(cards)
    rival = recipe.rivals[TABLES]
    assert [step.step for step in rival.strategy.preprocessing] == [
        "impute", "residualize", "zscore",
    ]  # fmt: skip
    assert rival.strategy.confounds == ["age", "sex", "site"]
    assert recipe.confounds == ["age", "sex", "site"]
    again = Recipe.model_validate_json(recipe.model_dump_json())
    assert again.rivals == recipe.rivals
    assert again.encoders["looker_random_2"]["random_weights"] == 2
    assert again.weights_licences == {"looker": "CC0-1.0"}


def test_a_rival_can_be_what_a_run_is_made_for(cards, carried):
    primary = [{"test": "adds to the rival", "block": "brain", "rival": "twins"}]
    recipe = resolve(cards, rivals={"seeds": 1}, primary=primary)
    _, found = whole(recipe, *carried)
    tests = found["integration.tests"]
    assert tests.loc[tests["tier"] == "primary", "test"].tolist() == ["brain adds to twins, linear"]
    with pytest.raises(ValueError, match="needs rivals in analyses"):
        resolve(cards, rivals=False, primary=primary)
    with pytest.raises(InputError, match=r"with twins.*Compared are brain with smri_f"):
        resolve(cards, rivals={"seeds": 0}, primary=primary)


@pytest.mark.parametrize(
    ("rivals", "words"),
    [
        ({"rivals": ["smri_free_surfers"]}, "smri_free_surfers"),
        ({"seeds": -1}, "greater than or equal to 0"),
        ({"algorithms": "some"}, "'first' or 'all'"),
    ],
)
def test_bad_settings_are_one_line(cards, rivals, words):
    with pytest.raises(ValueError, match=words):
        resolve(cards, rivals=rivals)


def test_a_rival_of_a_modality_without_an_encoder_is_refused():
    experiment = Experiment(
        id="e", blocks={"gene": "genetics_gene_kmer_pca512_v1"}, outcome="mdd_diagnosis",
        analyses=["prediction"], rivals={"rivals": ["eeg_bandpower_v1"]},
    )  # fmt: skip
    with pytest.raises(InputError, match="is of eeg, and no block of eeg has an encoder"):
        resolve_recipe(experiment, Registry(ROOT / "kb"), "demo")


def test_whoever_lacks_a_rival_stands_at_the_training_mean(cards, carried):
    participants, features = carried
    recipe = resolve(cards)
    gaps = features.copy()
    gaps.iloc[3:9] = np.nan
    cohort = participants.loc[gaps.index]
    train = np.arange(0, 200, 2)
    own = gaps[[c for c in gaps if "__thickness__" in c]]
    values = project_rival(recipe, TABLES, cohort, own, train)
    assert np.isfinite(values).all()
    known = np.setdiff1d(train, np.arange(3, 9))
    np.testing.assert_allclose(values[3:9], np.tile(values[known].mean(axis=0), (6, 1)), atol=1e-12)
    # Nothing of the others is learned from: a test person's values change no other row.
    other = own.copy()
    other.iloc[201] += 5
    again = project_rival(recipe, TABLES, cohort, other, train)
    np.testing.assert_array_equal(np.delete(again, 201, axis=0), np.delete(values, 201, axis=0))
    assert not np.allclose(again[201], values[201])


def test_a_rival_that_cannot_be_fitted_ends_no_run(cards, carried, caplog):
    participants, features = carried
    same = features.copy()
    same[[c for c in features if "__thickness__" in c]] = 2.5
    view, found = whole(resolve(cards, rivals={"seeds": 0}), participants, same)
    row = found["integration.rivals"].set_index("rival").loc[TABLES]
    assert row["not_told"] == "it cannot be fitted here, as the log says"
    assert any("none of 6 features differs" in r.getMessage() for r in caplog.records)
    assert view.models[0].verdict.startswith("not shown")


@pytest.mark.slow
@pytest.mark.parametrize(
    "folds",
    [
        {"scheme": "temporal", "column": "age", "cut": 65},
        {"scheme": "stratified", "n_splits": 3, "n_repeats": 2},
    ],
)
def test_later_enrolments_and_repeats_have_rivals_too(cards, carried, folds):
    _, found = whole(resolve(cards, folds=folds, rivals={"seeds": 1}), *carried)
    table = found["integration.rivals"]
    assert table["p_raw"].between(0, 1).all()
    assert (table["smallest_difference"] > 0).all()
    against = found["integration.comparisons"].set_index(["model", "reference"])
    row = table.set_index("rival").loc["covariates"]
    for name in ("difference", "p_raw", "df"):
        assert row[name] == against.loc[("brain + covariates", "covariates"), name]
    assert (table["df"] == row["df"]).all()
