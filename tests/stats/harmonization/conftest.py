from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.stats.harmonization import (
    ComBat,
    ComBatGAM,
    CovBat,
    LongitudinalComBat,
    SiteUnlearning,
)

P = 12
FEATURES = [f"smri__thickness__r{i:02d}" for i in range(P)]
FAST = {"dim": 6, "hidden": 16, "warm_up": 5, "epochs": 10}
METHODS = {
    "combat": lambda: ComBat("site", ["age", "sex"]),
    "nonparametric": lambda: ComBat("site", ["age", "sex"], parametric=False),
    "mean_only": lambda: ComBat("site", ["age", "sex"], mean_only=True),
    "reference": lambda: ComBat("site", ["age", "sex"], reference="a"),
    "gam": lambda: ComBatGAM("site", ["sex"], smooth=["age"]),
    "covbat": lambda: CovBat("site", ["age", "sex"]),
    "longitudinal": lambda: LongitudinalComBat("site", ["age", "sex"], subject="child_id"),
    "unlearning": lambda: SiteUnlearning("site", ["age", "sex"], **FAST),
}


def make_table(n_children: int = 90, visits: int = 2, seed: int = 0, noise: float = 1.0):
    """Visits of children at three sites; sites shift and scale, age bends, children differ."""
    rng = np.random.default_rng(seed)
    child = np.repeat(np.arange(n_children), visits)
    n = len(child)
    site = rng.choice(["a", "b", "c"], n)
    age = rng.uniform(5, 20, n_children)[child] + 1.5 * np.tile(np.arange(visits), n_children)
    sex = rng.choice(["female", "male"], n_children)[child]
    shift = pd.DataFrame(rng.normal(0, 1, (3, P)), index=list("abc")).loc[site].to_numpy()
    scale = pd.Series({"a": 1.0, "b": 1.5, "c": 0.7})[site].to_numpy()[:, None]
    bend = np.exp(-((age - 10) ** 2) / 20)[:, None]
    own = rng.normal(size=(n_children, P))[child]
    values = (
        3 * bend + 0.6 * (sex == "male")[:, None] + shift + own
        + noise * scale * rng.normal(size=(n, P))
    )  # fmt: skip
    return pd.DataFrame(values, columns=FEATURES).assign(
        site=site, age=age, sex=sex, child_id=[f"c{c:03d}" for c in child]
    )


def seen_by(method, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns that a method reads, and features."""
    return table[[*FEATURES, *method.reads]]


@pytest.fixture
def table():
    return make_table()
