from __future__ import annotations

import numpy as np

from neurogenomics_kb.genome import patching
from neurogenomics_kb.genome.genotypes import Record
from neurogenomics_kb.genome.patching import apply_alleles, distinct_columns


def record(position, ref, *alts):
    return Record(position, ref, alts, np.zeros((0, 2), int), np.zeros(0, bool), 0)


def test_distinct_columns_rebuild_the_table():
    rng = np.random.default_rng(0)
    founders = rng.integers(0, 3, size=(20, 7))
    alleles = founders[:, rng.integers(0, 7, 4000)]
    patterns, inverse = distinct_columns(alleles)
    assert patterns.shape[1] == len(np.unique(founders, axis=1).T)
    np.testing.assert_array_equal(patterns[:, inverse], alleles)


def test_hash_collisions_do_not_merge_haplotypes(monkeypatch):
    class Colliding:
        def integers(self, low, high, size, dtype):
            return np.zeros(size, dtype=dtype)

    monkeypatch.setattr(patching.np.random, "default_rng", lambda seed: Colliding())
    alleles = np.array([[0, 1, 1, 0], [0, 0, 1, 0]])
    patterns, inverse = distinct_columns(alleles)
    assert patterns.shape[1] == 3
    np.testing.assert_array_equal(patterns[:, inverse], alleles)


def test_first_record_wins_where_records_overlap():
    text, tally = apply_alleles(
        "AACGTA",
        10,
        [record(11, "ACG", "A"), record(12, "C", "T"), record(14, "T", "C")],
        [1, 1, 1],
    )
    assert text == "AACA"
    assert tally == {"applied_alleles": 2, "overlapping_alleles": 1}


def test_an_allele_not_carried_blocks_nothing():
    text, tally = apply_alleles(
        "AACGTA", 10, [record(11, "ACG", "A"), record(12, "C", "T")], [0, 1]
    )
    assert text == "AATGTA"
    assert tally == {"applied_alleles": 1}


def test_indel_anchored_on_the_changed_base_before_it_applies():
    both = [record(11, "A", "G"), record(11, "A", "ATT")]
    assert apply_alleles("AACGTA", 10, both, [1, 1])[0] == "AGTTCGTA"
    deletion = [record(11, "A", "G"), record(11, "AC", "A")]
    assert apply_alleles("AACGTA", 10, deletion, [1, 1])[0] == "AGGTA"


def test_nothing_follows_on_the_anchor_of_an_insertion():
    twice = [record(11, "A", "ATT"), record(11, "A", "AGG")]
    text, tally = apply_alleles("AACGTA", 10, twice, [1, 1])
    assert text == "AATTCGTA"
    assert tally["overlapping_alleles"] == 1
