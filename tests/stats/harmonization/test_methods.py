"""What each method does beyond ComBat."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.interpolate import BSpline

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.harmonization import (
    ComBat,
    ComBatGAM,
    CovBat,
    LongitudinalComBat,
    SiteUnlearning,
)
from neurogenomics_kb.stats.harmonization.random_intercept import fit_random_intercept
from neurogenomics_kb.stats.harmonization.smooth import SmoothDesign, fit_penalised, roughness
from tests.stats.harmonization.conftest import FAST, FEATURES, make_table, seen_by

pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than 30 subjects")


def bent(n=300, seed=0):
    """Sites of different ages, and an age effect with a peak."""
    rng = np.random.default_rng(seed)
    site = rng.choice(["young", "old"], n)
    age = np.where(site == "young", rng.uniform(5, 15, n), rng.uniform(10, 25, n))
    effect = 4 * np.exp(-((age - 12) ** 2) / 12)
    values = effect[:, None] + (site == "old")[:, None] * 1.5 + 0.5 * rng.normal(size=(n, 6))
    table = pd.DataFrame(values, columns=FEATURES[:6]).assign(site=site, age=age)
    return table, effect


def test_gam_finds_the_shift_where_a_straight_line_takes_age_for_it():
    table, effect = bent()
    truth = effect - effect.mean()
    errors = {}
    for name, method in {
        "line": ComBat("site", ["age"]),
        "gam": ComBatGAM("site", smooth=["age"]),
    }.items():
        got = method.fit_transform(table).mean(axis=1)
        errors[name] = np.sqrt(np.mean((got - got.mean() - truth) ** 2))
    assert errors["gam"] < 0.3
    assert errors["gam"] < 0.6 * errors["line"]


def test_a_straight_effect_uses_hardly_more_than_one_degree_of_freedom():
    rng = np.random.default_rng(1)
    table, _ = bent()
    straight = table.assign(
        **{f: 0.3 * table["age"] + rng.normal(size=len(table)) for f in FEATURES[:6]}
    )
    assert np.median(ComBatGAM("site", smooth=["age"]).fit(straight).degrees_) < 2
    assert ComBatGAM("site", smooth=["age"]).fit(table).degrees_.min() > 4
    heavy = ComBatGAM("site", smooth=["age"], penalty=1e12).fit_transform(table)
    np.testing.assert_allclose(heavy, ComBat("site", ["age"]).fit_transform(table), atol=1e-3)


def test_penalised_fit_is_the_ridge_solution_and_its_penalty_the_curvature():
    rng = np.random.default_rng(2)
    x = pd.DataFrame({"age": rng.uniform(0, 10, 80)})
    design = SmoothDesign(["age"], df=7).fit(x)
    S, P = design.transform(x), design.penalty_
    U, y = np.ones((80, 1)), rng.normal(size=(80, 2))
    plain, smooth, degrees = fit_penalised(U, S, P, y, 3.0)
    D = np.hstack([U, S])
    full = np.zeros((D.shape[1], D.shape[1]))
    full[1:, 1:] = 3.0 * P
    expected = np.linalg.solve(D.T @ D + full, D.T @ y)
    np.testing.assert_allclose(np.vstack([plain, smooth]), expected, atol=1e-8)
    hat = D @ np.linalg.solve(D.T @ D + full, D.T)
    assert degrees[0] == pytest.approx(np.trace(hat) - 1)
    knots = np.array([0.0, 1, 3, 4])
    t = np.concatenate([[-3, -2, -1], knots, [5, 6, 7]]).astype(float)
    spline = BSpline(t, np.eye(6), 3)
    grid = np.linspace(0, 4, 20001)
    curve = spline.derivative(2)(grid)
    step = grid[1] - grid[0]
    numeric = step * (curve.T @ curve - 0.5 * np.outer(curve[0], curve[0])
                      - 0.5 * np.outer(curve[-1], curve[-1]))  # fmt: skip
    np.testing.assert_allclose(roughness(spline, knots), numeric, atol=1e-5)


def test_ages_beyond_training_do_as_told():
    table, _ = bent()
    inside = table[table["age"].between(8, 18)]
    beyond = pd.DataFrame({"age": [18.0, 25.0, 30.0]})
    design = {e: SmoothDesign(["age"], extrapolation=e).fit(inside) for e in ("constant", "linear")}
    high = inside["age"].max()
    flat = design["constant"].transform(pd.DataFrame({"age": [high, 25.0, 30.0]}))
    np.testing.assert_allclose(flat[1:], flat[[0, 0]], atol=1e-12)
    line = design["linear"].transform(pd.DataFrame({"age": [20.0, 25.0, 30.0]}))
    np.testing.assert_allclose(line[1] - line[0], line[2] - line[1], atol=1e-9)
    with pytest.raises(InputError, match=r"column 'age': values outside the training range"):
        SmoothDesign(["age"], extrapolation="error").fit(inside).transform(beyond)
    with pytest.raises(InputError, match="does not vary in training"):
        ComBatGAM("site", smooth=["age"]).fit(table.assign(age=3.0))
    with pytest.raises(InputError, match="is not a number"):
        ComBatGAM("site", smooth=["age"]).fit(table.assign(age="old"))


def covarying(n=400, p=8, seed=0):
    """Two sites alike in means and variances; in one the features hang together closely."""
    rng = np.random.default_rng(seed)
    site = np.array(["a", "b"])[np.arange(n) % 2]
    shared = np.where(site == "a", 0.8, 0.2)[:, None]
    values = np.sqrt(shared) * rng.normal(size=(n, 1)) + np.sqrt(1 - shared) * rng.normal(
        size=(n, p)
    )
    return pd.DataFrame(values, columns=FEATURES[:p]).assign(site=site)


def covariance_gap(features, site):
    parts = [np.corrcoef(features[site == s].to_numpy().T) for s in ("a", "b")]
    return np.abs(parts[0] - parts[1]).mean()


def test_covbat_makes_covariance_alike_also_in_new_subjects():
    table = covarying()
    train, test = table.iloc[:300], table.iloc[300:]
    gaps = {}
    for method in (ComBat("site"), CovBat("site")):
        got = method.fit(train).transform(test)
        gaps[type(method).__name__] = covariance_gap(got, test["site"])
    raw = covariance_gap(test[FEATURES[:8]], test["site"])
    assert gaps["ComBat"] > 0.9 * raw
    assert gaps["CovBat"] < 0.4 * raw


def test_covbat_equals_its_steps_written_out():
    """Chen et al. 2022, one component at a time, from ComBat's own residuals."""
    table = covarying(120).assign(age=np.linspace(20, 60, 120))
    features = table[FEATURES[:8]].to_numpy()
    site = table["site"].to_numpy()
    combat = ComBat("site", ["age"]).fit(table)
    D = np.column_stack([np.ones(120), table["age"]])
    B = np.column_stack([site == "a", site == "b", table["age"]]).astype(float)
    coef = np.linalg.lstsq(B, features, rcond=None)[0]
    location = D @ np.vstack([coef[:2].mean(axis=0), coef[2]])
    scale = np.sqrt(((features - B @ coef) ** 2).mean(axis=0))
    residual = (combat.transform(table).to_numpy() - location) / scale
    centre = residual.mean(axis=0)
    _, s, rows = np.linalg.svd(residual - centre, full_matrices=False)
    n_components = int(np.flatnonzero(np.cumsum(s**2) / (s**2).sum() > 0.95)[0]) + 1
    scores = (residual - centre) @ rows.T
    for k in range(n_components):
        column = scores[:, k].copy()
        means = {v: column[site == v].mean() for v in "ab"}
        pooled = np.sqrt(np.mean([(c - means[v]) ** 2 for c, v in zip(column, site, strict=True)]))
        grand = np.mean(list(means.values()))
        for v in "ab":
            own = column[site == v]
            scores[site == v, k] = (own - own.mean()) / own.std(ddof=1) * pooled + grand
    expected = (scores @ rows + centre) * scale + location
    ours = CovBat("site", ["age"]).fit(table)
    assert ours.n_components_ == n_components
    np.testing.assert_allclose(ours.transform(table), expected, atol=1e-8)


