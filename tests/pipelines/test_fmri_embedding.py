"""Brain encoders inside the fMRI pipeline, with tiny models of the real architectures."""

from __future__ import annotations

import nibabel
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.brain.confounds import Censoring, ConfoundStrategy
from neurogenomics_kb.brain.connectivity import NUISANCE
from neurogenomics_kb.brain.denoising import denoise
from neurogenomics_kb.brain.embeddings import read_embeddings
from neurogenomics_kb.brain.encoders import load_brain_encoder
from neurogenomics_kb.brain.pooling import inverse_fd_weights
from neurogenomics_kb.datasets import EmbeddingsDataset, NiftiDataset, NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.fmri import create_pipeline
from tests.brain.tiny_models import PARCELS, save_brain_jepa, save_brainlm, save_swift, spec_of
from tests.pipelines.modality_runs import check_persisted, merge, run_pipeline

ABSENT = NotCollected(modality="fmri", reason="no scanner")
SEGMENTS = [
    {"level": "segment", "pooling": "cls", "frames": 32, "stride": 16},
    {"level": "run", "pooling": "inverse_fd", "min_low_motion": 0.5, "max_fd": 0.3},
    {"level": "subject", "pooling": "mean"},
]
TOKENS = [{"level": level, "pooling": "mean"} for level in ("token", "run", "subject")]


def strategy(encoder, levels, modality="fmri"):
    return {"modality": modality, "encoder": encoder, "levels": levels}


def make_run(seed, fd=0.2, n_frames=130):
    rng = np.random.default_rng(seed)
    signals = 100 + np.cumsum(rng.normal(size=(n_frames, PARCELS)), axis=0)
    confounds = pd.DataFrame(rng.normal(size=(n_frames, len(NUISANCE))), columns=list(NUISANCE))
    moves = np.broadcast_to(fd, n_frames - 1)
    confounds["framewise_displacement"] = [np.nan, *moves]
    return pd.DataFrame(signals, columns=[f"P{i}" for i in range(PARCELS)]), confounds


