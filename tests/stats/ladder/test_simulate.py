"""Cohorts of the ladder hold what their equations say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import periodogram
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.simulate.ladder import (
    additive,
    one_linear_one_absolute,
    product_of_axes,
    repetition_times,
    shared_latent,
    sparse_motif,
    structured_missingness,
)

TABULAR = {
    "additive": additive,
    "absolute": one_linear_one_absolute,
    "product": product_of_axes,
    "shared": shared_latent,
    "motif": sparse_motif,
    "missing": structured_missingness,
}


def halves(X, y):
    """AUROC in the second half of a logistic regression of the first."""
    cut = len(y) // 2
    model = LogisticRegression(C=0.1).fit(X[:cut], y[:cut])
    return roc_auc_score(y[cut:], model.decision_function(X[cut:]))


@pytest.mark.parametrize("name", TABULAR)
@pytest.mark.parametrize("seed", [2, 3])
def test_blocks_have_one_index_names_by_the_grammar_and_families_in_odd_seeds(name, seed):
    cohort = TABULAR[name](seed=seed)
    again = TABULAR[name](seed=seed)
    gene, brain = cohort.blocks["gene"], cohort.blocks["brain"]
    assert gene.index.equals(brain.index)
    assert gene.index.name == "subject_id"
    assert len(gene) == len(cohort.y)
    assert set(cohort.y) == {0, 1}
    for block in cohort.blocks.values():
        assert len(units_of(block.columns)) >= 8
    assert np.array_equal(gene, again.blocks["gene"])
    assert (cohort.groups is not None) == bool(seed % 2)
    if cohort.groups is None:
        return
    sizes = np.bincount(cohort.groups)
    assert set(sizes[sizes > 0]) == {1, 2, 3, 4}
    # Brothers and sisters are alike, other people are not.
    value = gene.to_numpy()
    kin = np.flatnonzero(np.diff(cohort.groups) == 0)
    alike = np.mean([np.corrcoef(value[i], value[i + 1])[0, 1] for i in kin])
    others = np.mean([np.corrcoef(value[i], value[i - 40])[0, 1] for i in kin if i > 40])
    assert 0.35 < alike < 0.6
    assert abs(others) < 0.1


def test_an_absolute_value_and_a_product_escape_a_line():
    cohort = one_linear_one_absolute(n=4000, seed=2)
    brain, gene = cohort.blocks["brain"].to_numpy(), cohort.blocks["gene"].to_numpy()
    assert abs(halves(brain, cohort.y) - 0.5) < 0.04
    assert halves(np.abs(brain), cohort.y) > 0.7
    assert halves(gene, cohort.y) > 0.6
    cohort = product_of_axes(n=4000, seed=2)
    gene, brain = cohort.blocks["gene"].to_numpy(), cohort.blocks["brain"].to_numpy()
    assert halves(np.hstack([gene, brain]), cohort.y) < 0.58
    assert halves(gene[:, :1] * brain[:, :1], cohort.y) > 0.72


def test_an_additive_outcome_is_linear_and_no_effect_is_none():
    cohort = additive(n=4000, seed=2)
    both = np.hstack([block.to_numpy() for block in cohort.blocks.values()])
    assert 0.77 < halves(both, cohort.y) < 0.85
    null = additive(n=4000, effect=0.0, seed=2)
    both = np.hstack([block.to_numpy() for block in null.blocks.values()])
    assert abs(halves(both, null.y) - 0.5) < 0.04


def correlation(cohort, change):
    """Largest canonical correlation of the unlabelled with one block changed, ridge 0.1."""
    gene, brain = (block.to_numpy() for block in cohort.unlabelled.values())
    white = []
    for X in (change(gene), brain):
        Z = (X - X.mean(axis=0)) / X.std(axis=0)
        root = np.linalg.cholesky(Z.T @ Z / len(Z) + 0.1 * np.eye(Z.shape[1]))
        white.append(np.linalg.solve(root, Z.T).T)
    return np.linalg.norm(white[0].T @ white[1] / len(gene), 2)


def test_blocks_share_latents_by_a_line_or_only_by_squares():
    linear, squared = shared_latent(seed=2), shared_latent(seed=2, link="squared")
    assert correlation(linear, np.array) > 0.5
    assert correlation(squared, np.array) < 0.4  # what 3,700 pairs give by chance
    with pytest.raises(InputError, match="link='cubic'"):
        shared_latent(link="cubic")


def test_no_relative_of_a_person_with_an_outcome_is_among_the_unlabelled():
    cohort = shared_latent(seed=5)
    assert not set(cohort.groups) & set(cohort.unlabelled_groups)
    assert 300 <= len(cohort.y) <= 303
    assert len(cohort.y) + len(cohort.unlabelled["gene"]) == 4000
    assert len(cohort.unlabelled_groups) == len(cohort.unlabelled["brain"])


def test_one_token_of_a_person_carries_the_motif():
    cohort = sparse_motif(seed=2)
    tokens = cohort.blocks["brain"].to_numpy().reshape(2000, 32, 8)
    sign = 2 * cohort.y - 1
    component = np.abs((tokens.mean(axis=1) * sign[:, None]).mean(axis=0)).argmax()
    along = tokens[:, :, component] * sign[:, None]
    # Moved by 3 in one of 32 places, everywhere equally often.
    assert abs(along.mean() * 32 - 3) < 0.2
    assert along.mean(axis=0).std() < 0.04
    assert abs((along > 2.5).sum(axis=1).mean() - (0.69 + 31 * 0.0062)) < 0.06


def test_only_missingness_tells_the_outcome():
    cohort = structured_missingness(n=4000, seed=2)
    there = cohort.present["brain"]
    assert np.array_equal(cohort.blocks["brain"].isna().any(axis=1), ~there)
    assert abs(roc_auc_score(cohort.y, ~there) - 0.65) < 0.025
    assert abs(halves(cohort.blocks["gene"].to_numpy(), cohort.y) - 0.5) < 0.04
    complete = cohort.blocks["brain"][there].to_numpy()
    assert abs(halves(complete, cohort.y[there]) - 0.5) < 0.05


def test_the_rhythm_that_tells_is_in_hertz():
    cohort = repetition_times(n=120, seed=2)
    assert set(cohort.tr) == {0.8, 2.0}
    assert {len(s) for s in cohort.series} == {600, 240}
    assert all(len(set(cohort.tr[cohort.site == s])) == 1 for s in range(4))
    ratio, peaks = [], []
    for series, tr in zip(cohort.series, cohort.tr, strict=True):
        f, power = periodogram(series, fs=1 / tr, axis=0)
        slow, fast = (power[abs(f - at) < 0.01].sum(axis=0) for at in (0.04, 0.10))
        ratio.append(np.log(slow / fast).mean())
        peaks.append(power[(f > 0.15) & (f < 0.25)].mean())
    ratio, peaks = np.array(ratio), np.array(peaks)
    assert roc_auc_score(cohort.y, ratio) > 0.7
    # Noise has one power per Hertz at both repetition times.
    assert abs(np.log(peaks[cohort.tr == 2].mean() / peaks[cohort.tr == 0.8].mean())) < 0.15