def test_random_intercepts_equal_those_of_statsmodels():
    rng = np.random.default_rng(3)
    subjects = np.repeat(np.arange(70), rng.integers(1, 5, 70))
    n = len(subjects)
    D = np.column_stack([np.ones(n), rng.normal(size=n), rng.integers(0, 2, n)])
    Y = rng.normal(size=(70, 3))[subjects] * [0.5, 1.0, 2.0] + D[:, [1]] + rng.normal(size=(n, 3))
    ours = fit_random_intercept(D, Y, subjects)
    for j in range(3):
        theirs = sm.MixedLM(Y[:, j], D, groups=subjects).fit(reml=True)
        variance = float(np.asarray(theirs.cov_re).ravel()[0])
        assert ours.sigma[j] ** 2 == pytest.approx(theirs.scale, rel=1e-3)
        assert ours.ratio[j] * ours.sigma[j] ** 2 == pytest.approx(variance, rel=1e-3)
        np.testing.assert_allclose(ours.coef[:, j], theirs.fe_params, atol=1e-4)
    none = fit_random_intercept(D, D[:, [1]] + np.tile([1.0, -1.0], n)[:n, None], subjects)
    assert none.ratio[0] < 0.05


def test_longitudinal_combat_equals_its_steps_written_out():
    """Beer et al. 2020 with statsmodels' mixed model, feature by feature."""
    table = make_table(80, 3, seed=4)[[*FEATURES[:4], "site", "age", "child_id"]]
    sites, codes = list("abc"), table["child_id"].str[1:].astype(int).to_numpy()
    site = table["site"].to_numpy()
    B = np.column_stack([(site == s).astype(float) for s in sites] + [table["age"]])
    Z, location, sigma = np.empty((3, len(table), 4))
    for j, feature in enumerate(FEATURES[:4]):
        y = table[feature].to_numpy()
        fit = sm.MixedLM(y, B, groups=codes).fit(reml=True)
        effects = np.array([fit.random_effects[c].iloc[0] for c in codes])
        gamma = fit.fe_params[:3] - B[:, :3].mean(axis=0) @ fit.fe_params[:3]
        location[:, j] = B @ fit.fe_params + effects - B[:, :3] @ gamma
        sigma[:, j] = np.sqrt(fit.scale)
        Z[:, j] = (y - location[:, j]) / sigma[:, j]
    out = np.empty_like(Z)
    for s in sites:
        rows = Z[site == s]
        n, g_hat, d_hat = len(rows), rows.mean(axis=0), rows.var(axis=0, ddof=1)
        t2, m, s2 = g_hat.var(ddof=1), d_hat.mean(), d_hat.var(ddof=1)
        lam, theta = (m**2 + 2 * s2) / s2, (m**3 + m * s2) / s2
        g, d = g_hat, d_hat
        for _ in range(200):
            g = (n * t2 * g_hat + d * g_hat.mean()) / (n * t2 + d)
            d = (theta + 0.5 * ((rows - g) ** 2).sum(axis=0)) / (n / 2 + lam - 1)
        out[site == s] = (rows - g) / np.sqrt(d)
    ours = LongitudinalComBat("site", ["age"], subject="child_id").fit_transform(table)
    np.testing.assert_allclose(ours, out * sigma + location, atol=2e-3)


