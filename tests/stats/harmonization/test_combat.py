from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.harmonization import ComBat

FEATURES = [f"f{i}" for i in range(15)]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    site = rng.choice(["a", "b", "c"], 180)
    age = rng.uniform(20, 80, 180)
    shift = pd.DataFrame(rng.normal(0, 1, (3, 15)), index=["a", "b", "c"]).loc[site].to_numpy()
    scale = pd.Series({"a": 1.0, "b": 1.5, "c": 0.7})[site].to_numpy()[:, None]
    values = 0.05 * age[:, None] + shift + scale * rng.normal(size=(180, 15))
    return pd.DataFrame(values, columns=FEATURES).assign(site=site, age=age)


def published(data, batch, covariate, parametric):
    """ComBat by the formulas of Johnson et al. 2007, one feature and one site at a time."""
    levels = sorted(set(batch))
    X = np.column_stack(
        [(batch == b).astype(float) for b in levels] + [covariate - covariate.mean()]
    )
    B = np.linalg.lstsq(X, data, rcond=None)[0]
    shares = np.array([(batch == b).mean() for b in levels])
    grand = shares @ B[:3]
    sd = np.sqrt(((data - X @ B) ** 2).mean(axis=0))
    mean = grand + np.outer(X[:, 3], B[3])
    S = (data - mean) / sd
    out = np.empty_like(S)
    for b in levels:
        rows = S[batch == b]
        n = len(rows)
        g_hat, d_hat = rows.mean(axis=0), rows.var(axis=0, ddof=1)
        for j in range(S.shape[1]):
            if parametric:
                g_bar, t2 = g_hat.mean(), g_hat.var(ddof=1)
                m, s2 = d_hat.mean(), d_hat.var(ddof=1)
                a, beta = (2 * s2 + m**2) / s2, (m * s2 + m**3) / s2
                g, d = g_hat[j], d_hat[j]
                for _ in range(500):
                    g = (t2 * n * g_hat[j] + d * g_bar) / (t2 * n + d)
                    d = (0.5 * np.sum((rows[:, j] - g) ** 2) + beta) / (n / 2 + a - 1)
            else:
                others = [k for k in range(S.shape[1]) if k != j]
                like = np.array(
                    [
                        np.prod(np.exp(-((rows[:, j] - g_hat[k]) ** 2) / (2 * d_hat[k]))
                                / np.sqrt(2 * np.pi * d_hat[k]))
                        for k in others
                    ]
                )  # fmt: skip
                g = np.sum(like * g_hat[others]) / like.sum()
                d = np.sum(like * d_hat[others]) / like.sum()
            out[batch == b, j] = (rows[:, j] - g) / np.sqrt(d)
    return out * sd + mean


@pytest.mark.parametrize("parametric", [True, False])
def test_equals_the_published_formulas(table, parametric):
    got = ComBat("site", ["age"], parametric=parametric).fit_transform(table)
    expected = published(
        table[FEATURES].to_numpy(), table["site"].to_numpy(), table["age"].to_numpy(), parametric
    )
    np.testing.assert_allclose(got, expected, atol=1e-4)
    assert got.columns.tolist() == FEATURES


def test_sites_become_alike_and_age_survives(table):
    got = ComBat("site", ["age"]).fit_transform(table)
    spread = table[FEATURES].groupby(table["site"]).mean().std()
    assert (got.groupby(table["site"]).mean().std() < 0.5 * spread).mean() > 0.9
    slope = np.polyfit(table["age"], got.mean(axis=1), 1)[0]
    assert slope == pytest.approx(0.05, abs=0.01)


def test_application_uses_training_estimates_only(table):
    train, test = table.iloc[:140], table.iloc[140:]
    fitted = ComBat("site", ["age"]).fit(train)
    whole = fitted.transform(test)
    for position in (0, 7):
        single = fitted.transform(test.iloc[[position]])
        np.testing.assert_allclose(single, whole.iloc[[position]], atol=1e-12)


def test_unseen_and_small_sites(table):
    train, test = table[table["site"] != "c"], table[table["site"] == "c"]
    fitted = ComBat("site", ["age"]).fit(train)
    with pytest.raises(InputError, match="site c occurs in no training subject"):
        fitted.transform(test)
    left = ComBat("site", ["age"], unseen="reference").fit(train).transform(test)
    np.testing.assert_allclose(left, test[FEATURES], atol=1e-9)
    own = ComBat("site", ["age"], unseen="estimate_unlabelled").fit(train).transform(test)
    residual = own - 0.05 * test[["age"]].to_numpy()
    assert (
        abs(
            residual.to_numpy().mean()
            - (train[FEATURES].to_numpy() - 0.05 * train[["age"]].to_numpy()).mean()
        )
        < 0.5
    )
    with pytest.raises(InputError, match="site 'z' has 1 subject"):
        ComBat("site", ["age"]).fit(pd.concat([train, test.head(1).assign(site="z")]))
    with pytest.warns(UserWarning, match=r"fewer than 30 subjects: z \(12\)"):
        ComBat("site", ["age"]).fit(pd.concat([train, test.head(12).assign(site="z")]))
    with pytest.raises(InputError, match="column 'scanner': the batch column is missing"):
        ComBat("scanner").fit(table)
