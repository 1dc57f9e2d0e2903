from __future__ import annotations

import time
from itertools import product

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.pooling import Pooling, carried_sequences, pool_genes, prior_weights


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


def with_lengths(regions):
    lengths = 10 * (1 + np.arange(len(regions)))
    return regions.assign(start=5, end=5 + lengths)


def exon_means(embeddings, index):
    """Per sample and region, mean of the haplotypes."""
    vectors = pd.DataFrame(embeddings[index["sequence_id"]], index=index.index)
    return vectors.groupby([index["sample"], index["region_id"]]).mean()


def test_exons_weigh_by_length_or_prior():
    embeddings, index, regions = make()
    regions = with_lengths(regions)
    prior = pd.Series(np.arange(len(regions), dtype=float) + 0.5, regions["region_id"])
    exons = exon_means(embeddings, index)
    for pooling, weight in (
        (Pooling(gene="length_weighted"), regions.set_index("region_id").eval("end - start")),
        (Pooling(gene="prior_weighted"), prior),
    ):
        pooled = pool_genes(embeddings, NAMES, index, regions, "enc", pooling, prior)
        for gene, own in regions.groupby("gene_id")["region_id"]:
            for sample in pooled.index:
                wanted = np.average(
                    exons.loc[[(sample, r) for r in own]], axis=0, weights=weight[own]
                )
                got = pooled.loc[sample, [f"genomics__enc__{gene}__{n}" for n in NAMES]]
                np.testing.assert_allclose(got, wanted)


@pytest.mark.parametrize("how", ["mean", "max", "prior_weighted"])
def test_genes_become_one_vector(how):
    embeddings, index, regions = make()
    prior = pd.Series([1.0, 0.0, 3.0], ["G0", "G1", "G2"])
    genes = pool_genes(embeddings, NAMES, index, regions, "enc").to_numpy().reshape(5, 3, 4)
    pooled = pool_genes(embeddings, NAMES, index, regions, "enc", Pooling(subject=how), prior)
    wanted = {
        "mean": genes.mean(axis=1),
        "max": genes.max(axis=1),
        "prior_weighted": (genes[:, 0] + 3 * genes[:, 2]) / 4,
    }[how]
    np.testing.assert_allclose(pooled, wanted)
    assert pooled.columns.tolist() == [f"genomics__enc__all_genes__{n}" for n in NAMES]


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (None, "which was not collected"),
        (pd.Series({"G0.0": 1.0}), "5 of 6 exons have no weight"),
        (pd.Series(0.0, [f"G{g}.{r}" for g in range(3) for r in range(3)]), "all exons of G0"),
    ],
)
def test_weights_must_fit(prior, message):
    embeddings, index, regions = make()
    with pytest.raises(InputError, match=message):
        pool_genes(embeddings, NAMES, index, regions, "enc", Pooling(gene="prior_weighted"), prior)


@pytest.mark.parametrize("weights", [[1.0, -1.0], [1.0, np.nan]])
def test_a_weight_is_a_number_from_0(weights):
    with pytest.raises(InputError, match=r"1 weights are missing or negative, first that of B"):
        prior_weights(pd.DataFrame({"id": ["A", "B"], "weight": weights}))
