from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.confounds import Censoring, ConfoundStrategy
from neurogenomics_kb.brain.connectivity import connectivity_features, denoise
from neurogenomics_kb.datasets import AtlasDataset, BidsImagesDataset, NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.fmri import create_pipeline
from neurogenomics_kb.pipelines.fmri.acquisition import tensor_of
from neurogenomics_kb.registry.cards import PreprocessingPipeline
from tests.brain.conftest import AFFINE, LABELS, SHAPE, label_image, save_bold
from tests.pipelines.modality_runs import check_persisted, run_pipeline

FRAMES, TR = 150, 2.0
ABSENT = NotCollected("fmri", "no such files")
STEPS = [
    {"step": "upstream", "what": "registration to MNI space", "space": "MNI152"},
    {"step": "drop_frames", "initial": 2},
    {"step": "average_parcels", "atlas": "Four", "parcels": 4},
    {"step": "detrend"},
    {"step": "filter", "high_pass_hz": 0.008, "low_pass_hz": 0.2},
    {"step": "censor", "max_fd_mm": 0.5, "min_usable_s": 200},
    {"step": "regress", "signals": ["wm_csf"]},
    {"step": "standardize"},
]


def recipe(steps=STEPS, features=("connectivity",)):
    card = PreprocessingPipeline.model_validate({"id": "card", "steps": steps})
    block = {"modality": "fmri", "features": list(features), "acquisition": "card"}
    return {
        "blocks": {"brain": block},
        "encoders": {},
        "acquisitions": {"card": card.model_dump(mode="json")},
    }


def make_confounds(rng, moving=()):
    table = pd.DataFrame(rng.normal(size=(FRAMES, 2)), columns=["csf", "white_matter"])
    table["framewise_displacement"] = [np.nan, *[0.1] * (FRAMES - 1)]
    table.loc[list(moving), "framewise_displacement"] = 2.0
    return table


