"""Encoders of the real architectures with random weights, through the loading path of real ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.encoders import load_encoder
from neurogenomics_kb.genome.encoders.neural import cut, cut_tokens
from neurogenomics_kb.genome.sequences import reverse_complement
from tests.genome.tiny_models import SAVERS, save_caduceus

RNG = np.random.default_rng(3)


def sequence(length, rng=RNG):
    return "".join(rng.choice(list("ACGT"), length))


@pytest.fixture(scope="module", params=sorted(SAVERS))
def encoder(request, tmp_path_factory):
    folder = SAVERS[request.param](tmp_path_factory.mktemp("models") / request.param)
    return load_encoder({"type": request.param, "weights": str(folder)})


def test_shapes_names_and_framing(encoder):
    values = encoder.embed([sequence(40), sequence(61)])
    assert values.shape == (2, encoder.dim)
    assert len(set(encoder.names)) == encoder.dim
    assert np.isfinite(values).all()
    assert {"model", "tokens", "window_bases", "strands", "pooling", "dtype"} <= set(
        encoder.framing
    )


def test_sequences_that_differ_in_one_base_differ(encoder):
    text = sequence(60)
    other = text[:30] + {"A": "C", "C": "G", "G": "T", "T": "A"}[text[30]] + text[31:]
    one, two = encoder.embed([text, other])
    assert np.abs(one - two).max() > 1e-6


def test_strands_are_equal(encoder):
    texts = [sequence(n) for n in (30, 47, 64)]
    forward = encoder.embed(texts)
    reverse = encoder.embed([reverse_complement(t) for t in texts])
    np.testing.assert_allclose(forward, reverse, atol=1e-5)


def test_order_and_neighbours_change_nothing(encoder):
    texts = [sequence(n) for n in (30, 47, 30, 64, 30, 24)]
    together = encoder.embed(texts)
    alone = np.vstack([encoder.embed([t]) for t in texts])
    backwards = encoder.embed(texts[::-1])[::-1]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together, backwards, atol=1e-5)


def test_case_does_not_matter_and_other_letters_are_refused(encoder):
    text = sequence(36)
    np.testing.assert_array_equal(encoder.embed([text.lower()]), encoder.embed([text]))
    assert np.isfinite(encoder.embed([text[:10] + "N" + text[11:]])).all()
    with pytest.raises(InputError, match="sequence 1 holds R, X"):
        encoder.embed([text, "ACGTRX"])
    with pytest.raises(InputError, match="is empty"):
        encoder.embed([""])


def test_tokens_are_per_base_and_their_mean_is_the_embedding(encoder):
    text = sequence(48)  # a multiple of six, so that no tokenizer leaves a base out
    tokens = encoder.embed_tokens(text)
    assert tokens.shape == (48, encoder.dim)
    np.testing.assert_allclose(tokens.mean(axis=0), encoder.embed([text])[0], atol=1e-5)
    mirrored = encoder.embed_tokens(reverse_complement(text))
    np.testing.assert_allclose(tokens, mirrored[::-1], atol=1e-5)


def test_longer_than_the_context_goes_through_windows(encoder):
    if encoder.max_bases > 5000:
        encoder.max_bases = 100
    text = sequence(3 * encoder.max_bases + 7)
    values = encoder.embed([text])
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values, encoder.embed([reverse_complement(text)]), atol=1e-4)


@pytest.mark.parametrize(
    ("length", "longest"), [(10, 10), (11, 10), (25, 10), (1000, 64), (7, 100)]
)
def test_windows_tile_a_strand(length, longest):
    windows = list(cut(length, longest))
    cores = [core for _, _, core in windows]
    assert cores[0][0] == 0
    assert cores[-1][1] == length
    assert all(a[1] == b[0] for a, b in pairwise(cores))
    for start, end, core in windows:
        assert 0 <= start <= core[0] < core[1] <= end <= length
        assert end - start <= longest


# --- Caduceus against the layers as published ----------------------------------------------------


def published_ps(network, ids, complement, *, fused):
    """Caduceus-PS layer by layer on both strands at once, as its paper and code describe it.

    Channels hold the strand and, flipped in positions and channels, its reverse complement. The
    fused code hands the halves over in exchanged order in every block.
    """
    width = network.norm_f.weight.shape[0]
    mirrored = torch.tensor([complement[int(i)] for i in ids]).flip(0)
    x = torch.cat([network.embeddings(ids), network.embeddings(mirrored).flip(0, 1)], dim=-1)[None]
    swapped = False
    for layer in network.layers:
        first, second = x[..., :width], x[..., width:].flip(1, 2)
        if fused:
            first, second = x[..., width:], x[..., :width].flip(1, 2)
        out = torch.cat(
            [layer.mixer(layer.norm(first)), layer.mixer(layer.norm(second)).flip(1, 2)], dim=-1
        )
        if fused:
            x = torch.cat([x[..., width:], x[..., :width]], dim=-1)
            swapped = not swapped
        x = x + out
    if swapped:
        x = torch.cat([x[..., width:], x[..., :width]], dim=-1)
    return torch.cat(
        [network.norm_f(x[..., :width]), network.norm_f(x[..., width:].flip(1, 2)).flip(1, 2)], -1
    )[0]


@pytest.mark.parametrize("fused", [True, False])
def test_caduceus_ps_is_the_published_network(tmp_path, fused):
    encoder = load_encoder(
        {"type": "caduceus", "weights": str(save_caduceus(tmp_path / "m", fused=fused)),
         "dtype": "float64"}
    )  # fmt: skip
    assert encoder.strand == "equivariant"
    assert encoder.framing["swaps"] is fused
    text = sequence(33)
    ids = torch.from_numpy(encoder.tokenizer(text).ids)
    complement = {7: 10, 10: 7, 8: 9, 9: 8}
    with torch.no_grad():
        hidden = published_ps(encoder.network, ids, complement, fused=fused)
    width = encoder.dim
    pooled = (hidden[:, :width] + hidden[:, width:].flip(1)).mean(0) / 2
    np.testing.assert_allclose(encoder.embed([text])[0], pooled.numpy(), atol=1e-6)


def test_fused_and_plain_checkpoints_are_different_functions(tmp_path):
    one, two = (
        load_encoder(
            {"type": "caduceus", "weights": str(save_caduceus(tmp_path / str(f), fused=f))}
        )
        for f in (True, False)
    )
    text = sequence(50)
    assert np.abs(one.embed([text]) - two.embed([text])).max() > 1e-3


def test_caduceus_ph_is_averaged_and_its_strands_differ(tmp_path):
    encoder = load_encoder(
        {"type": "caduceus", "weights": str(save_caduceus(tmp_path / "m", rcps=False))}
    )
    assert encoder.strand == "averaged"
    assert encoder.framing["swaps"] is False
    assert encoder.strand_difference(sequence(60)) > 1e-3


def test_a_wrong_complement_map_is_refused(tmp_path):
    wrong = {i: i for i in range(16)} | {7: 8, 8: 7, 9: 10, 10: 9}
    folder = save_caduceus(tmp_path / "m", complement_map=wrong)
    with pytest.raises(InputError, match="does not pair A with T and C with G"):
        load_encoder({"type": "caduceus", "weights": str(folder)})


def test_equivariance_is_measured_and_not_assumed(tmp_path, monkeypatch):
    from neurogenomics_kb.genome.encoders import caduceus

    folder = save_caduceus(tmp_path / "m")
    encoder = load_encoder({"type": "caduceus", "weights": str(folder)})
    complement = {7: 10, 10: 7, 8: 9, 9: 8}
    assert caduceus.check_equivariance(encoder, complement, folder) < 1e-6

    def drifting(self, ids):
        # A network that depends on the row of the batch treats the strands differently.
        hidden = original(self, ids)
        return hidden + 0.1 * torch.arange(len(ids), dtype=hidden.dtype)[:, None, None]

    original = caduceus.CaduceusNetwork.forward
    monkeypatch.setattr(caduceus.CaduceusNetwork, "forward", drifting)
    with pytest.raises(InputError, match="the strands differ by"):
        caduceus.check_equivariance(encoder, complement, folder)


# --- the others against straightforward versions ------------------------------------------------


def test_dnabert2_attends_as_published(tmp_path):
    from neurogenomics_kb.genome.encoders.dnabert2 import alibi_slopes

    eight = [2.0 ** -(i + 1) for i in range(8)]
    assert alibi_slopes(8) == pytest.approx(eight)
    sixteen = [2.0 ** (-(i + 1) / 2) for i in range(16)]
    assert alibi_slopes(12) == pytest.approx(eight + sixteen[::2][:4])
    encoder = load_encoder(
        {"type": "dnabert2", "weights": str(SAVERS["dnabert2"](tmp_path / "m")),
         "dtype": "float64"}
    )  # fmt: skip
    network = encoder.network
    ids = torch.from_numpy(encoder.tokenizer(sequence(30)).ids)
    with torch.no_grad():
        x = network.LayerNorm(
            network.word_embeddings(ids) + network.token_type_embeddings.weight[0]
        )
        for layer in network.layers:
            qkv = layer.attention.Wqkv(x)
            heads = []
            for h, slope in enumerate(alibi_slopes(6)):
                q, k, v = (qkv[:, 24 * part + 4 * h : 24 * part + 4 * h + 4] for part in range(3))
                place = torch.arange(len(ids))
                scores = q @ k.T / 2 - slope * (place[:, None] - place).abs()
                heads.append(scores.softmax(-1) @ v)
            x = layer.attention_norm(layer.dense(torch.cat(heads, -1)) + x)
            inner = layer.gated_layers(x)
            gated = torch.nn.functional.gelu(inner[:, :20]) * inner[:, 20:]
            x = layer.layernorm(layer.wo(gated) + x)
        np.testing.assert_allclose(network(ids[None])[0].numpy(), x.numpy(), atol=1e-9)


def test_hyena_convolution_is_causal_and_exact():
    from neurogenomics_kb.genome.encoders.hyenadna import long_convolution

    generator = torch.Generator().manual_seed(0)
    u = torch.randn(2, 3, 20, generator=generator)
    kernel, skip = torch.randn(3, 20, generator=generator), torch.randn(3, generator=generator)
    direct = u * skip[:, None]
    for t in range(20):
        for s in range(t + 1):
            direct[..., t] += u[..., s] * kernel[:, t - s]
    torch.testing.assert_close(long_convolution(u, kernel, skip), direct, atol=1e-4, rtol=1e-4)


def test_hyena_is_causal(tmp_path):
    encoder = load_encoder({"type": "hyenadna", "weights": str(SAVERS["hyenadna"](tmp_path / "m"))})
    ids = torch.from_numpy(encoder.tokenizer(sequence(40)).ids)[None]
    with torch.no_grad():
        whole, part = encoder.network(ids), encoder.network(ids[:, :25])
    torch.testing.assert_close(whole[:, :25], part, atol=1e-4, rtol=1e-4)


def test_generator_is_the_stock_llama(tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM

    from neurogenomics_kb.foundation.checkpoints import read_config
    from neurogenomics_kb.foundation.tensors import read_tensors

    folder = SAVERS["generator"](tmp_path / "m")
    encoder = load_encoder({"type": "generator", "weights": str(folder)})
    model = LlamaForCausalLM(LlamaConfig(**read_config(folder))).eval()
    model.load_state_dict(read_tensors(folder))
    ids = torch.from_numpy(encoder.tokenizer(sequence(36)).ids)[None]
    with torch.no_grad():
        expected = model.model(ids).last_hidden_state
        torch.testing.assert_close(encoder.network(ids), expected)


def test_six_mer_tokenizers():
    from neurogenomics_kb.genome.encoders.tokenizers import SixMerTokenizer

    tokens = SixMerTokenizer()("GG" + "AAAAAA" + "AAAAAT" + "ACGTNA")
    assert tokens.skipped == 2
    assert tokens.ids.tolist() == [1, 32, 33, 0]
    assert tokens.bases.tolist() == [0, 6, 6, 6]


def test_vocabulary_tokenizer_falls_back_to_bases(tmp_path):
    from neurogenomics_kb.genome.encoders.tokenizers import VocabularyTokenizer

    folder = SAVERS["nucleotide_transformer"](tmp_path / "m")
    tokens = VocabularyTokenizer(folder / "vocab.txt")("AAAAAA" + "AN" + "TTTTTT" + "CG")
    assert tokens.bases.tolist() == [0, 6, 1, 1, 6, 1, 1]


# --- checkpoints that do not fit ----------------------------------------------------------------


def damaged(folder, change):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    return {"type": "caduceus", "weights": str(folder)}


PREFIX = "caduceus.backbone.layers.0.mixer.submodule."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop(f"{PREFIX}mamba_fwd.D"), "1 parameters have no weights"),
        (lambda t: t.update(extra=torch.zeros(1)), r"1 tensors have no place \(extra\)"),
        (lambda t: t.update({f"{PREFIX}mamba_fwd.D": torch.zeros(5)}), r"has shape \(5,\)"),
    ],
)
def test_every_tensor_must_have_its_place(tmp_path, change, words):
    spec = damaged(save_caduceus(tmp_path / "m"), change)
    with pytest.raises(InputError, match=words):
        load_encoder(spec)


def test_pickled_weights_are_read_without_executing_anything(tmp_path):
    from safetensors.torch import load_file

    folder = save_caduceus(tmp_path / "m")
    tensors = load_file(folder / "model.safetensors")
    expected = load_encoder({"type": "caduceus", "weights": str(folder)}).embed(["ACGTACGT"])
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    found = load_encoder({"type": "caduceus", "weights": str(folder)}).embed(["ACGTACGT"])
    np.testing.assert_array_equal(found, expected)

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    torch.save({"a": Evil()}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="only plain tensors are accepted"):
        load_encoder({"type": "caduceus", "weights": str(folder)})
    assert not (tmp_path / "touched").exists()


def test_where_weights_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("NGKB_MODEL_DIR", raising=False)
    spec = {"type": "caduceus", "weights": "kuleshov-group/tiny"}
    with pytest.raises(InputError, match="pins no revision"):
        load_encoder(spec)
    with pytest.raises(InputError, match="pins no revision"):
        load_encoder(spec | {"revision": "main"})
    with pytest.raises(InputError, match="there is no checkpoint folder"):
        load_encoder({"type": "caduceus", "weights": "/no/such/folder"})
    monkeypatch.setenv("NGKB_MODEL_DIR", str(tmp_path))
    with pytest.raises(InputError, match="nor below NGKB_MODEL_DIR"):
        load_encoder(spec)
    save_caduceus(tmp_path / "kuleshov-group/tiny")
    assert load_encoder(spec).dim == 12


def test_unreachable_hub_is_one_line(monkeypatch):
    import huggingface_hub

    def fail(*arguments, **options):
        raise OSError("no route\nto host")

    monkeypatch.delenv("NGKB_MODEL_DIR", raising=False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(InputError, match="could not be fetched") as caught:
        load_encoder({"type": "caduceus", "weights": "a/b", "revision": "0" * 40})
    assert "\n" not in str(caught.value)


def test_tokenizer_of_another_checkpoint_is_refused(tmp_path):
    folder = SAVERS["nucleotide_transformer"](tmp_path / "m")
    with open(folder / "vocab.txt", "a") as stream:
        stream.write("extra\n")
    with pytest.raises(InputError, match="Take both from one checkpoint"):
        load_encoder({"type": "nucleotide_transformer", "weights": str(folder)})


def test_evo2_says_what_it_needs():
    with pytest.raises(InputError, match=r"pip install evo2|needs an NVIDIA GPU"):
        load_encoder({"type": "evo2", "name": "evo2_7b"})
    with pytest.raises(InputError, match="Choose one of evo2_1b_base"):
        load_encoder({"type": "evo2", "name": "evo2_9b"})


# --- windows where tokens are not bases -----------------------------------------------------------

TOKENIZED = ["dnabert2", "generator", "nucleotide_transformer"]


def holey(rng, length):
    """A sequence with runs of N, single N and repeats."""
    text = list(sequence(length, rng))
    for _ in range(rng.integers(0, 5)):
        start = int(rng.integers(0, length))
        run = int(rng.choice([1, 1, 7, 40, length // 2]))
        text[start : start + run] = str(rng.choice(["N", "A", "N"])) * len(
            text[start : start + run]
        )
    return "".join(text)


def watch(encoder, monkeypatch):
    """Token counts of whatever goes through the network."""
    seen, forward = [], type(encoder.network).forward

    def counting(self, ids):
        seen.append(ids.shape[1])
        return forward(self, ids)

    monkeypatch.setattr(type(encoder.network), "forward", counting)
    return seen


@pytest.mark.parametrize("kind", TOKENIZED)
def test_no_window_has_more_tokens_than_the_context(tmp_path, kind, monkeypatch):
    encoder = load_encoder({"type": kind, "weights": str(SAVERS[kind](tmp_path / "m"))})
    if kind == "dnabert2":
        encoder.max_tokens = 60
    assert encoder.max_tokens is not None
    seen = watch(encoder, monkeypatch)
    rng = np.random.default_rng(0)
    longest = min(encoder.max_bases, 400)
    lengths = [
        longest,
        longest - 1,
        longest - 5,
        longest + 1,
        2 * longest,
        *rng.integers(30, 900, 15),
    ]
    texts = [holey(rng, int(n)) for n in lengths]
    values = encoder.embed(texts)
    assert max(seen) <= encoder.max_tokens
    assert np.isfinite(values).all()
    np.testing.assert_allclose(
        values, encoder.embed([reverse_complement(t) for t in texts]), atol=1e-4
    )
    for text in texts[:8]:  # every base has its turn, once in all
        windows = list(encoder._windows(0, text))
        for reverse in (False, True):
            cores = sorted(w.core for w in windows if w.reverse == reverse)
            assert cores[0][0] == 0
            assert cores[-1][1] == len(text)
            assert all(a[1] == b[0] for a, b in pairwise(cores))
        bases = sum(w.weights.sum() for w in windows)
        left_out = 2 * (len(text) % 6) if kind == "generator" else 0
        assert 2 * len(text) - bases <= left_out
        tokens = encoder.embed_tokens(text)
        assert tokens.shape == (len(text), encoder.dim)
        if not left_out:
            np.testing.assert_allclose(tokens.mean(axis=0), encoder.embed([text])[0], atol=1e-4)


def test_a_run_of_n_in_a_window_of_the_published_size(tmp_path):
    """6-mers that an N interrupts fall apart into bases: 5,388 tokens in one window of 12,282."""
    from neurogenomics_kb.genome.encoders.tokenizers import VocabularyTokenizer

    tokenizer = VocabularyTokenizer(SAVERS["nucleotide_transformer"](tmp_path / "m") / "vocab.txt")
    text = sequence(4_000) + "N" * 4_000 + sequence(4_282)
    assert len(tokenizer(text).ids) == 5_388
    windows = list(cut_tokens(text, tokenizer, 2_048))
    assert max(len(tokens.ids) for _, tokens, _ in windows) <= 2_048
    cores = [core for _, _, core in windows]
    assert (cores[0][0], cores[-1][1]) == (0, len(text))
    # One base short of the context's 6-mers: five single bases instead of the last of them.
    short = sequence(12_281)
    assert len(tokenizer(short).ids) == 2_052
    assert max(len(tokens.ids) for _, tokens, _ in cut_tokens(short, tokenizer, 2_048)) <= 2_048


@pytest.mark.parametrize("seed", range(20))
def test_windows_of_tokens_cover_any_text(tmp_path_factory, seed):
    from neurogenomics_kb.genome.encoders.tokenizers import BytePairTokenizer, VocabularyTokenizer

    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("m")
    if seed % 2:
        tokenizer = VocabularyTokenizer(
            SAVERS["nucleotide_transformer"](folder / "m") / "vocab.txt"
        )
    else:
        tokenizer = BytePairTokenizer(SAVERS["dnabert2"](folder / "m") / "tokenizer.json")
    text, most = holey(rng, int(rng.integers(30, 1500))), int(rng.integers(9, 80))
    windows = list(cut_tokens(text, tokenizer, most))
    cores = [core for _, _, core in windows]
    assert cores[0][0] == 0
    assert cores[-1][1] == len(text)
    assert all(a[1] == b[0] and b[0] < b[1] for a, b in pairwise(cores))
    for start, tokens, core in windows:
        assert len(tokens.ids) <= most
        end = start + tokens.skipped + int(tokens.bases.sum())
        assert start <= core[0] < core[1] <= end
        np.testing.assert_array_equal(tokenizer(text[start:end]).ids, tokens.ids)
    # Windows are full: each reaches as far as the context allows.
    assert all(len(tokens.ids) > most - 7 for _, tokens, _ in windows[:-1])


def test_what_fits_is_embedded_as_one_window(tmp_path):
    encoder = load_encoder(
        {"type": "nucleotide_transformer",
         "weights": str(SAVERS["nucleotide_transformer"](tmp_path / "m"))}
    )  # fmt: skip
    text = sequence(encoder.max_bases)
    assert len(list(encoder._windows(0, text))) == 2
    before = encoder.embed([text])
    encoder.max_tokens = None
    np.testing.assert_array_equal(encoder.embed([text]), before)
    assert encoder.framing["window_tokens"] == 41


def test_a_context_without_room_for_bases_is_refused(tmp_path):
    encoder = load_encoder({"type": "dnabert2", "weights": str(SAVERS["dnabert2"](tmp_path / "m"))})
    encoder.max_tokens = 2  # the special tokens
    with pytest.raises(InputError, match="has no room for bases"):
        encoder.embed([sequence(50)])
