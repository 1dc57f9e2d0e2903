"""Permutation CCA against PermCCA, the authors' program (Winkler et al. 2020), run under Octave.

PermCCA draws its own permutations; `octave/randperm.m` hands it ours. It leaves the intercept out
of the confounds and centres instead, so the comparison gives our function the same: centred data,
and a residual space without intercept (the identity, or Theil's basis with the same rows kept).
Then both define the same numbers, with one exception: where one side has more variables, PermCCA
completes its variates by directions that are orthogonal as coefficients, not as variates, so from
the second component on the surplus overlaps with earlier components and p-values differ.

Numbers of a run are stored in reference/permcca.json, together with the version; with
NGKB_PERMCCA_DIR naming a folder with permcca.m, and octave on the path, PermCCA itself runs. Its
licence is the GPL, so it is not part of this repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.inference.residual_space import HuhJhun, Theil

HERE = Path(__file__).parent
REFERENCE = HERE / "reference/permcca.json"
N_PERMUTATIONS = 199
# name: subjects, variables of Y and X, confounds, strength of a true first component
CASES = {
    "no confounds": (40, 4, 3, 0, 0.0),
    "true first component": (40, 3, 3, 0, 2.0),
    "fewer variables on the left": (40, 2, 5, 0, 0.5),
    "as many on both sides": (40, 3, 3, 0, 0.0),
    "confounds of both sides": (40, 3, 4, 6, 0.0),
    "confounds and a true component": (40, 3, 3, 6, 1.5),
}


class Identity:
    """Every row stays as it is; for data that were centred beforehand."""

    def __init__(self, n: int) -> None:
        self.n, self.rank, self.size = n, 0, n

    def project(self, Y):
        return np.array(Y)

    def lift(self, U):
        return U


def case(name: str):
    n, p, q, r, signal = CASES[name]
    rng = np.random.default_rng(list(CASES).index(name))
    axis, Z = rng.normal(size=n), rng.normal(size=(n, r))
    Y = rng.normal(size=(n, p)) + Z @ rng.normal(size=(r, p))
    X = rng.normal(size=(n, q)) + Z @ rng.normal(size=(r, q))
    Y[:, 0] += signal * axis
    X[:, 0] += signal * axis
    Y, X, Z = (A - A.mean(axis=0) for A in (Y, X, Z))
    space = Theil(Z) if r else Identity(n)
    draws = np.stack([rng.permutation(space.size) for _ in range(N_PERMUTATIONS)])
    return Y, X, Z, space, draws


def ours(name: str):
    Y, X, _, space, draws = case(name)
    result = permutation_cca(
        X, Y, residual_space=space, permutations=draws, n_components=min(X.shape[1], Y.shape[1])
    )
    return result.p_values, result.correlations


def theirs(name: str, folder: Path, permcca: str):
    Y, X, Z, space, draws = case(name)
    np.savetxt(folder / "Y.csv", Y, delimiter=",", fmt="%.17g")
    np.savetxt(folder / "X.csv", X, delimiter=",", fmt="%.17g")
    np.savetxt(folder / "draws.csv", draws + 1, delimiter=",", fmt="%d")
    if Z.shape[1]:
        np.savetxt(folder / "Z.csv", Z, delimiter=",", fmt="%.17g")
        np.savetxt(folder / "rows.csv", space.rows[None] + 1, delimiter=",", fmt="%d")
    subprocess.run(
        ["octave-cli", "--quiet", str(HERE / "octave/run_permcca.m"), permcca, str(folder)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return (np.loadtxt(folder / f"{f}.csv", delimiter=",", ndmin=1) for f in "pr")


def compare_p(name: str, ours, theirs) -> None:
    """Equal; the first alone where one side has more variables."""
    _, p, q, *_ = CASES[name]
    known = len(ours) if p == q else 1
    np.testing.assert_allclose(ours[:known], theirs[:known], atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_p_values_equal_those_of_permcca_as_stored(name):
    stored = json.loads(REFERENCE.read_text())["cases"][name]
    p, r = ours(name)
    np.testing.assert_allclose(r, stored["r"], atol=1e-10)
    compare_p(name, p, stored["p"])


@pytest.mark.parametrize("name", CASES)
def test_p_values_equal_those_of_permcca_as_it_runs(name, tmp_path):
    permcca = os.environ.get("NGKB_PERMCCA_DIR", "")
    if not (Path(permcca) / "permcca.m").is_file() or not shutil.which("octave-cli"):
        pytest.skip("needs octave-cli and NGKB_PERMCCA_DIR with permcca.m")
    p, r = ours(name)
    their_p, their_r = theirs(name, tmp_path, permcca)
    np.testing.assert_allclose(r, their_r, atol=1e-10)
    compare_p(name, p, their_p)


def test_leaving_the_intercept_out_rejects_too_often():
    """Where the two should differ: centring instead of an intercept, N = 50, 30 confounds.

    PermCCA's definition is run by our machine, which the tests above show to be the same.
    """
    centred = included = 0
    n_data = 400
    for seed in range(n_data):
        rng = np.random.default_rng(seed)
        Z, X, Y = rng.normal(size=(50, 30)), rng.normal(size=(50, 4)), rng.normal(size=(50, 4))
        Zc, Xc, Yc = (A - A.mean(axis=0) for A in (Z, X, Y))
        options = {"n_permutations": 39, "n_components": 1, "random_state": seed}
        centred += (
            permutation_cca(Xc, Yc, residual_space=HuhJhun(Zc), **options).p_values[0] <= 0.05
        )
        included += permutation_cca(X, Y, confounds=Z, **options).p_values[0] <= 0.05
    assert stats.binomtest(int(included), n_data, 0.05).pvalue > 0.01
    assert centred > included


def write_reference(permcca: str) -> None:
    """``python -m tests.crosschecks.test_permcca FOLDER`` makes the stored numbers anew."""
    import tempfile

    found = {}
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            p, r = theirs(name, Path(folder), permcca)
            found[name] = {"p": p.tolist(), "r": r.tolist()}
    version = subprocess.run(
        ["octave-cli", "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    REFERENCE.write_text(
        json.dumps(
            {
                "made_by": "python -m tests.crosschecks.test_permcca FOLDER",
                "program": "PermCCA, github.com/andersonwinkler/PermCCA, permcca.m at 0ac2e83",
                "octave": version,
                "permutations": N_PERMUTATIONS,
                "cases": found,
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    import sys

    write_reference(sys.argv[1])
