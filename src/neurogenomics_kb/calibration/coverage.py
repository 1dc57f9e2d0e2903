"""Do 95 % intervals hold the truth? Populations whose truth is known or can be drawn at will."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from neurogenomics_kb.calibration import naive
from neurogenomics_kb.calibration.cohorts import draw_families
from neurogenomics_kb.stats.inference.partial import odds_ratio, partial_correlation
from neurogenomics_kb.stats.prediction import metrics
from neurogenomics_kb.stats.prediction.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.prediction.bounds import AT_MOST_ONE, POSITIVE
from neurogenomics_kb.stats.prediction.folds import fold_splits, inner_splits, make_folds
from neurogenomics_kb.stats.prediction.predictors import fit_linear, predict_score
from neurogenomics_kb.stats.prediction.resampling import corrected_resampled_t, fold_mean_interval
from neurogenomics_kb.stats.roc import cv_auc, cv_auc_difference, delong_interval

N_FRESH = 6000


@dataclass(frozen=True)
class Population:
    """Two blocks of features, the first stronger, and an outcome.

    Attributes
    ----------
    n, p : int
        Subjects and features per block.
    effect : float
        Distance of the classes along the first feature of block one, in standard deviations; half
        of it in block two.
    cases : float
        Prevalence.
    family_sizes : tuple of int
    family : float
        Share of feature variance that families have in common.
    """

    n: int = 200
    p: int = 6
    effect: float = 1.0
    cases: float = 0.5
    family_sizes: tuple[int, ...] = (1,)
    family: float = 0.4


def draw(rng: np.random.Generator, population: Population, n: int):
    """Outcome (n,), two blocks (n, p), family (n,)."""
    family = draw_families(rng, n, population.family_sizes)
    G = family.max() + 1

    def noise(columns: int) -> np.ndarray:
        shared = rng.normal(size=(G, columns))[family]
        own = rng.normal(size=(n, columns))
        return np.sqrt(population.family) * shared + np.sqrt(1 - population.family) * own

    y = (noise(1)[:, 0] > norm.ppf(1 - population.cases)).astype(float)
    blocks = []
    for strength in (population.effect, population.effect / 2):
        X = noise(population.p)
        X[:, 0] += strength * y
        blocks.append(X)
    return y, blocks, family


def split(y: np.ndarray, family: np.ndarray | None, seed: int) -> np.ndarray:
    """Five folds with equal shares of cases, families in one of them where there are any."""
    return make_folds(
        pd.Series(y, name="outcome"),
        scheme="stratified" if family is None else "stratified_grouped",
        n_splits=5,
        groups=None if family is None else pd.Series(family, name="family"),
        seed=seed,
    ).to_numpy()


def prediction_coverage(population: Population, seed: int) -> dict[str, float]:
    """Intervals of cross-validated scores, about the fitted fold models' true scores."""
    rng = np.random.default_rng(seed)
    y, blocks, family = draw(rng, population, population.n)
    fresh_y, fresh, _ = draw(rng, population, N_FRESH)
    family = family if max(population.family_sizes) > 1 else None
    folds = split(y, family, seed)
    scores, truth = np.empty((2, len(y))), {"auc": [[], []], "brier": [], "ap": []}
    for train, test in fold_splits(folds):
        inner = inner_splits(y[train], None if family is None else family[train], seed=seed)
        for b, X in enumerate(blocks):
            model = fit_linear(X[train], y[train], inner, continuous=False)
            scores[b, test] = predict_score(model, X[test], continuous=False)
            new = predict_score(model, fresh[b], continuous=False)
            w, strength = model.coef_[0], population.effect / (1 + b)
            length = np.linalg.norm(w)
            truth["auc"][b].append(norm.cdf(w[0] * strength / (np.sqrt(2) * length)))
            if b == 0:
                truth["brier"].append(metrics.brier_score(fresh_y, new))
                truth["ap"].append(_expected_precision(fresh_y, new, len(test)))
    auc = cv_auc(y, scores[0], folds, clusters=family, n_features=population.p)
    true_auc = [np.mean(values) for values in truth["auc"]]
    difference = cv_auc_difference(y, *scores, folds)
    brier = metrics.brier_interval(
        y, scores[0], clusters=family, n_folds=5, n_features=population.p
    )
    ap = bootstrap_folds(
        metrics.average_precision, y, scores[0], folds, clusters=family, n_resamples=300,
        chance=float(y.mean()), n_features=population.p, random_state=seed,
    )  # fmt: skip
    return {
        "AUROC, influence curves": holds(auc.ci, true_auc[0]),
        "AUROC difference, corrected t": holds(difference.ci, true_auc[0] - true_auc[1]),
        "Brier score": holds((brier.low, brier.high), np.mean(truth["brier"])),
        "AUPRC, bootstrap": holds((ap.low, ap.high), np.mean(truth["ap"])),
    }


