"""Published sizes, without weights; and published weights where they are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from neurogenomics_kb.brain.encoders import load_brain_encoder
from neurogenomics_kb.foundation.checkpoints import MODELS, locate
from neurogenomics_kb.foundation.tensors import read_tensors

CARDS = Path(__file__).parents[2] / "kb/model_cards"


def count(network) -> tuple[int, float]:
    """Tensors, and millions of numbers in them."""
    own = network.state_dict()
    return len(own), round(sum(t.numel() for t in own.values()) / 1e6, 1)


def test_brain_jepa_has_the_published_tensors():
    from neurogenomics_kb.brain.encoders.brain_jepa import SIZES, BrainJEPANetwork

    with torch.device("meta"):
        network = BrainJEPANetwork(SIZES, torch.zeros(450, 30))
    assert count(network) == (151, 86.8)
    shapes = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    assert shapes["patch_embed.proj.weight"] == (768, 1, 1, 16)
    assert shapes["pos_embed_proj.emb_h"] == (4500, 384)
    assert shapes["pos_embed_proj.predictor_pos_embed_proj.weight"] == (384, 30)
    assert shapes["blocks.11.attn.qkv.weight"] == (2304, 768)
    assert shapes["blocks.0.mlp.fc1.weight"] == (3072, 768)


def test_brain_harmony_has_the_published_tensors():
    from neurogenomics_kb.brain.encoders.brain_harmony import SIZES, HarmonyNetwork

    with torch.device("meta"):
        network = HarmonyNetwork(SIZES, torch.zeros(400, 30), torch.zeros(400, 200))
    # The published file has three more, the positions of a decoder.
    assert count(network)[0] == 156 - 3
    shapes = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    assert shapes["patch_embed.proj.weight"] == (768, 1, 1, 48)
    assert shapes["pos_embed.emb_h_encoder"] == (7200, 384)
    assert shapes["pos_embed.geo_harm_proj.weight"] == (384, 200)
    assert shapes["pos_embed.grad_proj.weight"] == (384, 30)


def test_swift_has_the_published_tensors():
    from neurogenomics_kb.brain.encoders.swift import SIZES, SwiFTNetwork

    with torch.device("meta"):
        network = SwiFTNetwork(SIZES)
    assert count(network) == (165, 4.3)
    shapes = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    assert shapes["patch_embed.fc.weight"] == (36, 216)
    assert shapes["pos_embeds.0.pos_embed"] == (1, 36, 16, 16, 16, 1)
    assert shapes["pos_embeds.0.time_embed"] == (1, 36, 1, 1, 1, 20)
    assert shapes["layers.0.blocks.0.attn.qkv.weight"] == (108, 36)
    assert shapes["layers.0.blocks.1.mlp.linear1.weight"] == (144, 36)
    assert shapes["layers.0.downsample.reduction.weight"] == (72, 288)
    assert network.width == 288


def test_brainlm_has_the_published_sizes():
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    from neurogenomics_kb.brain.encoders.brainlm import ImageNetwork

    small = {"image_size": 432}
    large = {"image_size": 434, "patch_size": 14, "hidden_size": 1280, "num_hidden_layers": 32,
             "num_attention_heads": 16, "intermediate_size": 5120}  # fmt: skip
    for sizes, whole, positions in ((small, 112.6, (730, 768)), (large, 658, (962, 1280))):
        with torch.device("meta"):
            published = ViTMAEForPreTraining(ViTMAEConfig(**sizes))
            network = ImageNetwork(ViTMAEConfig(**sizes, mask_ratio=0.0))
        # With the decoder, which embeddings do not need.
        assert count(published)[1] == pytest.approx(whole, abs=0.5)
        names = {n for n in published.state_dict() if not n.startswith("decoder.")}
        assert set(network.state_dict()) == names
        stored = network.state_dict()["vit.embeddings.position_embeddings"]
        assert tuple(stored.shape) == (1, *positions)


PUBLISHED = {
    # Card: tensors, millions of numbers in them, key and prefix in the file.
    "brainlm": (None, 112.6, None, ""),
    "brain_jepa": (151, 86.8, "target_encoder", ""),
    "brain_harmony": (156, None, None, "encoder_ema."),
    "swift": (165, 4.3, "state_dict", "model."),
}


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("card", sorted(PUBLISHED))
def test_published_weights(card):
    spec = yaml.safe_load((CARDS / f"{card}.yaml").read_text())["spec"]
    models = os.environ.get(MODELS, "")
    place = Path(models) / spec["weights"] / spec.get("subfolder", "")
    if not models or not place.is_dir():
        pytest.skip(f"the weights of {card} are not here: put {spec['weights']} below {MODELS}")
    tensors, millions, under, prefix = PUBLISHED[card]
    folder = locate(spec["weights"], subfolder=spec.get("subfolder", ""))
    stored = read_tensors(folder, file=spec.get("file"), under=under)
    own = [t for name, t in stored.items() if name.startswith(prefix)]
    if card == "swift":
        own = [t for name, t in stored.items() if not name.startswith(("output_head", "emb_mlp"))]
    assert tensors is None or len(own) == tensors
    total = sum(t.numel() for t in own) / 1e6
    assert millions is None or total == pytest.approx(millions, abs=0.1)
    encoder = load_brain_encoder(spec)
    if encoder.reads == "volumes":
        segments = [np.random.default_rng(0).normal(size=(96, 96, 96, 20)).astype(np.float32)]
    else:
        parcels = {"brainlm": 424, "brain_jepa": 450, "brain_harmony": 400}[card]
        walk = np.cumsum(np.random.default_rng(0).normal(size=(600, parcels)), axis=0)
        ready = encoder.prepare(pd.DataFrame(walk), 0.735)
        segments = [ready.cut(0, encoder.span(ready.tr)[1] if card != "brain_harmony" else 96)]
    values = encoder.embed(segments, 0.735)
    assert values.shape == (1, {"swift": 288}.get(card, 768))
    assert np.isfinite(values).all()
    assert values.std() > 0
