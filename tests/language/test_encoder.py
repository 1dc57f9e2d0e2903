from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.language.encoder import load_text, load_text_encoder
from tests.language.tiny_text_model import save_tiny_bert

TEXTS = [
    "visual cortex", "memory", "visual memory of the cortex", "the cortex", "of the", "cortex",
    "memory of memory of memory of memory", "visual visual",
]  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_tiny_bert(tmp_path_factory.mktemp("text") / "tiny", " ".join(TEXTS).split())


@pytest.fixture
def folder(saved, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(saved, tmp_path / "tiny")


def test_vectors_are_the_networks_mean_over_tokens(saved):
    import torch

    encoder = load_text_encoder({"type": "text", "weights": str(saved)})
    vectors = encoder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dim)
    tokens = encoder.tokenizer(TEXTS[2], return_tensors="pt")
    with torch.no_grad():
        hidden = encoder.network(**tokens).last_hidden_state[0]
    np.testing.assert_allclose(vectors[2], hidden.mean(dim=0), atol=1e-6)
    first = load_text(str(saved), pooling="cls").embed(TEXTS)
    np.testing.assert_allclose(first[2], hidden[0], atol=1e-6)
    assert np.abs(first - vectors).max() > 0.1


@pytest.mark.parametrize("batch_tokens", [1, 7, 16, 100_000])
def test_neither_batches_nor_neighbours_change_a_vector(saved, batch_tokens):
    """Nothing is padded; a text among others has the vector that it has alone."""
    alone = np.vstack([load_text(str(saved)).embed([text]) for text in TEXTS])
    together = load_text(str(saved), batch_tokens=batch_tokens).embed(TEXTS)
    np.testing.assert_allclose(together, alone, atol=1e-6)
    back = load_text(str(saved), batch_tokens=batch_tokens).embed(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(back, alone, atol=1e-6)


def test_a_second_run_gives_the_same_numbers(saved):
    one, two = (load_text(str(saved)).embed(TEXTS) for _ in range(2))
    assert np.array_equal(one, two)


def test_the_fingerprint_is_that_of_the_weights(saved, folder):
    before = load_text(str(saved)).weights_fingerprint
    assert load_text(str(folder)).weights_fingerprint == before
    tensors = load_file(folder / "model.safetensors")
    name = "embeddings.LayerNorm.weight"
    save_file({**tensors, name: tensors[name] * 1.5}, folder / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    assert load_text(str(folder)).weights_fingerprint != before


def test_a_name_is_looked_for_below_the_folder_of_models(saved, monkeypatch):
    monkeypatch.setenv("NGKB_MODEL_DIR", str(saved.parent))
    assert load_text("somebody/tiny").embed(["memory"]).shape == (1, 32)


@pytest.mark.parametrize("weights", ["somebody/absent", "/no/such/folder"])
def test_absent_weights_are_one_line_and_nothing_is_fetched(weights, monkeypatch):
    import huggingface_hub

    def fetched(*args, **kwargs):
        raise AssertionError("a download was started")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    monkeypatch.delenv("NGKB_MODEL_DIR", raising=False)
    with pytest.raises(InputError, match="not on this machine") as error:
        load_text(weights)
    assert "\n" not in str(error.value)
    assert "nothing is downloaded" in str(error.value)
    with pytest.raises(InputError, match="options"):
        load_text_encoder({"type": "text", "weights": weights, "revision": "a" * 40})


def without_safetensors(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_a_layer(folder):
    tensors = load_file(folder / "model.safetensors")
    kept = {n: t for n, t in tensors.items() if "layer.1.output" not in n}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def damaged(folder):
    (folder / "model.safetensors").write_bytes(b"no tensors")


def with_code_of_its_own(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "odd", "auto_map": {"AutoModel": "modeling_odd.Odd"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling_odd.py").write_text("raise SystemExit('code of the checkpoint ran')\n")


def without_a_tokenizer(folder):
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_safetensors, "no safetensors"),
        (without_a_layer, "parameters have no weights"),
        (damaged, "cannot be loaded"),
        (with_code_of_its_own, "cannot be loaded"),
        (without_a_tokenizer, "there is no tokenizer"),
    ],
)
def test_checkpoints_that_are_not_whole_are_refused(folder, spoil, words):
    spoil(folder)
    with pytest.raises(InputError, match=words) as error:
        load_text(str(folder))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "texts", "words"),
    [
        ({"max_tokens": 4}, ["memory", "visual memory of"], "text 2 has 5 tokens"),
        ({}, ["memory", "memory " * 95], "text 2 has 97 tokens, the encoder takes 1 to 96"),
        ({}, ["memory", " "], "text 2 has 0 tokens"),
    ],
)
def test_texts_are_read_to_their_end_or_refused(saved, options, texts, words):
    with pytest.raises(InputError, match=words):
        load_text(str(saved), **options).embed(texts)


def test_an_unknown_pooling_is_refused(saved):
    with pytest.raises(InputError, match="pooling='max' is not one of mean, cls"):
        load_text(str(saved), pooling="max")
    with pytest.raises(InputError, match="unknown text encoder type 'texts', did you mean 'text'"):
        load_text_encoder({"type": "texts", "weights": str(saved)})


def with_network(folder, network):
    """The checkpoint's tokenizer beside another network."""
    (folder / "model.safetensors").unlink()
    network.save_pretrained(folder)
    return load_text(str(folder))


def test_models_that_write_are_read_by_their_encoder(folder):
    from transformers import T5Config, T5Model

    size = len((folder / "vocab.txt").read_text().split())
    config = T5Config(vocab_size=size, d_model=16, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    encoder = with_network(folder, T5Model(config))
    assert encoder.embed(TEXTS).shape == (len(TEXTS), 16)


def test_models_that_look_back_only_are_read_by_their_mean(folder):
    from transformers import LlamaConfig, LlamaModel

    size = len((folder / "vocab.txt").read_text().split())
    config = LlamaConfig(
        vocab_size=size, hidden_size=16, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    encoder = with_network(folder, LlamaModel(config))
    assert np.ptp(encoder.embed(TEXTS), axis=0).min() > 0
    with pytest.raises(InputError, match="one vector with pooling 'cls'"):
        load_text(str(folder), pooling="cls").embed(TEXTS)


def test_fewer_places_than_the_configuration_says_are_told_in_one_line(folder):
    from transformers import RobertaConfig, RobertaModel

    size = len((folder / "vocab.txt").read_text().split())
    config = RobertaConfig(
        vocab_size=size, hidden_size=16, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=12, pad_token_id=0,
    )  # fmt: skip
    encoder = with_network(folder, RobertaModel(config))
    assert encoder.embed(["memory"]).shape == (1, 16)
    with pytest.raises(InputError, match=r"does not take 12 tokens of text.*set max_tokens"):
        encoder.embed(["memory " * 10])


def test_one_vector_for_all_texts_is_refused(saved):
    """As the first token of a model that only looks back gives."""
    encoder = load_text(str(saved), pooling="cls")
    encoder._run = lambda ids: np.ones((len(ids), encoder.dim))
    with pytest.raises(InputError, match="one vector with pooling 'cls'"):
        encoder.embed(["memory", "visual"])