def _expected_precision(y: np.ndarray, scores: np.ndarray, size: int) -> float:
    """Average precision expected in test sets of a size; it depends on the size."""
    chunks = np.arange(len(y) // size * size).reshape(-1, size)
    ones = np.ones((1, size))
    found = [metrics.average_precision(y[rows], scores[rows], ones)[0] for rows in chunks]
    return float(np.nanmean(found))


def continuous_coverage(population: Population, seed: int) -> dict[str, float]:
    """Held-out R² and mean absolute error of a score, about the fold models' true ones."""
    rng = np.random.default_rng(seed)

    def people(n):
        family = draw_families(rng, n, population.family_sizes)
        shared = rng.normal(size=(family.max() + 1, population.p + 1))[family]
        noise = np.sqrt(population.family) * shared
        noise += np.sqrt(1 - population.family) * rng.normal(size=noise.shape)
        X = noise[:, 1:]
        return X, population.effect * X[:, 0] + noise[:, 0], family

    X, y, family = people(population.n)
    X_new, y_new, _ = people(N_FRESH)
    related = max(population.family_sizes) > 1
    folds = make_folds(
        pd.Series(y, name="score"),
        scheme="stratified_grouped" if related else "stratified",
        groups=pd.Series(family, name="family") if related else None,
        seed=seed,
        continuous=True,
    ).to_numpy()
    found, truth = {"R²": [], "MAE": []}, {"R²": [], "MAE": []}
    for train, test in fold_splits(folds):
        inner = inner_splits(y[train], family[train] if related else None, seed=seed,
                             continuous=True)  # fmt: skip
        model = fit_linear(X[train], y[train], inner, continuous=True)
        for rows, target, store in ((X[test], y[test], found), (X_new, y_new, truth)):
            predicted = model.predict(rows)
            store["R²"].append(metrics.held_out_r2(target, predicted, y[train].mean()))
            store["MAE"].append(metrics.mean_absolute_error(target, predicted))
    return {
        f"{name}, corrected t": holds(
            fold_mean_interval(
                np.array(found[name]), bounds=AT_MOST_ONE if name == "R²" else POSITIVE
            )[1:],
            np.mean(truth[name]),
        )
        for name in found
    }


def locked_coverage(population: Population, seed: int) -> dict[str, float]:
    """Intervals of one fixed score on new people."""
    rng = np.random.default_rng(seed)
    y, blocks, family = draw(rng, population, population.n)
    clusters = family if max(population.family_sizes) > 1 else None
    score = blocks[0][:, 0]
    truth = norm.cdf(population.effect / np.sqrt(2))
    out = {"calibration slope": np.nan, "calibration intercept": np.nan}
    if clusters is None:
        out["AUC of a locked test set, DeLong"] = holds(delong_interval(y, score)[2], truth)
    stated = np.clip(expit(score), 1e-6, 1 - 1e-6)
    real = expit(0.3 + 0.7 * logit(stated))
    shared = rng.normal(size=family.max() + 1)[family]
    latent = np.sqrt(0.4) * shared + np.sqrt(0.6) * rng.normal(size=population.n)
    happened = (norm.cdf(latent) < real).astype(float)
    if clusters is None:
        happened = (rng.random(population.n) < real).astype(float)
    slope, intercept = metrics.calibration_line(happened, stated, clusters=clusters)
    out["calibration slope"] = holds((slope.low, slope.high), 0.7)
    out["calibration intercept"] = holds((intercept.low, intercept.high), 0.3)
    return out


def association_coverage(population: Population, seed: int) -> dict[str, float]:
    """Odds ratios and partial correlations with a true effect and nine covariates."""
    rng = np.random.default_rng(seed)
    n = population.n
    family = draw_families(rng, n, population.family_sizes)
    related = max(population.family_sizes) > 1

    def noise():
        shared = rng.normal(size=family.max() + 1)[family]
        return np.sqrt(population.family) * shared + np.sqrt(1 - population.family) * rng.normal(
            size=n
        )

    Z = np.column_stack([noise() for _ in range(9)])
    x = 0.4 * Z[:, 0] + noise()
    line = 0.5 * Z[:, 1] + population.effect * 0.5 * x
    y = (norm.cdf(noise()) < expit(line)).astype(float)
    score = population.effect * 0.3 * x + 0.5 * Z[:, 1] + noise()
    clusters = family if related else None
    ratio = odds_ratio(x, y, Z, clusters=clusters)
    correlation = partial_correlation(x, score, Z, clusters=clusters)
    beta = population.effect * 0.3
    return {
        "odds ratio": holds(np.log(ratio.ci), population.effect * 0.5 * x.std()),
        "partial correlation": holds(correlation.ci, beta / np.sqrt(1 + beta**2)),
    }


def holds(interval, truth: float) -> float:
    """1 where the interval holds the truth, 0 where not, NaN where there is no interval."""
    low, high = interval
    return float(low <= truth <= high) if np.isfinite([low, high]).all() else np.nan


def compare_equal_procedures(population: Population, seed: int) -> dict[str, float]:
    """Two blocks of equal strength, predicted fold by fold: tests of a difference that is none."""
    rng = np.random.default_rng(seed)
    y, blocks, family = draw(rng, population, population.n)
    blocks[1][:, 0] += population.effect / 2 * y
    family = family if max(population.family_sizes) > 1 else None
    folds = split(y, family, seed)
    scores = np.empty((2, len(y)))
    for train, test in fold_splits(folds):
        inner = inner_splits(y[train], None if family is None else family[train], seed=seed)
        for b, X in enumerate(blocks):
            model = fit_linear(X[train], y[train], inner, continuous=False)
            scores[b, test] = predict_score(model, X[test], continuous=False)
    per_fold = [cv_auc(y, s, folds).per_fold for s in scores]
    gap = per_fold[0] - per_fold[1]
    return {
        "comparison, corrected t, two-sided": corrected_resampled_t(gap).p_value,
        "comparison, corrected t, one-sided": corrected_resampled_t(
            gap, alternative="greater"
        ).p_value,
        "naive: pooled DeLong": naive.pooled_delong(y, *scores),
        "naive: Wilcoxon over folds": naive.wilcoxon_over_folds(gap),
        "naive: uncorrected t over folds": naive.paired_t_over_folds(gap),
    }
