"""ComBat beside the authors' program and another one."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from tests.benchmarks.harness import Record, Side, compare, installed, near, skipped

from neurogenomics_kb.stats.harmonization import ComBat

SITES, TURNS = 4, 5
SIZES = [(4_000, 512)]
TINY = [(200, 12)]


def draw(n: int, width: int) -> tuple[pd.DataFrame, list[str]]:
    """Features that sites shift and scale, with age and sex to preserve."""
    rng = np.random.default_rng(0)
    site, sex = rng.integers(0, SITES, n), rng.integers(0, 2, n).astype(float)
    age = rng.uniform(20, 80, n)
    values = rng.normal(size=(n, width)) * rng.uniform(0.7, 1.5, (SITES, 1))[site]
    values += rng.normal(size=(SITES, width))[site]
    values += 0.03 * (age - 50)[:, None] + 0.3 * sex[:, None]
    names = [f"f{k}" for k in range(width)]
    table = pd.DataFrame(values, columns=names)
    return table.assign(site=np.array(list("abcd"))[site], age=age, sex=sex), names


def ours(table: pd.DataFrame) -> np.ndarray:
    """Fitted and applied."""
    return ComBat("site", ["age", "sex"]).fit_transform(table).to_numpy()


def neuro_combat(table: pd.DataFrame, names: list[str]) -> np.ndarray:
    """The authors' program, without what it prints."""
    from contextlib import redirect_stdout
    from io import StringIO

    from neuroCombat import neuroCombat

    with redirect_stdout(StringIO()):
        return neuroCombat(
            dat=table[names].to_numpy().T,
            covars=table[["site", "age", "sex"]],
            batch_col="site",
            continuous_cols=["age", "sex"],
        )["data"].T


def combatlearn(table: pd.DataFrame, names: list[str]) -> np.ndarray:
    """The scikit-learn transformer."""
    from combatlearn import ComBat as Other

    model = Other(
        batch=table["site"], continuous_covariates=table[["age"]],
        discrete_covariates=table[["sex"]], method="fortin",
    )  # fmt: skip
    return np.asarray(model.fit_transform(table[names]))


def alike(mine: np.ndarray, theirs: np.ndarray) -> str:
    """Agreement where the priors differ."""
    r = min(np.corrcoef(a, b)[0, 1] for a, b in zip(mine.T, theirs.T, strict=True))
    assert r > 0.98, r
    return f"columns correlate by {r:.3f} or more"


# What each shares with ours: both stop iterating at a tolerance, theirs the larger one; combatlearn
# takes the priors of a feature over sites, where the method takes those of a site over features.
OTHERS = {
    "neuroCombat": (neuro_combat, near(5e-3, "values differ by"), ""),
    "combatlearn": (
        combatlearn, alike,
        "combatlearn 2.3.0 takes its priors over the sites of a feature, the original over the "
        "features of a site, so that values are alike and not the same",
    ),
}  # fmt: skip


def run(tiny: bool = False) -> list[Record]:
    """All comparisons.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    records = []
    for n, width in TINY if tiny else SIZES:
        table, names = draw(n, width)
        for module, (other, agree, note) in OTHERS.items():
            if not installed(module):
                records.append(skipped("ComBat", module, f"{module} is not installed"))
                continue
            records.append(
                compare(
                    "ComBat",
                    Side(partial(ours, table)),
                    Side(partial(other, table, names)),
                    size=f"{n:,} × {width}, {SITES} sites",
                    alternative=module,
                    agree=agree,
                    note=note,
                    turns=2 if tiny else TURNS,
                )
            )
    return records
