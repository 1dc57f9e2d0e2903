from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Exchangeability, Level


def test_families_change_places_as_wholes():
    blocks = np.array(["a", "a", "b", "b", "c", "d", "e", "e", "e"])
    exchange = Exchangeability(blocks, 9)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(2000):
        permutation = exchange.draw(rng)
        assert sorted(permutation) == list(range(9))
        moved = blocks[permutation]
        for family in "abe":
            assert len(set(moved[blocks == family])) == 1  # one family in, one family out
        assert set(moved[:4]) == {"a", "b"}
        assert set(moved[6:]) == {"e"}
        seen.add(tuple(permutation))
    assert exchange.log_count == pytest.approx(np.log(2 * 4 * 2 * 6))
    assert len(seen) == 96


def test_single_permutation_is_refused():
    with pytest.raises(InputError, match="single permutation of 1 rows"):
        Exchangeability(["only"], 1)
    Exchangeability(["a", "b"], 2)


def brute_force(labels_by_level, exchange_rows, n):
    """All permutations under which the nesting is an isomorphism of itself."""
    found = set()
    for p in permutations(range(n)):
        p = np.array(p)
        fits = True
        for labels, exchange in labels_by_level:
            moved = labels[p]
            pairs = set(zip(labels, moved, strict=True))
            fits &= len(pairs) == len(set(labels))  # unit in, one unit out
            if not exchange:
                fits &= bool((moved == labels).all())
        if fits and not exchange_rows:
            inner = labels_by_level[-1][0]
            fits = all((np.diff(p[inner == unit]) > 0).all() for unit in set(inner))
        if fits:
            found.add(tuple(p))
    return found


@pytest.mark.parametrize(
    ("levels", "exchange_rows"),
    [
        ([("aabbcc", True)], True),
        ([("aabbcc", True)], False),
        ([("aabbcc", False)], True),
        ([("xxxxyyy", False), ("aabbccd", True)], True),
        ([("xxxxyyy", True), ("aabbccd", True)], True),
        ([("ffffgg", True), ("aabbcd", True)], False),
        ([("ffffgggg", True), ("aabbccdd", True)], False),
    ],
)
def test_drawn_permutations_are_exactly_those_that_keep_the_nesting(levels, exchange_rows):
    labels = [(np.array(list(text)), exchange) for text, exchange in levels]
    n = len(levels[0][0])
    blocks = Blocks(tuple(Level(*level) for level in labels), exchange_rows)
    exchange = Exchangeability(blocks, n)
    expected = brute_force(labels, exchange_rows, n)
    assert round(np.exp(exchange.log_count)) == len(expected)
    assert exchange.smallest_p == pytest.approx(1 / len(expected))
    rng = np.random.default_rng(0)
    drawn = [tuple(exchange.draw(rng)) for _ in range(60 * len(expected))]
    counts = {p: drawn.count(p) for p in set(drawn)}
    assert set(counts) == expected
    assert min(counts.values()) > 20  # uniform: 60 expected of each
    assert max(counts.values()) < 110


def test_visits_replace_visits_of_the_same_wave_only():
    child = np.array(list("aabbcc"))
    wave = np.array([1, 2, 1, 2, 1, 3])
    blocks = Blocks((Level(child),), exchange_rows=False, kinds=wave)
    exchange = Exchangeability(blocks, 6)
    assert round(np.exp(exchange.log_count)) == 2  # child c came to another wave
    for _ in range(20):
        assert (wave[exchange.draw(np.random.default_rng())] == wave).all()


def test_blocks_of_a_subset_keep_their_levels():
    blocks = Blocks((Level(np.array(list("xxyy")), False), Level(np.array(list("abcc")))))
    taken = blocks.take(np.array([0, 1, 3]))
    assert list(taken.levels[0].labels) == ["x", "x", "y"]
    assert not taken.levels[0].exchange


@pytest.mark.parametrize(
    ("blocks", "n", "words"),
    [
        (["a", "b"], 3, "2 block labels for 3 subjects"),
        (Blocks((Level(np.array(list("xy"))), Level(np.array(list("aa"))))), 2, "several units"),
        (Blocks((Level(np.array(list("xy")), False),)), 2, "single permutation"),
        (Blocks((Level(np.array(list("xxy"))),), exchange_rows=False), 3, "single permutation"),
    ],
)
def test_impossible_structures_are_refused(blocks, n, words):
    with pytest.raises(InputError, match=words):
        Exchangeability(blocks, n)