def test_children_who_change_scanners_keep_their_own_level():
    """A child's level is not taken for its scanner's, which few changed between."""
    rng = np.random.default_rng(5)
    n = 120
    level = rng.normal(0, 3, n)
    site = np.where(level + rng.normal(0, 1, n) > 0, "a", "b")  # levels differ by site
    second = np.where(rng.random(n) < 0.4, np.where(site == "a", "b", "a"), site)
    rows = pd.DataFrame(
        {"child_id": np.tile(np.arange(n), 2).astype(str), "site": np.r_[site, second]}
    )
    shift = np.where(rows["site"] == "a", 2.0, 0.0)
    values = np.tile(level, 2)[:, None] + shift[:, None] + 0.5 * rng.normal(size=(2 * n, 6))
    table = pd.DataFrame(values, columns=FEATURES[:6]).join(rows)
    long = LongitudinalComBat("site", subject="child_id").fit(table)
    effect = np.mean(long.site_effect_["a"] - long.site_effect_["b"])
    assert effect == pytest.approx(2.0, abs=0.25)
    plain = ComBat("site").fit(table.drop(columns="child_id"))
    taken = np.mean((plain.shift_["a"] - plain.shift_["b"]) * plain.scale_)
    assert taken > 3


def test_intercepts_of_new_children():
    table = make_table(90, 2, seed=6)
    method = LongitudinalComBat("site", ["age", "sex"], subject="child_id")
    seen = seen_by(method, table)
    fitted = method.fit(seen.iloc[:120])
    child = seen.iloc[[0, 1]]
    later = child.assign(age=child["age"] + 5)
    location = fitted._location(later, later[FEATURES].to_numpy())
    own = fitted.intercepts_.loc[child["child_id"]].to_numpy()
    np.testing.assert_allclose(location - fitted._expected(later), own)
    # The same child under another name has its intercept predicted from the same visits.
    renamed = child.assign(child_id="new")
    np.testing.assert_allclose(fitted.transform(renamed), fitted.transform(child), atol=1e-10)
    zero = LongitudinalComBat("site", ["age", "sex"], subject="child_id", new_subjects="zero")
    zero = zero.fit(seen.iloc[:120])
    np.testing.assert_allclose(
        zero._location(renamed, renamed[FEATURES].to_numpy()), zero._expected(renamed)
    )
    with pytest.raises(InputError, match="no subject has two visits"):
        method.fit(seen.assign(child_id=np.arange(len(seen)).astype(str)))


