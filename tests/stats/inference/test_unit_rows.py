from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.simulate.violations import Violation, simulate_violation
from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.inference.features import feature_tests
from neurogenomics_kb.stats.inference.held_out import held_out_test
from neurogenomics_kb.stats.inference.multiset import multiset_test
from neurogenomics_kb.stats.inference.residual_space import HuhJhun, independent_design
from neurogenomics_kb.stats.inference.spaces import project_rows
from neurogenomics_kb.stats.inference.unit_rows import unit_rows


@pytest.fixture
def design():
    return independent_design(np.random.default_rng(0).normal(size=(90, 5)), 90)


@pytest.mark.parametrize("columns", [5, 30])
def test_directions_have_length_one_and_hold_no_confound(design, columns):
    rng = np.random.default_rng(columns)
    A = design @ rng.normal(size=(6, columns)) + rng.normal(size=(90, columns)) * rng.exponential(
        size=(90, 1)
    ).clip(0.2)
    rows = unit_rows(A, design)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(design.T @ rows, 0, atol=1e-3)


def test_the_direction_of_one_column_is_a_sign(design):
    """Least absolute deviations pass through as many rows as there are confounds."""
    rows = unit_rows(np.random.default_rng(1).normal(size=(90, 1)), design)
    assert np.abs(rows).max() <= 1 + 1e-9
    assert (np.abs(rows) < 1 - 1e-6).sum() <= design.shape[1]


def test_the_scale_of_a_row_is_gone_and_its_direction_is_not():
    rng = np.random.default_rng(3)
    A, scale = rng.normal(size=(40, 4)), rng.exponential(size=(40, 1)) + 0.1
    nothing = np.empty((40, 0))
    plain = A / np.sqrt((A**2).mean(axis=0))
    expected = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    np.testing.assert_allclose(unit_rows(A, nothing), expected)
    scaled = A * scale / np.sqrt(((A * scale) ** 2).mean(axis=0))
    np.testing.assert_allclose(
        unit_rows(A * scale, nothing), scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    )


def test_a_column_that_the_confounds_explain_stays_empty(design):
    A = np.column_stack([design[:, 2], np.random.default_rng(1).normal(size=(90, 3))])
    rows = unit_rows(A, design)
    assert not rows[:, 0].any()
    assert not project_rows(HuhJhun(design), A, unit=True)[:, 0].any()


def rates(settings: Violation, cohorts: int, **options) -> tuple[float, float]:
    """False positives of the first component and of the held-out correlation."""
    found = []
    for seed in range(cohorts):
        drawn = simulate_violation(settings, seed)
        Z = np.column_stack([drawn.age, drawn.male, np.eye(4)[drawn.site][:, 1:]])
        families = None if max(settings.family_sizes) == 1 else drawn.family
        shared = {"confounds": Z, "n_permutations": 39, "random_state": seed,
                  "n_components": 1, "blocks": families, **options}  # fmt: skip
        folds = drawn.family % 5
        held_out = 1.0
        if options:
            held_out = held_out_test(drawn.x, drawn.y, folds, **shared).p_values[0]
        found.append((permutation_cca(drawn.x, drawn.y, **shared).p_values[0], held_out))
    return tuple((np.array(found) <= 0.05).mean(axis=0))


@pytest.mark.parametrize(
    "settings",
    [
        Violation(site_scales=(0.5, 1, 2, 4)),
        Violation(tails=3),
        Violation(family_sizes=(1, 1, 2, 3, 4, 8), likeness=(0.2, 0.95)),
    ],
    ids=["sites", "t3", "families"],
)
def test_shared_scale_rejects_too_often_and_rows_of_one_length_do_not(settings):
    """Rates of 1,000 cohorts stand in the calibration table; here the difference is enough."""
    plain, _ = rates(settings, 40)
    unit, held_out = rates(settings, 40, unit_rows=True)
    bound = 0.175  # 40 exact tests at 0.05 exceed this once in 700
    assert unit <= bound
    assert held_out <= bound
    assert plain > unit


def test_one_scale_of_a_blocks_columns_does_not_matter(design):
    rng = np.random.default_rng(8)
    A = rng.normal(size=(90, 3))
    np.testing.assert_allclose(
        unit_rows(A, design), unit_rows(A * [1.0, 50.0, 0.02], design), atol=1e-6
    )


@pytest.mark.parametrize("test", ["cca", "held out", "features", "multiset"])
def test_every_test_of_axes_takes_the_setting(test):
    """The setting is the same as to bring the rows to one length beforehand."""
    drawn = simulate_violation(Violation(site_scales=(0.25, 0.5, 4, 8)), 5)
    Z = np.column_stack([drawn.age, drawn.male, np.eye(4)[drawn.site][:, 1:]])
    design, folds = independent_design(Z, 150), np.arange(150) % 5
    run = {
        "cca": lambda *two, **o: permutation_cca(*two[:2], **o).correlations,
        "held out": lambda *two, **o: held_out_test(*two[:2], folds, **o).correlations,
        "features": lambda *two, **o: feature_tests(*two[:2], folds, **o).x_loadings,
        "multiset": lambda *all_, **o: multiset_test(dict(zip("abc", all_, strict=True)), **o).null,
    }[test]
    tables = (drawn.x[:, :3], drawn.y, drawn.x[:, 3:])
    options = {"confounds": Z, "n_permutations": 19, "n_components": 1, "random_state": 0}
    before = run(*(unit_rows(A, design) for A in tables), **options)
    np.testing.assert_allclose(run(*tables, unit_rows=True, **options), before, atol=1e-6)
    assert not np.allclose(run(*tables, **options), before, atol=1e-3)


@pytest.mark.parametrize("confounds", [0, 4])
def test_tiles_of_columns_give_the_same_rows(monkeypatch, confounds):
    rng = np.random.default_rng(confounds)
    A = rng.normal(size=(60, 23)) * rng.uniform(0.3, 3, size=(60, 1))
    design = np.column_stack([np.ones(60), rng.normal(size=(60, 3))])[:, :confounds]
    if confounds:
        A[:, 9] = design @ rng.normal(size=confounds)
    whole = unit_rows(A, design)
    monkeypatch.setattr(
        "neurogenomics_kb.stats.inference.unit_rows.tiles",
        lambda p, n: [slice(i, min(i + 7, p)) for i in range(0, p, 7)],
    )
    np.testing.assert_allclose(unit_rows(A, design), whole, atol=1e-12)
