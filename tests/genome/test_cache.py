from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome import cache as cache_module
from neurogenomics_kb.genome.cache import (
    EmbeddingCache,
    count_carriers,
    embed_once,
    encoder_fingerprint,
    sequence_keys,
)
from neurogenomics_kb.genome.encoders import load_encoder
from tests.genome.tiny_models import save_hyenadna


class Counting:
    """An encoder that remembers what it was asked."""

    def __init__(self, encoder):
        self.encoder, self.dim, self.framing = encoder, encoder.dim, encoder.framing
        self.asked = []

    def embed(self, sequences):
        self.asked += sequences
        return self.encoder.embed(sequences)


@pytest.fixture(scope="module")
def sequences():
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), n)) for n in rng.integers(20, 90, 40)]


@pytest.fixture(scope="module")
def hyena(tmp_path_factory):
    folder = save_hyenadna(tmp_path_factory.mktemp("models") / "h")
    return load_encoder({"type": "hyenadna", "weights": str(folder)})


@pytest.fixture
def counting(hyena):
    return Counting(hyena)


def open_cache(folder, encoder, name="e"):
    return EmbeddingCache(folder, name, encoder.dim)


def test_equal_to_embedding_without_a_cache(tmp_path, hyena, sequences):
    found = embed_once(hyena, sequences, open_cache(tmp_path, hyena))
    np.testing.assert_allclose(found.vectors, hyena.embed(sequences), atol=1e-6)
    again = embed_once(hyena, sequences, open_cache(tmp_path, hyena))
    np.testing.assert_array_equal(again.vectors, found.vectors)
    assert (found.computed, again.computed) == (40, 0)


def test_only_new_sequences_are_embedded(tmp_path, counting, sequences):
    embed_once(counting, sequences[:30], open_cache(tmp_path, counting))
    counting.asked.clear()
    found = embed_once(counting, sequences[::-1], open_cache(tmp_path, counting))
    assert sorted(counting.asked) == sorted(sequences[30:])
    assert found.computed == 10
    np.testing.assert_allclose(found.vectors, counting.encoder.embed(sequences[::-1]), atol=1e-6)


def test_a_killed_run_continues_where_it_was(tmp_path, counting, sequences, monkeypatch):
    monkeypatch.setattr(cache_module, "PORTION", 8)
    monkeypatch.setattr(cache_module, "SECONDS_BETWEEN_FILES", 0.0)
    whole = counting.encoder.embed

    def dies(asked):
        if len(counting.asked) >= 24:
            raise KeyboardInterrupt
        counting.asked += asked
        return whole(asked)

    counting.embed = dies
    with pytest.raises(KeyboardInterrupt):
        embed_once(counting, sequences, open_cache(tmp_path, counting))
    del counting.embed
    done = set(counting.asked)
    counting.asked.clear()
    embed_once(counting, sequences, open_cache(tmp_path, counting))
    assert len(done) == 24
    assert not done & set(counting.asked)
    assert not list(tmp_path.rglob("*.part"))


def test_rare_sequences_stay_in_the_cohort(tmp_path, hyena, sequences):
    carriers = np.arange(40)
    local, shared = (open_cache(tmp_path / name, hyena) for name in ("local", "shared"))
    embed_once(hyena, sequences, local, shared=shared, carriers=carriers, minimum_cell=10)
    stored = open_cache(tmp_path / "shared", hyena)
    there, _ = stored.find(sequence_keys(sequences))
    assert there.tolist() == (carriers >= 10).tolist()
    there, _ = open_cache(tmp_path / "local", hyena).find(sequence_keys(sequences))
    assert there.tolist() == (carriers < 10).tolist()
    other = embed_once(hyena, sequences, open_cache(tmp_path / "other", hyena), shared=stored)
    assert other.computed == 10


def test_nothing_is_shared_where_carriers_are_not_known(tmp_path, hyena, sequences):
    shared = open_cache(tmp_path / "shared", hyena)
    embed_once(hyena, sequences, open_cache(tmp_path / "local", hyena), shared=shared)
    assert not list((tmp_path / "shared").rglob("*.npz"))


def test_another_encoder_sees_nothing(tmp_path, hyena, sequences):
    embed_once(hyena, sequences, open_cache(tmp_path, hyena, "one"))
    assert embed_once(hyena, sequences, open_cache(tmp_path, hyena, "two")).computed == 40