@pytest.fixture
def run_modality(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(inputs, parameters=None):
        alone = {"fmri": {"connectivity": {"n_jobs": 1}}}
        return run_pipeline(create_pipeline(), inputs, merge(alone, parameters or {}))

    return run


@pytest.fixture
def brainlm(tmp_path):
    return spec_of("brainlm", save_brainlm(tmp_path / "brainlm"))


@pytest.fixture
def runs():
    return {
        "sub-1": make_run(1, np.linspace(0.05, 0.25, 129)),
        "sub-2": make_run(2, 0.4),  # passes quality control, and no segment has low motion
        "sub-3": make_run(3, [0.1, 0.7] * 64 + [0.1]),  # half of the frames censored
        "sub-4": make_run(4, 0.8),  # fails quality control
    }


@pytest.fixture
def raw(runs, brainlm):
    return {
        "fmri.timeseries": {s: (lambda t=t: t) for s, (t, _) in runs.items()},
        "fmri.confounds": {s: (lambda c=c: c) for s, (_, c) in runs.items()},
        "fmri.sidecar": {"RepetitionTime": 1.47},
        "recipe": {
            "blocks": {
                "brain": strategy("brainlm", SEGMENTS),
                "gene": strategy("caduceus", [], "genomics"),
            },
            "encoders": {"brainlm": brainlm, "caduceus": {"type": "caduceus", "weights": "none"}},
        },
    }


def test_a_strategy_runs_from_series_to_features(raw, runs, brainlm, run_modality):
    catalog = run_modality(raw)
    check_persisted(create_pipeline(), catalog)
    quality = catalog.load("fmri.quality")
    assert quality["reason"].to_dict() == {
        "sub-1": "",
        "sub-2": "brainlm: fewer than 50% of segments with low motion",
        "sub-3": "brainlm: less than 120 s of usable frames",
        "sub-4": "mean framewise displacement above 0.5 mm",
    }
    features = catalog.load("fmri.features")
    own = [c for c in features if c.startswith("fmri__brainlm__")]
    assert own == [f"fmri__brainlm__d{i}" for i in range(16)]
    assert features.index.tolist() == ["sub-1"]
    assert sum(c.startswith("fmri__connectivity__") for c in features) == PARCELS * 11 // 2
    # The vector, step by step: frames twice as often, windows of 32 every 16, weights by motion.
    encoder = load_brain_encoder(brainlm)
    ready = encoder.prepare(runs["sub-1"][0], 1.47)
    assert ready.n_frames == 260
    starts = range(0, 260 - 32 + 1, 16)
    vectors = encoder.embed([ready.cut(a, a + 32) for a in starts])
    fd = runs["sub-1"][1]["framewise_displacement"].to_numpy()
    weights = inverse_fd_weights([np.nanmean(fd[a // 2 : a // 2 + 16]) for a in starts])
    np.testing.assert_allclose(features.loc["sub-1", own], weights @ vectors, atol=1e-6)
    note = catalog.load("fmri.encoding")["brainlm"]
    assert (note["origin"], note["recorded_tr_s"], note["tr_s"]) == ("computed", 1.47, 0.735)
    assert (note["subjects"], note["subjects_embedded"]) == (3, 1)
    assert note["runs_dropped"] == {
        "fewer than 50% of segments with low motion": 1,
        "less than 120 s of usable frames": 1,
    }
    assert note["segments_used"] == 15
    assert 0 < note["distance_to_uniform_mean"] < 1


def test_without_an_encoder_nothing_changes(raw, run_modality):
    raw["recipe"]["blocks"].pop("brain")
    catalog = run_modality(raw)
    assert catalog.load("fmri.encoding") == {}
    features = catalog.load("fmri.features")
    assert features.index.tolist() == ["sub-1", "sub-2", "sub-3"]
    assert all("connectivity" in c for c in features)


def test_two_encoders_stand_side_by_side(raw, run_modality, tmp_path):
    raw["recipe"]["blocks"]["jepa"] = strategy("brain_jepa", TOKENS)
    raw["recipe"]["encoders"]["brain_jepa"] = spec_of("brain_jepa", save_brain_jepa(tmp_path / "j"))
    catalog = run_modality(raw)
    features = catalog.load("fmri.features")
    assert {c.split("__")[1] for c in features} == {"connectivity", "brainlm", "brain_jepa"}
    assert catalog.load("fmri.encoding")["brain_jepa"]["tr_s"] == pytest.approx(2.205)


def test_two_blocks_that_cut_one_encoder_differently_are_refused(raw, run_modality):
    raw["recipe"]["blocks"]["other"] = strategy("brainlm", TOKENS)
    with pytest.raises(InputError, match="block 'other' prepares or pools 'brainlm' otherwise"):
        run_modality(raw)


def test_pooling_of_card_and_model_must_agree(raw, run_modality):
    raw["recipe"]["encoders"]["brainlm"]["pooling"] = "mean"
    with pytest.raises(InputError, match="strategy pools tokens by cls, the model card by mean"):
        run_modality(raw)


def test_missing_repetition_time_is_refused(raw, run_modality):
    for sidecar in ({}, ABSENT):
        with pytest.raises(InputError, match="repetition time is missing"):
            run_modality(raw | {"fmri.sidecar": sidecar})


def test_confounds_of_another_run_are_refused(raw, runs, run_modality):
    short = runs["sub-1"][1].iloc[:-1]
    raw["fmri.confounds"]["sub-1"] = lambda: short
    with pytest.raises(InputError, match=r"confounds of sub-1: 129 rows, but .* 130 frames"):
        run_modality(raw)


CARD = {
    "id": "card",
    "steps": [
        {"step": "drop_frames", "initial": 3},
        {"step": "average_parcels", "atlas": "Schaefer-400", "parcels": 400},
        {"step": "filter", "high_pass_hz": 0.01, "low_pass_hz": 0.1},
        {"step": "censor", "max_fd_mm": 0.24, "min_usable_s": 100},
        {"step": "regress", "signals": ["motion"], "motion": "basic"},
        {"step": "standardize"},
    ],
}


def test_series_go_through_the_preprocessing_card(raw, runs, brainlm, run_modality):
    raw["recipe"]["blocks"]["brain"]["acquisition"] = "card"
    raw["recipe"]["acquisitions"] = {"card": CARD}
    raw["fmri.confounds"]["sub-3"] = lambda: runs["sub-3"][1].assign(framewise_displacement=1.0)
    wide = {"fmri": {"quality": {"max_mean_fd": 2.0}}}
    catalog = run_modality(raw, wide)
    series, confounds = runs["sub-1"]
    strategy = ConfoundStrategy(signals=("motion",), motion="basic")
    censoring = Censoring(drop_initial=3, max_fd=0.24)
    cleaned = denoise(
        series, confounds, 1.47, nuisance=strategy, censoring=censoring, detrend=False,
        high_pass=0.01, low_pass=0.1,
    )  # fmt: skip
    assert 100 < len(cleaned) < 127
    whole = cleaned.reindex(range(3, 130)).interpolate().to_numpy()
    encoder = load_brain_encoder(brainlm)
    ready = encoder.prepare(pd.DataFrame(whole, columns=series.columns), 1.47)
    starts = range(0, ready.n_frames - 32 + 1, 16)
    vectors = encoder.embed([ready.cut(a, a + 32) for a in starts])
    fd = confounds["framewise_displacement"].to_numpy()[3:]
    fd = np.array([np.nan, *fd[1:]])
    weights = inverse_fd_weights([np.nanmean(fd[a // 2 : a // 2 + 16]) for a in starts])
    own = catalog.load("fmri.features").filter(regex="^fmri__brainlm__").loc["sub-1"]
    np.testing.assert_allclose(own, weights @ vectors, atol=2e-5)
    note = catalog.load("fmri.encoding")["brainlm"]
    assert (note["acquisition"], note["rules"]["min_seconds"]) == ("card", 100)
    reasons = catalog.load("fmri.quality")["reason"]
    assert reasons["sub-3"] == "brainlm: all frames censored"


def test_a_card_of_the_other_kind_is_refused(raw, run_modality):
    raw["recipe"]["blocks"]["brain"]["acquisition"] = "card"
    steps = [{"step": "scale_tensor"}]
    raw["recipe"]["acquisitions"] = {"card": {"id": "card", "steps": steps}}
    with pytest.raises(InputError, match="card 'card' yields tensor, encoder 'brainlm' reads par"):
        run_modality(raw)


def test_runs_of_a_subject_become_one_vector(raw, runs, brainlm, run_modality):
    names = {"sub-1_run-1": "sub-1", "sub-1_run-2": "sub-3", "sub-2_run-1": "sub-4"}
    for kind in ("fmri.timeseries", "fmri.confounds"):
        raw[kind] = {name: raw[kind][old] for name, old in names.items()}
    wide = {"fmri": {"embedding": {"min_seconds": 0}}}
    raw["recipe"]["blocks"]["brain"]["levels"] = [
        {"level": "segment", "pooling": "cls", "frames": 40},
        {"level": "run", "pooling": "mean"},
        {"level": "subject", "pooling": "mean"},
    ]
    catalog = run_modality(raw, wide)
    quality = catalog.load("fmri.quality")
    assert quality.index.tolist() == ["sub-1", "sub-2"]
    assert quality["reason"].tolist() == ["", "mean framewise displacement above 0.5 mm"]
    assert quality.loc["sub-1", "n_frames"] == 260
    assert catalog.load("fmri.encoding")["brainlm"]["runs"] == 2
    assert "fmri__brainlm__d0" in catalog.load("fmri.features")


def test_imported_embeddings_take_the_encoders_place(raw, run_modality, tmp_path):
    folder = tmp_path / "embeddings"
    (folder / "brainmt").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = [(s, "1", str(i), 0.1 * (i + 1)) for s in ("sub-1", "sub-2") for i in range(2)]
    table = pd.DataFrame(rows, columns=["subject", "run", "segment", "fd"])
    table[["d0", "d1"]] = rng.normal(size=(4, 2))
    table.to_parquet(folder / "brainmt" / "part-0.parquet")
    (folder / "notes.txt").write_text("made elsewhere")
    raw["fmri.embeddings"] = EmbeddingsDataset(path=str(folder)).load()
    raw["recipe"]["blocks"] = {"brain": strategy("brainmt", SEGMENTS)}
    raw["recipe"]["encoders"] = {"brainmt": {"type": "imported"}}
    catalog = run_modality(raw)
    features = catalog.load("fmri.features")
    values = read_embeddings(folder / "brainmt").vectors.astype(float)
    own = features[["fmri__brainmt__d0", "fmri__brainmt__d1"]]
    np.testing.assert_allclose(own.loc["sub-1"], (2 * values[0] + values[1]) / 3)
    reasons = catalog.load("fmri.quality")["reason"]
    assert reasons["sub-3"] == "brainmt: no imported embedding"
    assert catalog.load("fmri.encoding")["brainmt"]["origin"] == "imported from brainmt"
    del raw["fmri.embeddings"]
    with pytest.raises(InputError, match="imported and not computed"):
        run_modality(raw)


def test_volumes_are_read_from_images(raw, runs, run_modality, tmp_path):
    volumes = {}
    for number, subject in enumerate(("sub-1", "sub-2")):
        values = np.random.default_rng(number).normal(100, 10, (16, 16, 16, 130))
        made = nibabel.Nifti1Image(values.astype(np.float32), np.diag([2, 2, 2, 1]))
        made.header.set_zooms((2, 2, 2, 1.47))
        made.header.set_xyzt_units("mm", "sec")
        dataset = NiftiDataset(filepath=str(tmp_path / f"{subject}.nii.gz"))
        dataset.save(made)
        volumes[subject] = dataset.load
    swift = spec_of("swift", save_swift(tmp_path / "swift"))
    raw["recipe"] = {
        "blocks": {
            "brain": strategy("swift", [
                {"level": "segment", "pooling": "mean", "frames": 6, "stride": 6, "max_fd": 0.3},
                {"level": "run", "pooling": "mean", "min_low_motion": 0.5},
                {"level": "subject", "pooling": "mean"},
            ])
        },
        "encoders": {"swift": swift},
    }  # fmt: skip
    with pytest.raises(InputError, match=r"encoder 'swift' reads volumes, and the cohort has none"):
        run_modality(raw)
    raw["fmri.volumes"] = volumes
    raw["fmri.timeseries"] = ABSENT  # a cohort of volumes alone
    raw["fmri.confounds"] = {s: raw["fmri.confounds"][s] for s in volumes}
    catalog = run_modality(raw)
    features = catalog.load("fmri.features")
    assert features.columns.tolist() == [f"fmri__swift__d{i}" for i in range(16)]
    assert features.index.tolist() == ["sub-1"]
    quality = catalog.load("fmri.quality")
    assert quality.loc["sub-2", "reason"] == "swift: fewer than 50% of segments with low motion"
    assert quality.loc["sub-1", "mean_fd"] == pytest.approx(0.15)
    encoder = load_brain_encoder(swift)
    ready = encoder.prepare(volumes["sub-1"](), 1.47)
    wanted = encoder.embed([ready.cut(a, a + 6) for a in range(0, 125, 6)]).mean(axis=0)
    np.testing.assert_allclose(features.loc["sub-1"], wanted, atol=1e-6)
    # A card that scales as the model does gives the same, without smoothing.
    raw["recipe"]["blocks"]["brain"]["acquisition"] = "tensor"
    raw["recipe"]["acquisitions"] = {
        "tensor": {"id": "tensor", "steps": [{"step": "scale_tensor"}]}
    }
    again = run_modality(raw).load("fmri.features")
    np.testing.assert_allclose(again, features, atol=1e-4)


def test_broken_images_and_folders_are_named(tmp_path):
    (tmp_path / "x.nii.gz").write_text("no image")
    with pytest.raises(DatasetError, match="not a NIfTI image"):
        NiftiDataset(filepath=str(tmp_path / "x.nii.gz")).load()
    with pytest.raises(DatasetError, match="the image is missing"):
        NiftiDataset(filepath=str(tmp_path / "y.nii.gz")).load()
    with pytest.raises(DatasetError, match="folder of embeddings is missing"):
        EmbeddingsDataset(path=str(tmp_path / "nowhere")).load()
    for name in ("swift.pt", "swift.h5"):
        (tmp_path / name).touch()
    with pytest.raises(DatasetError, match="several embeddings of 'swift'"):
        EmbeddingsDataset(path=str(tmp_path)).load()


def test_twins_go_over_the_same_runs_and_leave_nobody_out(raw, brainlm, run_modality, caplog):
    plain = run_modality(raw).load("fmri.quality")
    raw["recipe"]["rivals"] = {
        "twin": strategy("brainlm_random_0", SEGMENTS),
        "cheap": {"modality": "fmri", "features": ["coskewness"], "encoder": None},
    }
    raw["recipe"]["encoders"]["brainlm_random_0"] = {**brainlm, "random_weights": 0}
    with caplog.at_level("INFO"):
        catalog = run_modality(raw)
    pd.testing.assert_frame_equal(catalog.load("fmri.quality"), plain)
    features = catalog.load("fmri.features")
    assert features.index.tolist() == ["sub-1"]
    own, twin = (
        features[[c for c in features if c.startswith(f"fmri__{name}__")]].to_numpy()
        for name in ("brainlm", "brainlm_random_0")
    )
    assert own.shape == twin.shape == (1, 16)
    assert np.isfinite(twin).all()
    assert not np.allclose(own, twin, atol=1e-2)
    assert sum(c.startswith("fmri__coskewness__") for c in features) == PARCELS * 13 // 2
    notes = catalog.load("fmri.encoding")
    assert notes["brainlm_random_0"]["weights"] != notes["brainlm"]["weights"]
    told = [r.message for r in caplog.records if "twins" in r.message]
    assert "1 twins with random weights each go over the runs of 3 subjects once more" in told[0]
    assert "brainlm took" in told[1]


def test_an_encoder_that_is_imported_here_has_no_twin(raw, run_modality, tmp_path):
    folder = tmp_path / "embeddings" / "brainlm"
    folder.mkdir(parents=True)
    rows = [(s, "1", str(i), 0.1, float(i)) for s in ("sub-1", "sub-2") for i in range(2)]
    table = pd.DataFrame(rows, columns=["subject", "run", "segment", "fd", "d0"])
    table.to_parquet(folder / "part-0.parquet")
    raw["fmri.embeddings"] = EmbeddingsDataset(path=str(folder.parent)).load()
    raw["recipe"]["rivals"] = {"twin": strategy("brainlm_random_0", SEGMENTS)}
    spec = {"type": "brainlm", "weights": "nowhere"}
    raw["recipe"]["encoders"] = {"brainlm": spec, "brainlm_random_0": {**spec, "random_weights": 0}}
    catalog = run_modality(raw)
    groups = {c.split("__")[1] for c in catalog.load("fmri.features")}
    assert groups == {"connectivity", "brainlm"}
