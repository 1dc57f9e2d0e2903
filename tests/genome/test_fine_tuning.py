from __future__ import annotations

import numpy as np
import pytest
import torch

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.encoders import load_encoder
from neurogenomics_kb.genome.fine_tuning import LowRank, add_low_rank, divergence, fine_tune
from neurogenomics_kb.genome.sequences import reverse_complement
from tests.genome.tiny_models import SAVERS


@pytest.fixture(scope="module")
def task():
    """Sequences that hold a motif, on either strand, or do not."""
    rng = np.random.default_rng(1)
    texts, labels = [], []
    for i in range(160):
        text = "".join(rng.choice(list("ACGT"), 48))
        if i % 2:
            motif = "TTTTTGTTTTTT"
            motif = motif if rng.random() < 0.5 else reverse_complement(motif)
            text = text[:18] + motif + text[30:]
        texts.append(text)
        labels.append("motif" if i % 2 else "none")
    return texts, labels, np.arange(160) < 110


@pytest.fixture(scope="module", params=["hyenadna", "dnabert2", "caduceus"])
def encoder(request, tmp_path_factory):
    folder = SAVERS[request.param](tmp_path_factory.mktemp("m") / request.param)
    return load_encoder({"type": request.param, "weights": str(folder)})


def test_consistency_makes_strands_agree(tmp_path, task):
    """On a causal model, whose strands differ most."""
    folder = SAVERS["hyenadna"](tmp_path / "h")
    encoder = load_encoder({"type": "hyenadna", "weights": str(folder)})
    plain = fine_tune(encoder, *task, consistency=0.0, epochs=16)
    consistent = fine_tune(encoder, *task, consistency=4.0, epochs=16)
    assert consistent.before == plain.before
    assert consistent.after.n == 50
    assert plain.after.accuracy > 0.65
    assert consistent.after.accuracy > 0.65
    assert consistent.after.probability < 0.6 * plain.after.probability
    assert consistent.after.flips <= plain.after.flips
    assert consistent.losses[-1] < consistent.losses[0]


def test_the_encoder_itself_stays_as_it_is(encoder, task):
    before = encoder.embed(task[0][:3])
    done = fine_tune(encoder, *task, epochs=2)
    assert np.isfinite(done.losses).all()
    np.testing.assert_array_equal(encoder.embed(task[0][:3]), before)


def test_adapters_start_as_the_network_and_only_they_are_trained(encoder):
    import copy

    network = copy.deepcopy(encoder.network)
    ids = torch.from_numpy(encoder.tokenizer("ACGTTGCA" * 4).ids)[None]
    with torch.no_grad():
        expected = network(ids)
        assert add_low_rank(network, 2, 0) > 0
        torch.testing.assert_close(network(ids), expected)
    trained = {n for n, p in network.named_parameters() if p.requires_grad}
    assert trained
    assert all(name.endswith((".up", ".down")) for name in trained)


def test_tied_layers_stay_tied(tmp_path):
    folder = SAVERS["caduceus"](tmp_path / "c")
    network = load_encoder({"type": "caduceus", "weights": str(folder)}).network
    add_low_rank(network, 2, 0)
    mixer = network.layers[0].mixer
    assert isinstance(mixer.mamba_fwd.in_proj, LowRank)
    assert mixer.mamba_fwd.in_proj is mixer.mamba_rev.in_proj


def test_head_alone(encoder, task):
    done = fine_tune(encoder, *task, rank=None, consistency=0.0, epochs=2)
    assert done.after == fine_tune(encoder, *task, rank=None, consistency=0.0, epochs=2).before


def test_divergence_is_symmetric_and_zero_for_equals():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 5, 3, generator=generator)
    assert divergence(a, a) == 0
    torch.testing.assert_close(divergence(a, b), divergence(b, a))
    p, q = a.softmax(-1), b.softmax(-1)
    direct = ((p * (p / q).log()).sum(-1) + (q * (q / p).log()).sum(-1)).mean() / 2
    torch.testing.assert_close(divergence(a, b), direct)


def test_what_cannot_be_judged_is_refused(encoder, task):
    texts, labels, train = task
    with pytest.raises(InputError, match="one label and one mark"):
        fine_tune(encoder, texts, labels[:-1], train)
    with pytest.raises(InputError, match="not all of 2 classes"):
        fine_tune(encoder, texts, labels, np.ones(160, dtype=bool))
    with pytest.raises(InputError, match="not all of 1 classes"):
        fine_tune(encoder, texts, ["x"] * 160, train)


def test_sequences_beyond_the_context_in_tokens_or_without_any_are_refused(tmp_path):
    texts = ["ACGT" * 12] * 4
    labels, train = ["a", "b"] * 2, [True, True, False, False]
    folder = SAVERS["nucleotide_transformer"](tmp_path / "n")
    encoder = load_encoder({"type": "nucleotide_transformer", "weights": str(folder)})
    assert np.isfinite(fine_tune(encoder, texts, labels, train, epochs=1).losses).all()
    holes = [*texts[:3], "N" * 48]
    with pytest.raises(InputError, match="1 of 4 sequences have more than 41 tokens"):
        fine_tune(encoder, holes, labels, train, epochs=1)
    encoder = load_encoder(
        {"type": "generator", "weights": str(SAVERS["generator"](tmp_path / "g"))}
    )
    with pytest.raises(InputError, match="2 of 8 strands give no token"):
        fine_tune(encoder, [*texts[:3], "ACGTA"], labels, train, epochs=1)
