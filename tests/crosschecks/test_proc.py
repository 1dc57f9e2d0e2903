"""DeLong's test and interval against R's pROC (Robin et al. 2011).

reference/proc.json holds the numbers of a run (``python -m tests.crosschecks.test_proc`` makes it
anew); where Rscript and pROC are there, pROC itself runs as well.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.stats.roc import delong_interval, delong_test

HERE = Path(__file__).parent
REFERENCE = HERE / "reference/proc.json"
CASES = {"continuous": (150, None), "many ties": (150, 1), "few cases": (80, None)}


def data(name: str) -> pd.DataFrame:
    n, digits = CASES[name]
    rng = np.random.default_rng(list(CASES).index(name))
    y = np.arange(n) < (8 if name == "few cases" else n // 2)
    shared = rng.normal(size=n)
    a, b = 1.2 * y + shared + rng.normal(size=n), 0.6 * y + shared + rng.normal(size=n)
    if digits is not None:
        a, b = a.round(digits - 1), b.round(digits - 1)
    return pd.DataFrame({"y": y.astype(int), "a": a, "b": b})


def run_proc(frame: pd.DataFrame, folder: Path) -> dict:
    frame.to_csv(folder / "data.csv", index=False, float_format="%.17g")
    done = subprocess.run(
        ["Rscript", str(HERE / "proc.R"), str(folder / "data.csv")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"pROC does not run: {done.stderr.strip()[-200:]}")
    return json.loads(done.stdout)


def compare(frame: pd.DataFrame, expected: dict) -> None:
    test = delong_test(frame["y"], frame["a"], frame["b"])
    assert test.auc_a == pytest.approx(expected["auc_a"], abs=1e-12)
    assert test.auc_b == pytest.approx(expected["auc_b"], abs=1e-12)
    assert test.z == pytest.approx(expected["z"], abs=1e-10)
    assert test.p_value == pytest.approx(expected["p_value"], abs=1e-10)
    auc, se, (low, high) = delong_interval(frame["y"], frame["a"], scale="plain")
    assert auc == test.auc_a
    assert se == pytest.approx(expected["se"], abs=1e-12)
    assert (low, high) == pytest.approx((expected["low"], expected["high"]), abs=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_delong_equals_proc_as_stored(name):
    compare(data(name), json.loads(REFERENCE.read_text())[name])


@pytest.mark.parametrize("name", CASES)
def test_delong_equals_proc_as_it_runs(name, tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("needs R with pROC (Debian: r-cran-proc)")
    compare(data(name), run_proc(data(name), tmp_path))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = {
            "made by": "python -m tests.crosschecks.test_proc, which runs Rscript proc.R data.csv",
            "seeds": {name: seed for seed, name in enumerate(CASES)},
            **{name: run_proc(data(name), Path(folder)) for name in CASES},
        }
    REFERENCE.write_text(json.dumps(found, indent=1) + "\n")
