from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.encoders import KmerEncoder, load_encoder
from neurogenomics_kb.genome.sequences import reverse_complement


def random_sequences(seed=0, n=40, alphabet="ACGT"):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(alphabet), rng.integers(0, 60))) for _ in range(n)]


def naive_frequencies(sequence, encoder):
    kmers = [sequence[i : i + encoder.k] for i in range(len(sequence) - encoder.k + 1)]
    kmers = [min(kmer, reverse_complement(kmer)) for kmer in kmers if set(kmer) <= set("ACGT")]
    counts = Counter(kmers)
    return [counts[name] / max(len(kmers), 1) for name in encoder.names]


@pytest.mark.parametrize(("k", "dim"), [(1, 2), (2, 10), (3, 32), (4, 136), (5, 512)])
def test_number_of_canonical_kmers(k, dim):
    encoder = KmerEncoder(k)
    assert encoder.dim == len(encoder.names) == len(set(encoder.names)) == dim


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_frequencies_equal_a_plain_count(k):
    encoder = KmerEncoder(k)
    sequences = random_sequences(k, alphabet="ACGTN")
    wanted = [naive_frequencies(sequence, encoder) for sequence in sequences]
    np.testing.assert_array_equal(encoder.embed(sequences), wanted)


def test_reverse_complement_embeds_identically():
    encoder = KmerEncoder(4)
    sequences = random_sequences(1)
    reverse = [reverse_complement(sequence) for sequence in sequences]
    np.testing.assert_array_equal(encoder.embed(sequences), encoder.embed(reverse))
    assert len(np.unique(encoder.embed(sequences), axis=0)) > 30


def test_short_and_unknown_sequences_are_zeros():
    embedded = KmerEncoder(4).embed(["", "ACG", "NNNNNNN", "ACGT"])
    assert embedded[:3].sum() == 0
    assert embedded[3].sum() == 1
    assert KmerEncoder(4).embed([]).shape == (0, 136)


def test_batches_do_not_change_results():
    sequences = random_sequences(2)
    small = KmerEncoder(3)
    small._chunk = 70
    np.testing.assert_array_equal(small.embed(sequences), KmerEncoder(3).embed(sequences))


def test_tokens_average_to_the_embedding():
    encoder = KmerEncoder(2)
    tokens = encoder.embed_tokens("ACGTNAC")
    assert tokens.shape == (6, encoder.dim)
    np.testing.assert_allclose(tokens.sum(axis=0) / 4, encoder.embed(["ACGTNAC"])[0])
    assert encoder.embed_tokens("A").shape == (0, encoder.dim)


def test_case_does_not_matter():
    encoder = KmerEncoder(3)
    np.testing.assert_array_equal(encoder.embed(["acgtt"]), encoder.embed(["ACGTT"]))


@pytest.mark.parametrize(
    "card",
    [
        {"type": "kmer", "k": 3},
        {"id": "kmer_spectrum_k3", "spec": {"type": "kmer", "k": 3}},
        SimpleNamespace(spec={"type": "kmer", "k": 3}),
    ],
)
def test_cards_and_specs_load(card):
    assert load_encoder(card).k == 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "kmre"}, "unknown encoder type 'kmre'.*Known types: caduceus"),
        ({"k": 4}, "needs a 'type'.*Known types: caduceus"),
        ("kmer", "needs a 'type'"),
        ({"type": "kmer", "size": 4}, "options size do not fit"),
        ({"type": "kmer", "k": 0}, "k = 0"),
        ({"type": "kmer", "k": 40}, "k = 40"),
        ({"type": "kmer", "k": "4"}, "k = '4'"),
    ],
)
def test_unusable_specs_are_refused(spec, message):
    with pytest.raises(InputError, match=message):
        load_encoder(spec)