@pytest.fixture
def cohort(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    nib.save(nib.Nifti1Image(label_image(), AFFINE), tmp_path / "atlas.nii.gz")
    (tmp_path / "atlas.tsv").write_text(LABELS)
    moving = {"sub-1": [40, 41], "sub-2": range(10, 80), "sub-3": range(2, FRAMES), "sub-4": []}
    series, confounds = {}, {}
    for subject, frames in moving.items():
        series[subject] = rng.normal(size=(FRAMES, 4)) + 100
        data = np.ones((*SHAPE, FRAMES), np.float32)
        for value in range(1, 5):
            data[label_image() == value] = series[subject][:, value - 1]
        name = f"{subject}_task-rest_space-MNI152NLin6Asym_desc-preproc_bold.nii.gz"
        save_bold(tmp_path / f"fmriprep/{subject}/func/{name}", data, TR)
        confounds[subject] = make_confounds(rng, frames)
    volumes = BidsImagesDataset(filepath="fmriprep", entities={"task": "rest"}).load()
    atlas = AtlasDataset(name="Four", filepath="atlas.nii.gz", labels="atlas.tsv").load()
    inputs = {
        "fmri.volumes": volumes,
        "fmri.atlas": atlas,
        "fmri.confounds": {s: (lambda c=c: c) for s, c in confounds.items()},
        "fmri.sidecar": {"RepetitionTime": TR},
        "recipe": recipe(features=["connectivity", "network", "covariance"]),
    }
    return inputs, {s: pd.DataFrame(x, columns=list("ABCD")) for s, x in series.items()}


def run(inputs, **parameters):
    settings = {"connectivity": {"n_jobs": 1}, **parameters}
    return run_pipeline(
        create_pipeline(), {"fmri.timeseries": ABSENT, **inputs}, {"fmri": settings}
    )


def test_images_become_features_as_the_card_says(cohort):
    inputs, series = cohort
    catalog = run(inputs)
    check_persisted(create_pipeline(), catalog)
    quality = catalog.load("fmri.quality")
    assert quality["reason"].to_dict() == {
        "sub-1": "",
        "sub-2": "mean framewise displacement above 0.5 mm; less than 200 s left after censoring",
        "sub-3": "mean framewise displacement above 0.5 mm; all frames censored",
        "sub-4": "",
    }
    assert quality["usable_s"].tolist() == [292, 156, 0, 296]
    features = catalog.load("fmri.features")
    assert features.index.tolist() == ["sub-1", "sub-4"]
    for subject in features.index:
        cleaned = denoise(
            series[subject].astype(np.float32).astype(float),
            inputs["fmri.confounds"][subject](),
            TR,
            nuisance=ConfoundStrategy(("wm_csf",)),
            censoring=Censoring(drop_initial=2, max_fd=0.5),
            high_pass=0.008,
            low_pass=0.2,
        )
        kinds = ["connectivity", "network", "covariance"]
        networks = {"A": "Vis", "B": "Vis", "C": "Def", "D": "Def"}
        wanted = connectivity_features(cleaned, kinds, networks=networks)
        for kind in kinds:
            ours = features.loc[subject].filter(like=f"fmri__{kind}__")
            np.testing.assert_allclose(ours, wanted[kind], atol=2e-4)
    names = [c for c in features if c.startswith("fmri__network__")]
    assert [c.split("__")[2] for c in names] == ["Def~Def", "Def~Vis", "Vis~Vis"]


def test_series_that_were_averaged_before_go_through_the_rest_of_the_card(cohort):
    inputs, series = cohort
    from_images = run(inputs).load("fmri.features")
    own = {s: (lambda x=x: x.astype(np.float32).astype(float)) for s, x in series.items()}
    given = run({**inputs, "fmri.timeseries": own, "fmri.volumes": ABSENT}).load("fmri.features")
    pd.testing.assert_frame_equal(from_images, given, atol=2e-4, rtol=0)


def change(steps, name, **fields):
    return [{**s, **fields} if s["step"] == name else s for s in steps]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (change(STEPS, "average_parcels", atlas="Gordon-333"), "atlas is 'Four'.*'Gordon-333'"),
        (change(STEPS, "average_parcels", parcels=400), "4 parcels, but card 'card' wants the 400"),
        (change(STEPS, "upstream", space="T1w"), "expects space-T1w, .* space-MNI152NLin6Asym"),
        (change(STEPS, "regress", signals=["motion"]), "sub-1: the signals motion cannot be taken"),
    ],
)
def test_images_that_contradict_the_card_are_refused(cohort, steps, message):
    with pytest.raises(Exception, match=message) as caught:
        run({**cohort[0], "recipe": recipe(steps)})
    cause = caught.value
    while not isinstance(cause, InputError):
        cause = cause.__cause__


def test_a_damaged_image_can_be_left_out(cohort):
    inputs, _ = cohort
    path = inputs["fmri.volumes"]["sub-4"].path
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(Exception, match=r"sub-4_.*truncated or damaged.*fmri.quality.exclude"):
        run(inputs)
    left = run(
        inputs, quality={"exclude": ["sub-4"]}
    ).load("fmri.features")  # fmt: skip
    assert left.index.tolist() == ["sub-1"]


def test_another_repetition_time_is_refused(cohort):
    with pytest.raises(Exception, match=r"the header says 2 s and the sidecar 0.8 s"):
        run({**cohort[0], "fmri.sidecar": {"RepetitionTime": 0.8}})


def test_volume_card_yields_a_scaled_tensor(cohort):
    inputs, _ = cohort
    steps = [
        {"step": "upstream", "what": "motion correction"},
        {"step": "drop_frames", "initial": 5},
        {"step": "smooth", "fwhm_mm": 5},
        {"step": "scale_tensor", "method": "global_zscore"},
    ]
    card = PreprocessingPipeline.model_validate({"id": "tensor", "steps": steps})
    tensor = tensor_of(inputs["fmri.volumes"]["sub-1"], TR, card)
    assert tensor.shape == (*SHAPE, FRAMES - 5)
    assert tensor.mean() == pytest.approx(0, abs=1e-4)
    parcels = PreprocessingPipeline.model_validate({"id": "parcels", "steps": STEPS})
    with pytest.raises(InputError, match="'parcels' yields series"):
        tensor_of(inputs["fmri.volumes"]["sub-1"], TR, parcels)
