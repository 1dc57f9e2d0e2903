"""Counting pairs in tiles gives what the table of all pairs gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.genome import related_pairs
from neurogenomics_kb.genome.related_pairs import count_relatives, count_same
from neurogenomics_kb.genome.relatedness import (
    FIRST_DEGREE,
    MAX_NOISE,
    SAME,
    genotype_concordance,
    relationship_matrix,
)
from tests.genome.test_relatedness import carried


def labels(index, of):
    samples = sorted(index["sample"].unique())
    return pd.Series([of(i) for i in range(len(samples))], samples)


@pytest.mark.parametrize("directions", [10_000, 2048])
def test_relatives_are_those_of_the_table(monkeypatch, directions):
    """With all alleles, and screened in random directions of the 3,200."""
    monkeypatch.setattr(related_pairs, "TILE", 29)
    monkeypatch.setattr(related_pairs, "DIRECTIONS", directions)
    index = carried()
    places = {"folds": labels(index, lambda i: i % 2), "families": labels(index, lambda i: i)}
    counts, noise = count_relatives(index, places)
    _, relationship, exact = relationship_matrix(index)
    codes = np.arange(120) % 2
    related = np.triu(relationship > FIRST_DEGREE, 1)
    assert counts == {
        "folds": (related & (codes[:, None] != codes)).sum(), "families": related.sum(),
    }  # fmt: skip
    assert counts["families"] >= 2  # the siblings and the person twice
    assert noise == pytest.approx(exact)
    assert noise <= MAX_NOISE


def test_relatives_beside_ancestry_are_those_of_the_table(monkeypatch):
    monkeypatch.setattr(related_pairs, "TILE", 50)
    index = carried()
    rng = np.random.default_rng(0)
    samples = sorted(index["sample"].unique())
    ancestry = pd.DataFrame(rng.normal(size=(110, 2)), samples[:110], ["pc1", "pc2"])
    counts, noise = count_relatives(index, {"families": labels(index, lambda i: i)}, ancestry)
    _, relationship, exact = relationship_matrix(index, ancestry)
    assert counts["families"] == np.triu(relationship > FIRST_DEGREE, 1).sum()
    assert noise == pytest.approx(exact)


@pytest.mark.parametrize("regions", [50, 120])
def test_same_people_are_those_of_the_table(monkeypatch, regions):
    """All regions at once, and a draw of them first."""
    monkeypatch.setattr(related_pairs, "TILE", 41)
    index = carried(regions=regions)
    rng = np.random.default_rng(1)
    index.loc[rng.random(len(index)) < 0.03, "sequence_id"] = 10_000
    count, clearance = count_same(index, labels(index, lambda i: i))
    _, concordance, exact = genotype_concordance(index)
    assert count == np.triu(concordance >= SAME, 1).sum() == 1
    assert clearance == pytest.approx(exact)
    together, _ = count_same(index, labels(index, lambda i: i // 4))
    assert together == 0


def test_bands_of_regions_find_the_same_people_as_tiles(monkeypatch):
    index = carried(regions=60)
    rng = np.random.default_rng(1)
    index.loc[rng.random(len(index)) < 0.03, "sequence_id"] = 10_000
    people = labels(index, lambda i: i)
    tiled, _ = count_same(index, people)
    monkeypatch.setattr(related_pairs, "ALL_PAIRS", 50)
    assert count_same(index, people)[0] == tiled == 1
    monkeypatch.setattr(related_pairs, "BAND", 1)  # many share a cell: tiles after all
    assert count_same(index, people)[0] == 1