def test_unlearning_hides_the_site_and_keeps_age():
    from neurogenomics_kb.stats.harmonization.effects import (
        covariate_decodability,
        site_decodability,
    )
    from neurogenomics_kb.stats.inference.audit import FoldDecoder
    from neurogenomics_kb.stats.prediction.folds import NEVER_TESTED

    rng = np.random.default_rng(7)
    n, p = 240, 30
    site = rng.choice(["a", "b"], n)
    age = rng.uniform(20, 80, n)
    values = rng.normal(size=(n, p)) + np.outer((age - 50) / 17, rng.normal(size=p))
    values += 0.8 * np.outer(site == "b", rng.normal(size=p))
    table = pd.DataFrame(values, columns=[f"fmri__brainlm__{i}" for i in range(p)])
    table = table.assign(site=site, age=age)
    folds = np.where(np.arange(n) >= 160, 1, NEVER_TESTED)
    method = SiteUnlearning("site", ["age"], dim=16, hidden=32).fit(table.iloc[:160])
    out = method.transform(table)
    assert list(out.columns[:1]) == ["fmri__unlearned__01"]
    before, after = (FoldDecoder(A, folds) for A in (values, out.to_numpy()))
    chance = 0.5
    excess = [site_decodability(d, site) - chance for d in (before, after)]
    assert excess[0] > 0.35
    assert excess[1] < 0.5 * excess[0]
    kept = [covariate_decodability(d, pd.Series(age))[1] for d in (before, after)]
    assert kept[0] > 0.5
    assert kept[1] > 0.7 * kept[0]


def test_unlearning_wants_a_task_and_two_sites(table):
    features = table[[*FEATURES, "site"]]
    with pytest.raises(InputError, match="unlearning needs a main task"):
        SiteUnlearning("site").fit(features)
    with pytest.raises(InputError, match="nothing to unlearn"):
        SiteUnlearning("site", ["age"]).fit(features.assign(site="a", age=table["age"]))
    with pytest.raises(ValueError, match="nothing to estimate per site"):
        SiteUnlearning("site", ["age"], unseen="estimate_unlabelled").fit(features)
    with pytest.raises(ValueError, match="outcome=True needs y"):
        SiteUnlearning("site", outcome=True).fit(features)


def test_the_outcome_is_used_only_when_asked(table):
    seen = table[[*FEATURES, "site", "age"]]
    labels = [np.random.default_rng(s).integers(0, 2, len(seen)) for s in (0, 1)]
    plain = [SiteUnlearning("site", ["age"], **FAST).fit(seen, y).weights_ for y in labels]
    with_y = [
        SiteUnlearning("site", ["age"], outcome=True, **FAST).fit(seen, y).weights_ for y in labels
    ]
    for name in plain[0]:
        assert (plain[0][name] == plain[1][name]).all()
    assert any((with_y[0][name] != with_y[1][name]).any() for name in with_y[0])


def test_torch_is_left_as_it_was(table):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        SiteUnlearning("site", ["age"], **FAST).fit(table[[*FEATURES, "site", "age"]])
    assert torch.get_num_threads() == threads
    assert torch.rand(1) == expected
