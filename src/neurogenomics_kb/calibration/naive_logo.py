"""A leave-one-gene-out recipe as it is often done. For demonstration only.

Genes are pooled by their element-wise maximum, missing calls count as the reference, folds ignore
families, and a Wilcoxon signed-rank test takes the folds as independent.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurogenomics_kb.foundation.naming import parse_feature_name
from neurogenomics_kb.stats.inference.multiplicity import adjust


def naive_leave_one_gene_out(
    features: pd.DataFrame, outcome: pd.Series, *, n_splits: int = 10, seed: int = 0
) -> pd.DataFrame:
    """Loss of AUROC without each gene, tested by Wilcoxon over folds.

    Parameters
    ----------
    features : DataFrame (n, genes × components)
        Gene embeddings of one encoder.
    outcome : Series (n,)
        0/1.
    n_splits, seed : int
        Number of folds, and seed of the random numbers. Default 10 and 0.

    Returns
    -------
    DataFrame
        ``unit, delta, p_raw, p_adjusted``, largest loss first.
    """
    names = [parse_feature_name(column) for column in features.columns]
    genes = list(dict.fromkeys(name.unit for name in names))
    values = features.to_numpy(dtype=float).reshape(len(features), len(genes), -1)
    y = outcome.to_numpy(dtype=float)
    folds = list(StratifiedKFold(n_splits, shuffle=True, random_state=seed).split(values, y))

    def fold_aucs(keep: np.ndarray) -> np.ndarray:
        X = values[:, keep].max(axis=1)
        found = []
        for train, test in folds:
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
            score = model.fit(X[train], y[train]).predict_proba(X[test])[:, 1]
            found.append(roc_auc_score(y[test], score))
        return np.array(found)

    every = np.arange(len(genes))
    full = fold_aucs(every)
    rows = []
    for g, gene in enumerate(genes):
        gain = full - fold_aucs(np.delete(every, g))
        p = float(stats.wilcoxon(gain).pvalue) if np.any(gain != 0) else 1.0
        rows.append({"unit": gene, "delta": float(gain.mean()), "p_raw": p})
    table = pd.DataFrame(rows)
    table["p_adjusted"] = adjust(table["p_raw"], "fdr_bh")
    return table.sort_values("delta", ascending=False, ignore_index=True)
