"""Canonical correlation against published worked examples and other programs.

Linnerud: the exercise data of scikit-learn, worked in the SAS/STAT manual (PROC CANCORR, "Canonical
Correlation Analysis of Fitness Club Data"): correlations 0.795608, 0.200556, 0.072570, Wilks'
lambda 0.35039053. LifeCycleSavings: data set of R (Belsley, Kuh & Welsch 1980), the example of R's
help page of `cancor`: correlations 0.8247966 and 0.3652762.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import CCA
from sklearn.datasets import load_linnerud
from statsmodels.multivariate.cancorr import CanCorr

from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.inference.canonical import fit_cca

R_SCRIPT = """
d <- LifeCycleSavings
write.csv(d, stdout(), row.names = FALSE)
cat("---\\n")
cat(sprintf("%.15g", cancor(d[, 2:3], d[, -(2:3)])$cor), sep = "\\n")
"""


@pytest.fixture(scope="module")
def linnerud():
    found = load_linnerud()
    return found.target, found.data  # physiology, exercises


def test_linnerud_equals_the_published_table(linnerud):
    body, exercise = linnerud
    result = permutation_cca(body, exercise, n_permutations=99, random_state=0)
    np.testing.assert_allclose(result.correlations, [0.795608, 0.200556, 0.072570], atol=1e-6)
    # Wilks' lambda of all three is exp(−T_1).
    assert np.exp(-result.statistic[0]) == pytest.approx(0.35039053, abs=1e-8)
    # Published p by Rao's F is 0.0635; 20 people with skewed counts are not normal, so the
    # permutation p need not equal it but must be near.
    p = permutation_cca(body, exercise, n_permutations=4999, random_state=1).p_values[0]
    assert p == pytest.approx(0.0635, abs=0.03)


def test_linnerud_structure_coefficients_equal_the_published_table(linnerud):
    """Same example, "Correlations Between the Physiological Measurements and Their Canonical
    Variables": weight 0.6206, waist 0.9254, pulse −0.3328 on the first (sign free); chins
    −0.7276, situps −0.8177, jumps −0.1622 on that of the exercises."""
    body, exercise = linnerud
    result = permutation_cca(body, exercise, n_permutations=19)
    np.testing.assert_allclose(np.abs(result.x_loadings[:, 0]), [0.6206, 0.9254, 0.3328], atol=1e-4)
    np.testing.assert_allclose(np.abs(result.y_loadings[:, 0]), [0.7276, 0.8177, 0.1622], atol=1e-4)


def test_other_programs_agree_on_linnerud(linnerud):
    body, exercise = linnerud
    ours = fit_cca(body, exercise, 3)
    np.testing.assert_allclose(ours.correlations, CanCorr(body, exercise).cancorr, atol=1e-10)
    theirs = CCA(3, max_iter=5000, tol=1e-12).fit(body, exercise)
    scores = zip(ours.score(body, exercise), theirs.transform(body, exercise), strict=True)
    for mine, other in scores:
        for k in range(3):
            assert abs(np.corrcoef(mine[:, k], other[:, k])[0, 1]) == pytest.approx(1, abs=1e-5)


def test_life_cycle_savings_equals_r(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("needs R for its data set LifeCycleSavings")
    done = subprocess.run(["Rscript", "-e", R_SCRIPT], capture_output=True, text=True, check=True)
    table, numbers = done.stdout.split("---\n")
    (tmp_path / "savings.csv").write_text(table)
    savings = pd.read_csv(tmp_path / "savings.csv")
    population = savings[["pop15", "pop75"]].to_numpy()
    money = savings[["sr", "dpi", "ddpi"]].to_numpy()
    result = permutation_cca(population, money, n_permutations=999, random_state=0)
    np.testing.assert_allclose(result.correlations, np.array(numbers.split(), float), atol=1e-10)
    np.testing.assert_allclose(result.correlations, [0.8247966, 0.3652762], atol=1e-7)
    assert result.p_values[0] == 0.001
