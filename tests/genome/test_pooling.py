from __future__ import annotations

import time
from itertools import product

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.genome.pooling import carried_sequences, pool_genes


def make(n_samples=5, genes=(3, 1, 2), n_distinct=9, dim=4, seed=0):
    rng = np.random.default_rng(seed)
    regions = pd.DataFrame(
        [(f"G{g}.{r}", f"G{g}") for g, n in enumerate(genes) for r in range(n)],
        columns=["region_id", "gene_id"],
    )
    samples = [f"s{i}" for i in range(n_samples)]
    index = pd.DataFrame(
        product(samples, regions["region_id"], (1, 2)), columns=["sample", "region_id", "haplotype"]
    )
    index["sequence_id"] = rng.integers(0, n_distinct, len(index))
    return rng.normal(size=(n_distinct, dim)), index, regions


NAMES = ["a", "b", "c", "d"]


def test_exons_weigh_equally_and_haplotypes_are_averaged():
    embeddings, index, regions = make()
    pooled = pool_genes(embeddings, NAMES, index, regions, "enc")
    gene_of = dict(regions[["region_id", "gene_id"]].itertuples(index=False))
    for sample in pooled.index:
        for gene in regions["gene_id"].unique():
            rows = index[(index["sample"] == sample) & (index["region_id"].map(gene_of) == gene)]
            exons = [
                embeddings[part["sequence_id"]].mean(axis=0)
                for _, part in rows.groupby("region_id")
            ]
            got = pooled.loc[sample, [f"genomics__enc__{gene}__{name}" for name in NAMES]]
            np.testing.assert_allclose(got, np.mean(exons, axis=0))


def test_table_follows_the_contract():
    embeddings, index, regions = make()
    pooled = pool_genes(embeddings, NAMES, index, regions, "enc")
    assert pooled.index.name == "subject_id"
    assert pooled.columns[:5].tolist() == [
        *(f"genomics__enc__G0__{name}" for name in NAMES),
        "genomics__enc__G1__a",
    ]
    assert pooled.shape == (5, 12)


def test_order_of_rows_does_not_matter():
    embeddings, index, regions = make()
    shuffled = index.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        pool_genes(embeddings, NAMES, index, regions, "enc"),
        pool_genes(embeddings, NAMES, shuffled, regions, "enc"),
    )


def test_swapping_haplotypes_changes_nothing():
    embeddings, index, regions = make()
    swapped = index.assign(haplotype=3 - index["haplotype"])
    pd.testing.assert_frame_equal(
        pool_genes(embeddings, NAMES, index, regions, "enc"),
        pool_genes(embeddings, NAMES, swapped, regions, "enc"),
    )


def test_a_subset_of_categories_gives_only_its_samples():
    embeddings, index, regions = make()
    index["sample"] = index["sample"].astype("category")
    some = index[index["sample"].isin(["s1", "s3"])]
    pooled = pool_genes(embeddings, NAMES, some, regions, "enc")
    assert pooled.index.tolist() == ["s1", "s3"]


def test_ten_thousand_subjects_are_quick():
    embeddings, index, regions = make(n_samples=10_000, genes=(2,) * 10, n_distinct=400, dim=136)
    began = time.perf_counter()
    pooled = pool_genes(embeddings, [f"k{i}" for i in range(136)], index, regions, "enc")
    assert pooled.shape == (10_000, 1360)
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda e, i, r: (e, i.iloc[1:], r), r"59 rows, not 60.*\(1 of 5 subjects\)"),
        (lambda e, i, r: (e, pd.concat([i, i.iloc[:1]]), r), "61 rows, not 60"),
        (lambda e, i, r: (e, i.assign(haplotype=0), r), "other than 1 and 2"),
        (lambda e, i, r: (e[:3], i, r), "has no embedding"),
        (lambda e, i, r: (e, i, r.iloc[1:]), r"region G0\.0 .* not in the regions"),
    ],
)
def test_inconsistent_tables_are_refused(spoil, message):
    embeddings, index, regions = spoil(*make())
    with pytest.raises(InputError, match=message):
        pool_genes(embeddings, NAMES, index, regions, "enc")


def test_carried_sequences_are_an_array():
    _, index, _ = make()
    samples, region_ids, carried = carried_sequences(index)
    assert (len(samples), len(region_ids), 2) == carried.shape
    row = index.iloc[17]
    place = samples.index(row["sample"]), region_ids.index(row["region_id"]), row["haplotype"] - 1
    assert carried[place] == row["sequence_id"]