def test_fingerprint_follows_weights_and_options(tmp_path):
    folder = save_hyenadna(tmp_path / "h")
    spec = {"type": "hyenadna", "weights": str(folder)}
    first = encoder_fingerprint("h", spec, load_encoder(spec))
    assert first == encoder_fingerprint("h", spec, load_encoder(spec))
    half = spec | {"dtype": "bfloat16"}
    assert first != encoder_fingerprint("h", half, load_encoder(half))
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["hyena.backbone.ln_f.bias"] += 1
    save_file(tensors, folder / "model.safetensors")
    assert first != encoder_fingerprint("h", spec, load_encoder(spec))


def test_checkpoints_that_differ_in_a_middle_layer_only(tmp_path):
    """Ends and sizes of the files are equal, and so are their times."""
    import os

    import torch
    from safetensors.torch import load_file, save_file

    folder = save_hyenadna(tmp_path / "h")
    file = folder / "model.safetensors"
    tensors = load_file(file)
    # Padding before and behind, so that what differs lies beyond the first and last megabyte.
    # (Doubles are stored first.)
    front, back = torch.zeros(150_000, dtype=torch.float64), torch.zeros(300_000)
    tensors |= {"lm_head.front": front, "lm_head.back": back}
    save_file(tensors, file)
    spec = {"type": "hyenadna", "weights": str(folder)}
    one = load_encoder(spec)
    first = encoder_fingerprint("h", spec, one)
    ends, stat = (file.read_bytes()[: 1 << 20], file.read_bytes()[-(1 << 20) :]), file.stat()
    data = bytearray(file.read_bytes())
    middle = tensors["hyena.backbone.layers.1.mlp.fc1.weight"].numpy().tobytes()
    at = data.index(middle)
    data[at : at + 4] = np.float32(7.5).tobytes()
    file.write_bytes(data)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (file.read_bytes()[: 1 << 20], file.read_bytes()[-(1 << 20) :]) == ends
    two = load_encoder(spec)
    assert np.abs(one.embed(["ACGTACGGT"]) - two.embed(["ACGTACGGT"])).max() > 1e-6
    assert first != encoder_fingerprint("h", spec, two)


def test_fingerprint_follows_device_and_number_type(hyena):
    """Whether the spec names them or a caller changed them."""

    class Elsewhere(Counting):
        device, dtype = "cpu", "float32"
        weights_fingerprint = "w"

    names = set()
    for device in ("cpu", "mps", "cuda"):
        for dtype in ("float32", "bfloat16"):
            encoder = Elsewhere(hyena)
            encoder.device, encoder.dtype = device, dtype
            names.add(encoder_fingerprint("h", {}, encoder))
    assert len(names) == 6
    encoder.device = "cuda:1"  # another of the same kind computes the same
    assert encoder_fingerprint("h", {}, encoder) in names


def test_vectors_that_are_no_numbers_are_not_kept(tmp_path, hyena, sequences):
    class Overflowing(Counting):
        def embed(self, sequences):
            vectors = super().embed(sequences)
            vectors[-1, 0] = np.inf
            return vectors

    with pytest.raises(InputError, match="no finite numbers"):
        embed_once(Overflowing(hyena), sequences, open_cache(tmp_path, hyena))
    assert len(open_cache(tmp_path, hyena)) == 0


@pytest.mark.parametrize("left", [0, 100, -200, -1])
def test_damaged_files_are_named_and_made_again(tmp_path, hyena, sequences, caplog, left):
    whole = embed_once(hyena, sequences, open_cache(tmp_path, hyena)).vectors
    file = next(tmp_path.rglob("*.npz"))
    file.write_bytes(file.read_bytes()[:left])
    again = embed_once(hyena, sequences, open_cache(tmp_path, hyena))
    assert f"{file} is damaged" in caplog.text
    assert again.computed == 40
    np.testing.assert_array_equal(again.vectors, whole)
    assert len(open_cache(tmp_path, hyena)) == 40


def test_a_changed_byte_is_noticed(tmp_path, hyena, sequences):
    whole = embed_once(hyena, sequences, open_cache(tmp_path, hyena)).vectors
    file = next(tmp_path.rglob("*.npz"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    again = embed_once(hyena, sequences, open_cache(tmp_path, hyena))
    assert again.computed == 40
    np.testing.assert_array_equal(again.vectors, whole)


def test_two_writers_do_not_disturb_each_other(tmp_path, hyena, sequences):
    one, two = open_cache(tmp_path, hyena), open_cache(tmp_path, hyena)
    embed_once(hyena, sequences[:25], one)
    embed_once(hyena, sequences[15:], two)
    assert len(open_cache(tmp_path, hyena)) == 40
    two.refresh()
    assert len(two) == 40


def test_carriers_are_subjects_and_not_haplotypes():
    index = pd.DataFrame({"sample": ["a", "a", "b", "b"], "sequence_id": [0, 0, 0, 1]})
    assert count_carriers(index, 3).tolist() == [2, 1, 0]
