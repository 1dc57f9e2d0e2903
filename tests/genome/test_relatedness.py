from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.genome.relatedness import FIRST_DEGREE, MAX_NOISE, relationship_matrix


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
