"""What only published weights, or a GPU, can show; skipped, saying so, where there are none.

``NGKB_MODEL_DIR`` names a folder with checkpoints under their hub ids.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from neurogenomics_kb.genome.encoders import load_encoder
from neurogenomics_kb.registry import Registry
from tests.conftest import ROOT
from tests.genome.tiny_models import SAVERS

# Model card: parameters (millions) of the encoder without its head, width, largest relative
# difference of the strands' own means.
EXPECTED = {
    "caduceus_ps_131k": (7.73, 256, 1e-4),
    "hyenadna": (3.3, 256, None),
    "dnabert2": (117.0, 768, None),
    "generator": (1154.0, 2048, None),
    "nucleotide_transformer": (55.9, 512, None),
}
EXON = "ATGAAGGTTCTGTGGGCTGCGTTGCTGGTCACATTCCTGGCAGGATGCCAGGCCAAGGTGGAGCAAGCGGTGGAGACAGAGCCG"


def checkpoint(card_id: str) -> dict:
    """Spec of a card whose weights are here."""
    folder = os.environ.get("NGKB_MODEL_DIR")
    if not folder:
        pytest.skip("NGKB_MODEL_DIR names no folder of published weights")
    spec = Registry(ROOT / "kb").get(card_id).spec
    place = Path(folder) / spec["weights"]
    if not place.is_dir():
        pytest.skip(f"there are no weights of {card_id} in {place}")
    return spec


@pytest.mark.slow
@pytest.mark.parametrize("card_id", EXPECTED)
def test_published_weights_load_and_mean_something(card_id):
    encoder = load_encoder(checkpoint(card_id))
    millions, dim, strands = EXPECTED[card_id]
    shared = {p.data_ptr(): p.numel() for p in encoder.network.parameters()}
    assert sum(shared.values()) / 1e6 == pytest.approx(millions, rel=0.05)
    assert encoder.dim == dim
    changed = EXON[:40] + ("A" if EXON[40] != "A" else "C") + EXON[41:]
    shuffled = "".join(np.random.default_rng(0).permutation(list(EXON)))
    one, other, noise = encoder.embed([EXON, changed, shuffled])
    assert np.isfinite(one).all()
    # A single nucleotide moves the vector, and moves it less than another sequence does.
    assert 0 < np.linalg.norm(one - other) < np.linalg.norm(one - noise)
    if strands is not None:
        assert encoder.strand_difference(EXON) < strands


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.1)])
def test_a_gpu_gives_what_the_cpu_gives(kind, dtype, tolerance, tmp_path):
    weights = str(SAVERS[kind](tmp_path / kind))
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(5)]
    cpu = load_encoder({"type": kind, "weights": weights}).embed(texts)
    spec = {"type": kind, "weights": weights, "device": "cuda", "dtype": dtype}
    gpu = load_encoder(spec).embed(texts)
    assert np.abs(gpu - cpu).max() <= tolerance * np.abs(cpu).max()
