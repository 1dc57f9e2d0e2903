"""The seam for segment encoders, with the classical one and a small network in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurogenomics_kb.brain.eeg import encoders
from neurogenomics_kb.brain.eeg.encoders import embed_segments, load_segment_encoder
from neurogenomics_kb.brain.eeg.encoders.network import NetworkEncoder
from neurogenomics_kb.foundation.errors import InputError
from tests.brain.eeg.synthetic import make_raw, write_recording
from tests.brain.eeg.test_runs import process

TEN = ["F3", "Fz", "F4", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1"]


class TinyNetwork(torch.nn.Module):
    """One convolution over time, mean, one layer."""

    def __init__(self, n_channels: int, dim: int) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv1d(n_channels, 4, 9)
        self.head = torch.nn.Linear(4, dim)

    def forward(self, segments):
        return self.head(torch.relu(self.convolution(segments)).mean(dim=2))


def load_tiny(*, seed: int = 0, **options) -> NetworkEncoder:
    """What the adapter of a foundation model does, with random weights."""
    torch.manual_seed(seed)
    settings = {"channels": TEN, "sfreq": 100.0, "dim": 6, "n_times": 200, "unit_uv": 100.0}
    return NetworkEncoder(TinyNetwork(10, 6), **(settings | options))


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(encoders.SEGMENT_ENCODERS, "tiny", load_tiny)
    return {"type": "tiny"}


@pytest.fixture
def segments():
    return np.random.default_rng(0).normal(scale=10, size=(7, 12, 500))


def test_a_network_reads_its_channels_rate_and_unit(segments):
    encoder = load_tiny()
    names = ["T7", *TEN, "T8"]
    vectors = embed_segments(encoder, segments, names, 250.0)
    assert vectors.shape == (7, 6)
    shuffled = np.random.default_rng(1).permutation(12)
    again = embed_segments(encoder, segments[:, shuffled], [names[i] for i in shuffled], 250.0)
    np.testing.assert_array_equal(vectors, again)
    from scipy.signal import resample_poly

    with torch.inference_mode():
        by_hand = encoder.network(
            torch.tensor(resample_poly(segments[:, 1:11], 2, 5, axis=2) / 100, dtype=torch.float32)
        )
    np.testing.assert_allclose(vectors, by_hand.numpy(), rtol=1e-5)


def test_batches_do_not_change_embeddings(segments):
    one = load_tiny(batch=1).embed(segments[:, :10], TEN, 250.0)
    all_at_once = load_tiny(batch=64).embed(segments[:, :10], TEN, 250.0)
    np.testing.assert_allclose(one, all_at_once, atol=1e-6)


def test_a_network_refuses_what_it_was_not_trained_on(segments):
    with pytest.raises(InputError, match="reads 10 channels and the recording lacks O1"):
        load_tiny().embed(segments, [*TEN[:9], "X", "Y", "Z"], 250.0)
    with pytest.raises(InputError, match=r"200 samples at 100 Hz.*segment_seconds to 2\."):
        load_tiny().embed(segments[:, :10, :250], TEN, 250.0)


def test_an_encoder_must_keep_its_word(segments):
    encoder = load_tiny()
    encoder.names = ["a__b", *encoder.names[1:]]
    with pytest.raises(InputError, match="names 6 of 6 components properly"):
        embed_segments(encoder, segments[:, :10], TEN, 250.0)
    encoder = load_tiny()
    encoder.network.head = torch.nn.Linear(4, 5)
    with pytest.raises(InputError, match=r"shape \(7, 5\).*Expected \(7, 6\)"):
        embed_segments(encoder, segments[:, :10], TEN, 250.0)


def test_a_card_names_the_encoder_and_a_recording_gets_its_mean(tmp_path, tiny):
    write_recording(tmp_path, make_raw(seconds=20))
    run = process(tmp_path, encoders={"tiny_eeg": tiny, "eeg_bandpower": {"type": "eeg_bandpower"}})
    found = [v for name, v in run.features.items() if name.startswith("eeg__tiny_eeg__d")]
    assert len(found) == 6
    assert np.isfinite(found).all()
    names = [n for n in run.features if n.startswith("eeg__eeg_bandpower__")]
    assert len(names) == 65
    # The mean of logs lies below the log of the mean, by 0.25 for single periodograms.
    mean_of_logs = run.features["eeg__eeg_bandpower__occipital_left~beta"]
    log_of_mean = run.features["eeg__band_power__occipital_left__beta"]
    assert -0.05 < mean_of_logs - log_of_mean < 0


def test_a_recording_that_an_encoder_cannot_read_is_counted(tmp_path, tiny):
    write_recording(tmp_path, make_raw(seconds=20).drop_channels(["O1"]))
    run = process(tmp_path, encoders={"tiny_eeg": tiny})
    assert run.reason == "tiny_eeg cannot read it"
    assert "lacks O1" in run.problem


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "needs a 'type'"),
        ({"type": "eeg_bandpowr"}, "did you mean 'eeg_bandpower'"),
        ({"type": "eeg_bandpower", "band": 1}, "the options band do not fit"),
    ],
)
def test_unknown_specs_are_refused(spec, message):
    with pytest.raises(InputError, match=message):
        load_segment_encoder(spec)


def test_band_power_needs_no_neighbours():
    encoder = load_segment_encoder({"type": "eeg_bandpower", "bands": {"alpha": [8, 13]}})
    t = np.arange(500) / 250
    segments = np.zeros((3, 2, 500))
    segments[:, 0] = 20 * np.sin(2 * np.pi * 10 * t)
    segments[:, 1] = 2 * np.sin(2 * np.pi * 10 * t)
    vectors = encoder.embed(segments, ["O1", "F3"], 250.0)
    named = dict(zip(encoder.names, vectors[0], strict=True))
    assert named["occipital_left~alpha"] == pytest.approx(np.log10(200), abs=1e-6)
    assert named["frontal_left~alpha"] == pytest.approx(np.log10(2), abs=1e-6)
    assert np.isnan(named["central_left~alpha"])
    np.testing.assert_array_equal(encoder.embed(segments[:1], ["O1", "F3"], 250.0), vectors[:1])
