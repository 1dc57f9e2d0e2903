"""An effect of 0 leaves no trace by a side road, and the truth says what was planted."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.simulate import Effects, SimulationSettings, simulate_cohort
from neurogenomics_kb.simulate.people import brain_axis, draw_income, standardise

QUALITY = 0.05


def simulate(n_subjects=600, **effects):
    settings = {"n_subjects": n_subjects, "n_frames": 60, "seed": 5}
    return simulate_cohort(SimulationSettings(**settings, effects=Effects(**effects)))


def correlation(a, b):
    return np.corrcoef(np.asarray(a, dtype=float), np.asarray(b, dtype=float))[0, 1]


def motion_with_age(cohort):
    """Correlation of mean displacement with age, among those who kept still enough."""
    age = cohort.participants.set_index("participant_id")["age"]
    motion = {s: t["framewise_displacement"].mean() for s, t in cohort.confounds.items()}
    still = [s for s, fd in motion.items() if fd < 0.5]
    return correlation([motion[s] for s in still], age.loc[still])


def missing_ratio(cohort):
    """Missing calls of the last batch relative to the others, without failed samples."""
    missing = (cohort.genotypes[:, :, 0] < 0).mean(axis=0)
    table = cohort.participants.set_index("participant_id").loc[cohort.samples]
    last, fine = table["sequencing_batch"].eq("B3").to_numpy(), missing < QUALITY
    return missing[fine & last].mean() / missing[fine & ~last].mean()


def test_motion_does_not_follow_age_without_its_effect():
    assert motion_with_age(simulate()) > 0.2
    assert abs(motion_with_age(simulate(age=0))) < 0.12


def test_income_does_not_follow_age_without_its_effect():
    # Drawn for thousands, since the tie is weak.
    age, liability = np.linspace(42, 80, 4000), np.zeros(4000)
    income = {
        years: draw_income(np.random.default_rng(1), liability, age, Effects(age=years))
        for years in (0.0, 1.0)
    }
    answered = ~np.isnan(income[1.0])
    assert correlation(income[1.0][answered], age[answered]) < -0.07
    assert abs(correlation(income[0.0][answered], age[answered])) < 0.05


def test_batches_miss_as_much_without_their_effect():
    assert missing_ratio(simulate()) > 2
    assert 0.8 < missing_ratio(simulate(batch=0)) < 1.25


def test_a_strong_batch_effect_leaves_the_batch_usable():
    assert missing_ratio(simulate(batch=4)) == pytest.approx(missing_ratio(simulate()), rel=0.3)


@pytest.mark.parametrize(("multiplier", "planted"), [(0.0, 0.0), (1.0, 0.75), (3.0, 0.95)])
def test_truth_states_the_correlation_that_is_planted(multiplier, planted):
    cohort = simulate(n_subjects=80, gene_brain=multiplier)
    assert cohort.truth["gene_brain_correlation"] == planted
    gene = standardise(np.random.default_rng(2).normal(size=4000))
    effects = Effects(gene_brain=multiplier)
    brain = brain_axis(np.random.default_rng(3), gene, np.arange(4000), effects)
    assert correlation(gene, brain) == pytest.approx(planted, abs=0.05)
