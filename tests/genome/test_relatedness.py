from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.genome.relatedness import (
    FIRST_DEGREE,
    MAX_NOISE,
    SAME,
    genotype_concordance,
    relationship_matrix,
)


def carried(n=120, regions=800, alleles=4, seed=0):
    """Unrelated people, then siblings 0 and 1, and 3 is 2 again."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(alleles, 2.0), regions)
    draw = (rng.random((n, regions, 2))[..., None] > share.cumsum(1)[None, :, None, :-1]).sum(-1)
    parents = draw[100:102]
    for child in (0, 1):
        side = rng.integers(0, 2, (2, regions))
        draw[child] = np.stack([parents[p, np.arange(regions), side[p]] for p in (0, 1)], axis=1)
    draw[3] = draw[2]
    samples = np.repeat([f"s{i:03d}" for i in range(n)], regions * 2)
    return pd.DataFrame(
        {
            "sample": samples,
            "region_id": np.tile(np.repeat([f"r{i}" for i in range(regions)], 2), n),
            "haplotype": np.tile([1, 2], n * regions),
            "sequence_id": (draw + alleles * np.arange(regions)[None, :, None]).ravel(),
        }
    )


def test_siblings_are_half_and_the_same_person_one():
    samples, relationship, noise = relationship_matrix(carried())
    assert samples[:4] == ["s000", "s001", "s002", "s003"]
    assert relationship[0, 1] == pytest.approx(0.5, abs=0.1)
    assert relationship[2, 3] == pytest.approx(1.0, abs=0.12)
    assert noise < MAX_NOISE
    others = relationship[4:100, 4:100][np.triu_indices(96, 1)]
    assert others.max() < FIRST_DEGREE


def test_few_regions_are_said_to_be_too_noisy():
    assert relationship_matrix(carried(regions=20))[2] > MAX_NOISE


def test_same_person_is_told_by_equal_genotypes_despite_failed_calls():
    index = carried(regions=120)
    rng = np.random.default_rng(1)
    failed = rng.random(len(index)) < 0.03
    index.loc[failed, "sequence_id"] = 10_000  # the reference's sequence where calls are missing
    _, concordance, clearance = genotype_concordance(index)
    assert clearance < SAME
    assert concordance[2, 3] > SAME
    assert concordance[0, 1] < SAME  # siblings are not one person
    others = concordance[4:100, 4:100][np.triu_indices(96, 1)]
    assert others.max() < clearance


def test_people_of_one_ancestry_look_related_until_ancestry_is_given():
    """Two populations, allele frequencies far apart; nobody is related."""
    rng = np.random.default_rng(0)
    regions, n = 800, 120
    population = np.arange(n) % 6 == 0
    share = rng.uniform(0.05, 0.95, (2, regions))
    draw = rng.random((n, regions, 2)) < share[population.astype(int)][:, :, None]
    index = pd.DataFrame(
        {
            "sample": np.repeat([f"s{i:03d}" for i in range(n)], regions * 2),
            "region_id": np.tile(np.repeat([f"r{i}" for i in range(regions)], 2), n),
            "haplotype": np.tile([1, 2], n * regions),
            "sequence_id": (draw + 2 * np.arange(regions)[None, :, None]).ravel(),
        }
    )
    ancestry = pd.DataFrame({"pc1": population.astype(float)}, [f"s{i:03d}" for i in range(n)])
    inside = np.triu(population[:, None] & population[None, :], 1)
    assert relationship_matrix(index)[1][inside].mean() > FIRST_DEGREE
    _, relationship, noise = relationship_matrix(index, ancestry)
    assert noise < MAX_NOISE
    assert relationship[np.triu_indices(n, 1)].max() < FIRST_DEGREE


def test_samples_left_out_do_not_count_though_categories_keep_them():
    index = carried(regions=60)
    kept = index[index["sample"] < "s100"]
    as_text = relationship_matrix(kept)
    as_category = relationship_matrix(index.astype({"sample": "category"}).loc[kept.index])
    assert as_category[0] == as_text[0]
    np.testing.assert_allclose(as_category[1], as_text[1])
    samples, concordance, _ = genotype_concordance(
        index.astype({"sample": "category"}).loc[kept.index]
    )
    assert samples == as_text[0]
    assert np.diag(concordance).min() == 1.0
