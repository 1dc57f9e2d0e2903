"""Patches of equal seconds for series of different repetition times, and what they give away.

A patch of a fixed number of frames is another stretch of time at every repetition time, and one
pattern along its samples stands for other frequencies; what a model learns at one scanner is then
wrong at the next. Temporal adaptive patch embedding (TAPE; Dong et al. 2025, Brain Harmony) takes
patches of equal seconds and resizes the learnt kernel to their number of frames. Here no kernel is
learnt yet, so the patch itself is brought to a common number of values: its cosine transform is cut
at a frequency that every repetition time can hold. Kernels that are resized keep responses to
smooth signals only; the cut says the same in Hertz.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.fft import dct, idct
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import feature_name
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.ladder.pooled_tokens import PooledTable
from neurogenomics_kb.stats.ladder.tokens import FEWEST_UNITS
from neurogenomics_kb.stats.prediction.estimators import PenalisedClassifier
from neurogenomics_kb.stats.prediction.folds import inner_splits

DECODABILITY = ["patches", "target", "classes", "accuracy", "chance", "auroc"]


def patches_of_equal_seconds(
    series: np.ndarray, tr: float, seconds: float, values: int
) -> np.ndarray:
    """Whole patches of a run, each so many seconds long and so many values wide.

    Patch i begins at the frame nearest to ``i · seconds``, so that rounding does not add up, and
    has ``round(seconds / tr)`` frames. Its orthonormal cosine transform (DCT-II) keeps the first
    `values` coefficients, frequencies below ``values / (2 · seconds)`` Hertz, and comes back as
    `values` samples of the same amplitude.

    Parameters
    ----------
    series : ndarray (frames, channels)
        One run.
    tr : float
        Repetition time, seconds.
    seconds : float
        Length of a patch.
    values : int
        Values of a patch and channel; at most its frames at the longest repetition time.

    Returns
    -------
    ndarray (patches, values, channels)

    Raises
    ------
    InputError
        If the run is shorter than a patch, or a patch has fewer frames than values.
    """
    series = np.asarray(series, dtype=float)
    if not tr > 0:
        raise InputError(
            f"a repetition time of {tr:g} s",
            remedy="Give it in seconds, as in the run's JSON file.",
        )
    frames = round(seconds / tr)
    if frames < values:
        raise InputError(
            f"a patch of {seconds:g} s has {frames} frames at a repetition time of {tr:g} s, and "
            f"{values} values cannot be made of them without inventing frequencies",
            remedy=f"Use at most {frames} values, or longer patches.",
        )
    starts = np.rint(np.arange(len(series) * tr // seconds + 1) * seconds / tr).astype(int)
    starts = starts[starts + frames <= len(series)]
    _refuse_short(len(starts), len(series), f"{seconds:g} s ({frames} frames)")
    cut = series[starts[:, None] + np.arange(frames)]
    kept = dct(cut, axis=1, norm="ortho")[:, :values]
    return idct(kept * np.sqrt(values / frames), axis=1, norm="ortho")


def patches_of_equal_samples(series: np.ndarray, frames: int) -> np.ndarray:
    """Whole patches of so many frames, whatever time they take.

    Parameters
    ----------
    series : ndarray (frames, channels)
        One run.
    frames : int
        Frames of a patch.

    Returns
    -------
    ndarray (patches, frames, channels)

    Raises
    ------
    InputError
        If the run is shorter than a patch.
    """
    series = np.asarray(series, dtype=float)
    count = len(series) // frames
    _refuse_short(count, len(series), f"{frames} frames")
    return series[: count * frames].reshape(count, frames, -1)


def _refuse_short(count: int, frames: int, patch: str) -> None:
    if count < 1:
        raise InputError(
            f"a run of {frames} frames is shorter than a patch of {patch}",
            remedy="Use shorter patches, or leave the run out.",
        )


def patch_tokens(
    patches: Sequence[np.ndarray], people: pd.Index, *, modality: str = "fmri", group: str = "tape"
) -> pd.DataFrame:
    """Table of tokens: a window is a unit, cosine coefficients of every channel its components.

    Everybody gets as many windows as the shortest run has, spread evenly over his run: their number
    would tell the repetition time. The coefficients stand for a patch kernel: the phase of a rhythm
    differs from window to window, and its power is their spread, which pooled tokens see.

    Parameters
    ----------
    patches : sequence of ndarray (patches, values, channels)
        Of every person.
    people : Index (n,)
        Who they are.
    modality, group : str
        First parts of the columns' names.

    Returns
    -------
    DataFrame (n, windows · channels · values)

    Raises
    ------
    InputError
        If people differ in values or channels, or the shortest run has fewer than four windows.
    """
    shapes = {each.shape[1:] for each in patches}
    if len(shapes) != 1:
        raise InputError(
            f"patches of {len(shapes)} shapes (values, channels): {sorted(shapes)[:3]}",
            subjects=len(patches),
            remedy="Use one parcellation and one number of values.",
        )
    windows = min(map(len, patches))
    if windows < FEWEST_UNITS:
        raise InputError(
            f"the shortest run has {windows} windows, and tokens begin at {FEWEST_UNITS}",
            subjects=sum(len(each) == windows for each in patches),
            of=len(patches),
            remedy="Use shorter patches, or leave short runs out.",
        )
    values, channels = shapes.pop()
    rows = []
    for each in patches:
        chosen = each[np.linspace(0, len(each) - 1, windows).round().astype(int)]
        rows.append(dct(chosen, axis=1, norm="ortho").transpose(0, 2, 1).ravel())
    columns = [
        feature_name(modality, group, f"w{w:02d}", f"ch{c:03d}_f{f:02d}")
        for w in range(windows)
        for c in range(channels)
        for f in range(values)
    ]
    return pd.DataFrame(np.stack(rows), index=people, columns=columns)


def decodability(
    tables: Mapping[str, pd.DataFrame],
    targets: Mapping[str, np.ndarray],
    groups: np.ndarray | None = None,
    *,
    n_splits: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """How well pooled tokens tell what they should not: site, repetition time.

    Penalised logistic regression of `PooledTable`, everything learnt in training folds, scores
    inside test folds and then their mean.

    Parameters
    ----------
    tables : mapping of str to DataFrame (n, p)
        Tables of tokens by the kind of patches.
    targets : mapping of str to ndarray (n,)
        What is decoded.
    groups : ndarray (n,), optional
        Families, which stay in one fold.
    n_splits : int
        Folds.
    seed : int
        Of the folds.

    Returns
    -------
    DataFrame
        ``patches``, ``target``, ``classes``, ``accuracy``, ``chance`` (share of the largest class)
        and ``auroc`` (one against the rest, mean over classes), a row for every table and target.

    Raises
    ------
    InputError
        If a target is the same for everybody.
    """
    found = []
    for kind, table in tables.items():
        values = table.to_numpy()
        inputs = Inputs({}, {"tokens": values}, {"tokens": list(table.columns)})
        for target, labels in targets.items():
            classes, codes = np.unique(labels, return_inverse=True)
            if len(classes) < 2:
                raise InputError(
                    f"'{target}' is {classes[0]} for everybody and cannot be decoded",
                    subjects=len(codes),
                    remedy="Leave it out.",
                )
            scores = [
                _fold(inputs, codes, groups, train, test)
                for train, test in inner_splits(codes, groups, n_splits=n_splits, seed=seed)
            ]
            accuracy, area = np.mean(scores, axis=0)
            chance = np.bincount(codes).max() / len(codes)
            found.append((kind, target, len(classes), accuracy, chance, area))
    return pd.DataFrame(found, columns=DECODABILITY)


def _fold(inputs: Inputs, codes: np.ndarray, groups, train, test) -> tuple[float, float]:
    """Accuracy and area under the curve in one test fold."""
    table = PooledTable(inputs.take(train))
    model = PenalisedClassifier()
    inner = inner_splits(codes[train], None if groups is None else groups[train])
    model.fit(table.of(inputs.take(train)), codes[train], splits=inner)
    P = model.predict_proba(table.of(inputs.take(test)))
    areas = [
        roc_auc_score(codes[test] == label, P[:, label])
        for label in model.classes_
        if 0 < (codes[test] == label).mean() < 1
    ]
    return float((P.argmax(axis=1) == codes[test]).mean()), float(np.mean(areas))
