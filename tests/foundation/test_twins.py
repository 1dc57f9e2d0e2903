"""Twins of encoders of every family: the architecture, and nothing that was learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurogenomics_kb.brain.eeg.encoders import load_segment_encoder
from neurogenomics_kb.brain.encoders import load_brain_encoder
from neurogenomics_kb.brain.t1 import load_t1_encoder
from neurogenomics_kb.foundation.encoder_specs import EncoderFamily
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.twins import SEED, twin_id, twin_spec, why_no_twin
from neurogenomics_kb.genome.cache import encoder_fingerprint
from neurogenomics_kb.genome.encoders import load_encoder
from tests.brain.tiny_models import SAVERS as BRAIN
from tests.brain.tiny_models import spec_of
from tests.genome.tiny_models import SAVERS as DNA

FORMULAS = (".pe", "emb_h", "emb_h_encoder", "pos_emb.z", "pos_emb.t", "deltas", "inv_freq", "xyz",
            "gradient", "harmonic", "position_embeddings", "relative_position_index")  # fmt: skip


@pytest.fixture(scope="module", params=sorted({**DNA, **BRAIN}))
def made(request, tmp_path_factory):
    """Trained encoder and twins of two seeds, the first one twice, with their spec."""
    kind, folder = request.param, tmp_path_factory.mktemp("models") / request.param
    if kind in DNA:
        DNA[kind](folder)
        spec, load = {"type": kind, "weights": str(folder)}, load_encoder
    else:
        spec, load = spec_of(kind, BRAIN[kind](folder)), load_brain_encoder
    return spec, load(spec), *(load(twin_spec(spec, seed)) for seed in (0, 0, 1))


def weights(encoder):
    return {n: v.float().numpy() for n, v in encoder.network.state_dict().items()}


def test_a_twin_has_the_architecture_and_other_weights(made):
    _, trained, twin, again, other = made
    own, first, second, third = map(weights, (trained, twin, again, other))
    assert {n: v.shape for n, v in own.items()} == {n: v.shape for n, v in first.items()}
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
        assert np.isfinite(value).all(), name
        learned = own[name]
        if name.endswith(FORMULAS):
            np.testing.assert_allclose(value, third[name], err_msg=name)
        elif learned.ndim > 1 and np.ptp(value) > 0 and not name.endswith("A_log"):
            # Mamba's decay rates begin at one to the number of states, whatever the seed.
            assert not np.allclose(value, learned), name
            assert not np.allclose(value, third[name]), name
        # No matrix of a network that runs is nothing but zeros.
        assert value.ndim < 2 or value.any(), name


def test_names_of_content_tell_twins_apart(made):
    spec, trained, twin, again, other = made
    prints = [e.weights_fingerprint for e in (trained, twin, again, other)]
    assert prints[1] == prints[2]
    assert len(set(prints)) == 3
    assert twin.framing == {**trained.framing, SEED: 0}
    specs = [spec, twin_spec(spec, 0), twin_spec(spec, 1)]
    folders = {
        encoder_fingerprint("same", s, e) for s, e in zip(specs, made[1:3] + made[4:], strict=True)
    }
    assert len(folders) == 3


def test_the_loaded_model_is_the_trained_one_after_a_twin(made, tmp_path):
    """Nothing of a twin stays behind: neither random numbers nor weights."""
    spec, trained, *_ = made
    load = load_encoder if spec["type"] in DNA else load_brain_encoder
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    load(twin_spec(spec, 7))
    torch.testing.assert_close(torch.rand(3), wanted)
    for name, value in weights(load(spec)).items():
        np.testing.assert_array_equal(value, weights(trained)[name], err_msg=name)


@pytest.mark.parametrize("made", sorted(DNA), indirect=True)
def test_twins_of_a_dna_model_embed(made):
    _, trained, twin, _, other = made
    texts = ["ACGTTGCAACGTGGCATCGATCGATCGGATCA", "ACGTTGCAACGTGGCATCGAACGATCGGATCA"]
    found = [e.embed(texts) for e in (trained, twin, other)]
    assert not np.allclose(found[0], found[1])
    assert not np.allclose(found[1], found[2])
    assert np.abs(found[1][0] - found[1][1]).max() > 0


class TinyCNN:
    """An encoder of one's own that knows of twins, for volumes or EEG."""

    names, dim, shape, scaling = ("d0",), 1, (160, 192, 160), "volume"
    weights_fingerprint = ""

    def __init__(self, random_weights=None):
        self.seed, self.framing = random_weights, {}

    def embed(self, *_):
        """Nothing that anybody looks at."""


class Simple(TinyCNN):
    """One that knows nothing of twins."""

    def __init__(self):
        super().__init__()


OWN = f"{__name__}:TinyCNN"


@pytest.mark.parametrize("load", [load_t1_encoder, load_segment_encoder])
def test_a_class_of_ones_own_is_told_the_seed(load):
    assert load({"type": OWN}).seed is None
    assert load(twin_spec({"type": OWN}, 4)).seed == 4
    assert load(twin_spec({"type": OWN}, 4)).framing == {SEED: 4}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"type": "kmer", "k": 4}, "it has no weights"),
        ({"type": "t1_grid"}, "it has no weights"),
        ({"type": "imported"}, "imported"),
        ({"type": "evo2", "name": "evo2_7b"}, "cannot be replaced"),
        ({"type": f"{__name__}:Simple"}, "takes no option `random_weights`"),
        ({"type": OWN}, ""),
        ({"type": "no.such.module:Class"}, ""),
        ({"type": "brainlm", "weights": "a/b"}, ""),
    ],
)
def test_who_has_no_twin_says_why(spec, reason):
    assert (reason in why_no_twin(spec)) if reason else why_no_twin(spec) == ""


def test_a_twin_without_weights_or_configuration_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="configuration cannot be read"):
        load_encoder(twin_spec({"type": "caduceus", "weights": str(tmp_path / "empty")}, 0))


def test_an_option_that_nobody_takes_is_still_refused():
    family = EncoderFamily("encoder", {"own": Simple}, __name__, ("embed",), "guide")
    with pytest.raises(InputError, match="do not fit"):
        family.make({"type": "own", "wrong": 1, SEED: 0})
    assert twin_id("brainlm", 2) == "brainlm_random_2"
