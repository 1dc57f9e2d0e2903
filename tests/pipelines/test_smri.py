from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.validation.exceptions import ParameterValidationError

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.pipelines.smri import create_pipeline
from tests.pipelines.modality_runs import check_persisted, run_pipeline

NO_ENCODER = {"blocks": {}, "encoders": {}}
ABSENT = NotCollected(modality="smri", reason="no scanner")


@pytest.fixture
def run_modality(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return run_pipeline


@pytest.fixture
def raw():
    freesurfer = pd.DataFrame(
        {
            "thickness__lh_cuneus": [2.4, 2.5, np.nan, 2.6],
            "volume__lh_cuneus": [3000, 3100, 3200, 3300],
            "etiv": [1.5e6, 1.4e6, 1.6e6, 1.3e6],
        },
        index=pd.Index(["s1", "s2", "s3", "s4"], name="subject_id"),
    )
    euler = pd.DataFrame(
        {
            "participant_id": ["s3", "s1", "s2", "s5"],
            "euler_lh": [-50.0, -100.0, -400.0, -30.0],
            "euler_rh": [-40.0, -90.0, -300.0, -20.0],
        }
    )
    return {"smri.freesurfer": freesurfer, "smri.euler": euler, "recipe": NO_ENCODER}


def test_features_and_quality(raw, run_modality):
    catalog = run_modality(create_pipeline(), raw)
    check_persisted(create_pipeline(), catalog)
    quality = catalog.load("smri.quality")
    assert quality.columns.tolist() == ["euler_number", "etiv", "included", "reason"]
    assert quality["reason"].to_dict() == {
        "s1": "",
        "s2": "mean Euler number below -217",
        "s3": "",
        "s4": "",
        "s5": "no FreeSurfer tables",
    }
    features = catalog.load("smri.features")
    assert features.index.tolist() == ["s1", "s3", "s4"]
    assert features.columns.tolist() == ["smri__thickness__lh_cuneus", "smri__volume__lh_cuneus"]
    assert features["smri__volume__lh_cuneus"].tolist() == [3000.0, 3200.0, 3300.0]


def test_subject_without_euler_number_can_be_dropped(raw, run_modality):
    changes = {"smri": {"quality": {"missing_euler": "drop"}}}
    quality = run_modality(create_pipeline(), raw, changes).load("smri.quality")
    assert quality.loc["s4", "reason"] == "no Euler number"


def test_cohort_without_euler_numbers_keeps_everybody(raw, run_modality):
    changes = {"smri": {"quality": {"missing_euler": "drop"}}}
    catalog = run_modality(create_pipeline(), raw | {"smri.euler": ABSENT}, changes)
    quality = catalog.load("smri.quality")
    assert quality.columns.tolist() == ["etiv", "included", "reason"]
    assert quality["included"].all()
    assert len(catalog.load("smri.features")) == 4


def test_cohort_without_smri_gives_empty_tables(run_modality):
    inputs = {"smri.freesurfer": ABSENT, "smri.euler": ABSENT, "recipe": NO_ENCODER}
    catalog = run_modality(create_pipeline(), inputs)
    check_persisted(create_pipeline(), catalog)
    for name in ("smri.features", "smri.quality"):
        assert catalog.load(name).shape == (0, 0)
        assert catalog.load(name).index.name == "subject_id"


def test_subjects_fail_for_every_reason_at_once(raw, run_modality):
    changes = {"smri": {"quality": {"exclude": ["s2"]}}}
    quality = run_modality(create_pipeline(), raw, changes).load("smri.quality")
    assert quality.loc["s2", "reason"] == "mean Euler number below -217; excluded by hand"


def test_misspelt_parameter_is_refused(raw, run_modality):
    with pytest.raises(ParameterValidationError, match="min_euler"):
        run_modality(create_pipeline(), raw, {"smri": {"quality": {"min_euler": -217}}})


def test_image_quality_is_kept_and_limits_are_applied(raw, run_modality):
    table = pd.DataFrame(
        {
            "bids_name": ["s1", "s2", "s3"],
            "participant_id": ["s1", "s2", "s3"],
            "cjv": [0.3, 0.4, 0.9],
            "cnr": [4.0, 3.0, 1.0],
            "efc": 0.5,
            "snr_total": 12.0,
        }
    ).drop(columns="bids_name")
    inputs = raw | {"smri.group_image_quality": table}
    changes = {"image_limits": {"cjv": {"max": 0.6}}, "missing_image_quality": "drop"}
    quality = run_modality(create_pipeline(), inputs, {"smri": {"quality": changes}}).load(
        "smri.quality"
    )
    assert quality.loc["s1", "t1w_cnr"] == 4.0
    assert quality["reason"].to_dict() == {
        "s1": "",
        "s2": "mean Euler number below -217",
        "s3": "t1w_cjv above 0.6",
        "s4": "no image quality metrics",
        "s5": "no FreeSurfer tables; no image quality metrics",
    }


def test_limits_must_be_limits(raw, run_modality):
    changes = {"smri": {"quality": {"image_limits": {"cjv": {"min": 0.6, "max": 0.5}}}}}
    with pytest.raises(ParameterValidationError, match="above max"):
        run_modality(create_pipeline(), raw, changes)
