from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.ancestry import fit_ancestry, main, project_ancestry
from tests.genome.test_pgen import write_pgen

PEOPLE, SITES = 120, 400


@pytest.fixture(scope="module")
def structured(tmp_path_factory):
    """Three populations by drift (Balding and Nichols); every fifth variant repeats the last."""
    rng = np.random.default_rng(3)
    population = np.repeat([0, 1, 2], PEOPLE // 3)
    rows = []
    alleles = None
    for site in range(SITES):
        if site % 5 != 4 or alleles is None:
            ancestral = rng.uniform(0.2, 0.8)
            drift = 0.1
            a, b = ancestral * (1 - drift) / drift, (1 - ancestral) * (1 - drift) / drift
            frequency = rng.beta(a, b, 3)[population]
            alleles = (rng.random((PEOPLE, 2)) < frequency[:, None]).astype(int)
        calls = [f"{x}|{y}" if rng.random() > 0.005 else ".|." for x, y in alleles]
        contig = f"chr{1 + site // 200}"
        rows.append((contig, 1000 * (site % 200 + 1), "A", "G", calls))
    rows.append(("chr2", 900_000, "A", "AG", ["0|1"] * PEOPLE))  # not an SNV
    rows.append(("chrX", 5, "A", "G", ["0|1", "0|0"] * (PEOPLE // 2)))  # not an autosome
    samples = [f"s{i}" for i in range(PEOPLE)]
    folder = tmp_path_factory.mktemp("ancestry")
    return write_pgen(folder / "v.pgen", samples, rows), population


def separation(scores, population):
    """Share of the variance of the first two components that lies between populations."""
    values = scores[["pc1", "pc2"]].to_numpy()
    means = np.stack([values[population == p].mean(axis=0) for p in range(3)])[population]
    return ((means - values.mean(axis=0)) ** 2).sum() / ((values - values.mean(axis=0)) ** 2).sum()


def test_populations_come_apart_and_linked_variants_are_thinned(structured):
    pgen, population = structured
    scores, loadings = fit_ancestry(pgen, n_components=4)
    assert separation(scores, population) > 0.9
    assert len(loadings) <= SITES * 4 / 5
    assert set(loadings["chrom"]) == {"chr1", "chr2"}
    np.testing.assert_allclose((scores.filter(like="pc") ** 2).sum(), 1, rtol=0.05)


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
def test_agrees_with_plink2(structured, tmp_path):
    pgen, _ = structured
    scores, loadings = fit_ancestry(pgen, n_components=4)
    sites = tmp_path / "sites.txt"
    sites.write_text(
        "\n".join(f"{c.chrom}\t{c.pos - 1}\t{c.pos}" for c in loadings.itertuples()) + "\n"
    )
    command = ["plink2", "--pfile", str(pgen.with_suffix("")), "--extract", "bed0", str(sites)]
    command += ["--pca", "4", "--threads", "1", "--out", str(tmp_path / "p")]
    subprocess.run([*command, "--nonfounders"], check=True, capture_output=True)
    theirs = pd.read_csv(tmp_path / "p.eigenvec", sep="\t")
    for number in (1, 2):  # the two that mean something
        both = np.corrcoef(scores[f"pc{number}"], theirs[f"PC{number}"])[0, 1]
        assert abs(both) > 0.999


def test_projecting_those_who_were_fitted_gives_their_scores(structured):
    pgen, _ = structured
    scores, loadings = fit_ancestry(pgen, n_components=3)
    again = project_ancestry(pgen, loadings)
    np.testing.assert_allclose(again[["pc1", "pc2", "pc3"]],
                               scores.drop(columns="participant_id"), atol=1e-5)  # fmt: skip


def test_who_is_not_fitted_changes_nothing(structured, tmp_path):
    pgen, population = structured
    train = [f"s{i}" for i in range(PEOPLE) if i % 2]
    scores, loadings = fit_ancestry(pgen, train, n_components=3)
    assert separation(scores, population) > 0.7
    calls = [line.split("\t") for line in pgen.with_suffix(".pvar").read_text().splitlines()[1:]]
    # The others' genotypes become something else altogether.
    import pgenlib

    reader = pgenlib.PgenReader(str(pgen).encode())
    rows = []
    buffer, rng = np.empty(2 * PEOPLE, dtype=np.int32), np.random.default_rng(0)
    for number, (chrom, position, _, ref, alt) in enumerate(calls):
        reader.read_alleles(number, buffer)
        pairs = buffer.reshape(-1, 2).copy()
        pairs[::2] = rng.integers(0, 2, pairs[::2].shape)
        texts = [".|." if pair.min() < 0 else f"{pair[0]}|{pair[1]}" for pair in pairs]
        rows.append((chrom, int(position), ref, alt, texts))
    other = write_pgen(tmp_path / "w.pgen", [f"s{i}" for i in range(PEOPLE)], rows)
    _, same = fit_ancestry(other, train, n_components=3)
    pd.testing.assert_frame_equal(loadings, same)


def test_command_writes_a_table_to_join(structured, tmp_path, capsys):
    pgen, _ = structured
    out, loadings = tmp_path / "pcs.tsv", tmp_path / "loadings.tsv"
    main([str(pgen), "--out", str(out), "--components", "2", "--save-loadings", str(loadings)])
    assert "120 people" in capsys.readouterr().out
    first = pd.read_csv(out, sep="\t")
    assert first.columns.tolist() == ["participant_id", "pc1", "pc2"]
    main([str(pgen), "--out", str(out), "--loadings", str(loadings)])
    again = pd.read_csv(out, sep="\t")
    assert again.columns.tolist() == [*first.columns, "missing_calls"]
    pd.testing.assert_frame_equal(first, again[first.columns], atol=1e-4)


def test_too_little_is_refused(structured, tmp_path):
    pgen, _ = structured
    with pytest.raises(InputError, match="too few for 300 components"):
        fit_ancestry(pgen, n_components=300)
    with pytest.raises(InputError, match="1 of 2 subjects"):
        fit_ancestry(pgen, ["s1", "nobody"])
    _, loadings = fit_ancestry(pgen, n_components=2)
    with pytest.raises(InputError, match=r"0 of .* variants of the loadings"):
        project_ancestry(pgen, loadings.assign(pos=loadings["pos"] + 1))
    with pytest.raises(InputError, match="column 'frequency'"):
        project_ancestry(pgen, loadings.drop(columns="frequency"))
