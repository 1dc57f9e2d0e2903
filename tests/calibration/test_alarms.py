"""The audit's alarms as kinds of the suite."""

from __future__ import annotations

import pytest

from neurogenomics_kb.calibration.alarms import (
    ALARM,
    SILENT,
    OutcomeBlock,
    audit_alarms,
    named_block,
    proxy_alarms,
)
from neurogenomics_kb.calibration.cohorts import CohortSettings
from neurogenomics_kb.simulate.outcome_blocks import DiffuseBlock, SymptomScales


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (SymptomScales(auc=0.95), ALARM),
        (SymptomScales(auc=0.80), ALARM),
        (DiffuseBlock(auc=0.975), SILENT),
        (DiffuseBlock(auc=0.90), SILENT),
    ],
)
def test_scales_are_named_and_a_diffuse_block_is_not(block, said):
    settings = OutcomeBlock(block)
    for seed in range(3):
        [found] = proxy_alarms(settings, seed, n_permutations=199).values()
        assert found == said
    named, auc = named_block(settings, 0, n_permutations=199)
    assert named == (said == ALARM)
    assert auc > 0.65


def test_a_clean_cohort_raises_no_alarm_and_undeclared_families_do():
    clean = CohortSettings(n=150, confounding=0.0)
    assert audit_alarms(clean, 0, n_permutations=199) == {"warning: audit, any alarm": SILENT}
    families = CohortSettings(n=150, confounding=0.0, family_sizes=(2, 3, 4))
    undeclared = {"exchangeability": None, "folds": {"scheme": "stratified", "n_splits": 5}}
    found = audit_alarms(families, 0, n_permutations=199, **undeclared)
    assert found == {"warning: audit, any alarm": ALARM}
