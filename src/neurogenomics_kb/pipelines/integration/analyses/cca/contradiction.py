"""Axes that are significant in sample and hold out less than any such axis would."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.stats.inference.contradiction import expected_held_out


def contradiction_sentences(table: pd.DataFrame, held_out: pd.DataFrame, alpha: float) -> list[str]:
    """Pairs whose first component contradicts itself.

    A weak axis that a small test set cannot show is none: only a held-out correlation that lies
    below what 199 of 200 cohorts with the weakest axis give that the sample allows. A ridge
    penalty shrinks what is seen in sample, so that nothing is said of it.

    Parameters
    ----------
    table : DataFrame
        Inference, with the held-out mean.
    held_out : DataFrame
        Held-out correlations by fold.
    alpha : float
        Level of the experiment.

    Returns
    -------
    list of str
        A sentence for each such pair.
    """
    out = []
    for r in table[table["component"] == 1].itertuples():
        doubtful = r.p_adjusted < alpha and not (r.p_held_out_adjusted < alpha)
        if not doubtful or r.regularisation == "ridge" or not np.isfinite(r.held_out):
            continue
        mine = held_out[
            (held_out["x"] == r.x) & (held_out["y"] == r.y) & (held_out["component"] == 1)
        ]
        expected = expected_held_out(
            r.correlation, int(r.n_effective), (int(r.x_dim), int(r.y_dim)), len(mine)
        )
        if expected.contradicts(r.held_out):
            out.append(
                f"{r.x} and {r.y} contradict themselves: the first component correlates "
                f"{r.correlation:.2f} in sample, which the weakest true axis of "
                f"{expected.weakest:.2f} would give once in 20 times, and {r.held_out:.2f} in "
                f"held-out subjects, where that axis gives {expected.low:.2f} or more in 199 of "
                "200 cohorts. A few people, copies, or something fitted on everybody may make the "
                "axis; do not report it."
            )
    return out
