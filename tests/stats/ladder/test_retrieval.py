"""Recall of held-out pairs within bins."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.retrieval import join_labels, retrieval


def cohort(seed, n=120, shared=0.0, sites=4, related=False, likeness=0.95):
    """Embeddings that share sites, and people as far as asked for."""
    rng = np.random.default_rng(seed)
    groups = np.arange(n)
    if related:
        groups = np.repeat(np.arange(n), rng.choice([1, 2, 3, 4], n))[:n]
    site = rng.integers(sites, size=n)[groups]
    middle = 2 * rng.normal(size=(sites, 4))[site]
    person = rng.normal(size=(n, 4))

    def noise():
        kin = rng.normal(size=(n, 4))[groups]
        share = likeness if related else 0.0
        return np.sqrt(share) * kin + np.sqrt(1 - share) * rng.normal(size=(n, 4))

    left, right = (middle + shared * person + noise() for _ in range(2))
    return left, right, site, groups


def p_values(related, runs, **settings):
    found = []
    for seed in range(runs):
        left, right, site, groups = cohort(seed, related=related)
        own = settings | ({"groups": groups} if settings.get("groups") else {"groups": None})
        if own.get("bins") == "site":
            own["bins"] = site
        result = retrieval(left, right, n_permutations=99, seed=seed, **own)
        found.append(result.table["p_value"].to_numpy())
    return np.array(found)


def test_recall_is_what_counting_says():
    left, right, site, _ = cohort(0, n=40, shared=1.0, sites=2)
    result = retrieval(left, right, bins=site, ks=(1, 3), n_permutations=19)
    unit_left, unit_right = (E / np.linalg.norm(E, axis=1)[:, None] for E in (left, right))
    for k, recall, chance in result.table[["k", "recall", "chance"]].itertuples(index=False):
        hits = []
        for A, B in ((unit_left, unit_right), (unit_right, unit_left)):
            for i in range(40):
                gallery = np.flatnonzero(site == site[i])
                nearest = gallery[np.argsort(-(B[gallery] @ A[i]))][: int(k)]
                hits.append(i in nearest)
        assert recall == pytest.approx(np.mean(hits))
        assert chance == pytest.approx(np.mean([k / (site == s).sum() for s in site]))
    assert (result.people, result.bins, result.left_out, result.fixed) == (40, 2, 0, 0)


def test_personal_pairs_are_found_and_p_is_never_zero():
    left, right, site, groups = cohort(1, shared=1.5, related=True)
    result = retrieval(left, right, bins=site, groups=groups, n_permutations=99)
    assert (result.table["recall"] > 1.4 * result.table["chance"]).all()
    assert np.allclose(result.table["p_value"], 0.01)
    assert (result.table["p_low"] <= 0.01).all()
    assert (result.table["p_high"] > 0.01).all()


def test_sites_alone_are_taken_for_pairs_by_a_whole_gallery_and_not_by_ours():
    free = p_values(False, 20, bins=None)
    assert ((free <= 0.05).sum(axis=0)[1:] == 20).all()  # among 5 and 10
    ours = p_values(False, 200, bins="site")
    # 0.05 and three standard errors of 200 cohorts.
    assert ((ours <= 0.05).mean(axis=0) < 0.097).all()
    assert ((ours <= 0.05).mean(axis=0) > 0.01).all()
    assert ours.min() >= 0.01


def test_families_do_not_raise_the_rate():
    ours = p_values(True, 200, bins="site", groups=True)
    assert ((ours <= 0.05).mean(axis=0) < 0.097).all()
    assert ours.min() >= 0.01


def test_a_family_in_two_bins_stays_and_small_bins_are_left_out():
    left, right, _, _ = cohort(2, n=50)
    bins = np.repeat([0, 1, 2], [24, 22, 4])
    groups = np.arange(50)
    groups[[0, 30]] = 99
    result = retrieval(left, right, bins=bins, groups=groups, n_permutations=19)
    assert (result.people, result.bins, result.left_out, result.fixed) == (46, 2, 4, 2)
    with pytest.raises(InputError, match="largest bin of site and ancestry has 5 people"):
        retrieval(left, right, bins=np.arange(50) // 5, n_permutations=19)


def test_embeddings_that_say_nothing_find_nobody():
    same = np.ones((30, 3))
    result = retrieval(same, same, bins=None, n_permutations=19)
    assert (result.table["recall"] == 0).all()
    assert (result.table["p_value"] == 1).all()


def test_bins_are_combinations_of_labels():
    assert len(set(join_labels(["a", "a", "b"], [1, 2, 1]))) == 3
    assert join_labels(["a", None, None]).max() == 1
