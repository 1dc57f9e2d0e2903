"""Curves averaged over folds, never pooled."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve


def mean_roc(frame: pd.DataFrame, grid: np.ndarray) -> np.ndarray:
    """ROC curves of the folds averaged at fixed false-positive rates, never pooled."""
    curves = []
    for _, fold in frame.groupby("fold"):
        false_positive, true_positive, _ = roc_curve(fold["outcome"], fold["score"])
        curves.append(np.interp(grid, false_positive, true_positive))
    return np.mean(curves, axis=0)


def mean_precision(frame: pd.DataFrame, grid: np.ndarray) -> np.ndarray:
    """Precision of the folds averaged at fixed recall."""
    curves = []
    for _, fold in frame.groupby("fold"):
        precision, recall, _ = precision_recall_curve(fold["outcome"], fold["score"])
        curves.append(np.interp(grid, recall[::-1], precision[::-1]))
    return np.mean(curves, axis=0)
