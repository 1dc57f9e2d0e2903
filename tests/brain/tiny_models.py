"""Tiny random brain models of the real architectures, saved as their authors publish them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from tests.genome.tiny_models import randomize, save

PARCELS = 12


def numbers(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def write_coordinates(folder: Path, parcels: int = PARCELS) -> None:
    xyz = 40 * numbers(parcels, 3, seed=5)
    table = np.column_stack([np.arange(1, parcels + 1), xyz])
    np.savetxt(folder / "A424_Coordinates.dat", table, fmt="%.5g", delimiter="\t")


def save_brainlm(folder: Path, parcels: int = PARCELS) -> Path:
    """Image form through transformers' own saving, which writes the published names."""
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        image_size=48, patch_size=4, decoder_hidden_size=8, decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2, decoder_intermediate_size=8,
    )  # fmt: skip
    model = randomize(ViTMAEForPreTraining(config))
    model.save_pretrained(folder)
    write_coordinates(folder, parcels)
    return folder


def save_brainlm_13m(folder: Path, parcels: int = PARCELS) -> Path:
    """Older form with the names of its repository."""
    from transformers import NystromformerConfig

    from neurogenomics_kb.brain.encoders.brainlm import TokenNetwork

    config = {
        "model_type": "brainlm_mae", "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 24, "num_landmarks": 64,
        "segment_means_seq_len": 64, "conv_kernel_size": 5, "timepoint_patching_size": 4,
        "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    }  # fmt: skip
    left_out = ("model_type", "timepoint_patching_size")
    settings = {k: v for k, v in config.items() if k not in left_out}
    network = TokenNetwork(NystromformerConfig(**settings), 4, torch.zeros(parcels, 3))
    randomize(network)
    tensors = {f"vit.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors["decoder.mask_token"] = torch.zeros(1, 1, 8)
    save(folder, config, tensors)
    write_coordinates(folder, parcels)
    return folder


def sincos_time(parcels: int, steps: int, width: int) -> torch.Tensor:
    """Sines then cosines of the step, one row per parcel and step."""
    rates = [10000 ** (-i / (width // 2)) for i in range(width // 2)]
    rows = [
        [np.sin(step * r) for r in rates] + [np.cos(step * r) for r in rates]
        for _ in range(parcels)
        for step in range(steps)
    ]
    return torch.tensor(rows, dtype=torch.float32)


JEPA = {"parcels": PARCELS, "frames": 12, "patch": 4, "width": 16, "depth": 2, "heads": 2,
        "gradients": 3}  # fmt: skip


def save_brain_jepa(folder: Path) -> Path:
    """Brain-JEPA in one file with an encoder, a target encoder and an optimiser beside it."""
    from neurogenomics_kb.brain.encoders.brain_jepa import BrainJEPANetwork

    folder.mkdir(parents=True, exist_ok=True)
    network = randomize(BrainJEPANetwork(JEPA, torch.zeros(PARCELS, 3)))
    own = network.state_dict() | {"pos_embed_proj.emb_h": sincos_time(PARCELS, 3, 8)}
    target = {f"module.{name}": tensor for name, tensor in own.items()}
    other = {name: torch.zeros_like(tensor) for name, tensor in target.items()}
    content = {"encoder": other, "target_encoder": target, "epoch": 300, "opt": {"state": {}}}
    torch.save(content, folder / "jepa-ep300.pth.tar")
    np.savetxt(folder / "gradient_mapping_450.csv", numbers(PARCELS, 3), delimiter=",")
    return folder


HARMONY = {"parcels": PARCELS, "steps": 4, "patch": 48, "width": 16, "depth": 2, "heads": 2,
           "gradients": 3, "harmonics": 5}  # fmt: skip


def save_brain_harmony(folder: Path) -> Path:
    """The functional encoder's moving average, with the predictor beside it."""
    from neurogenomics_kb.brain.encoders.brain_harmony import HarmonyNetwork

    folder.mkdir(parents=True, exist_ok=True)
    network = HarmonyNetwork(HARMONY, torch.zeros(PARCELS, 3), torch.zeros(PARCELS, 5))
    randomize(network)
    own = network.state_dict() | {"pos_embed.emb_h_encoder": sincos_time(PARCELS, 4, 8)}
    tensors = {f"encoder_ema.{name}": tensor for name, tensor in own.items()}
    tensors["encoder_ema.pos_embed.emb_h_decoder"] = torch.zeros(48, 4)
    tensors["encoder_ema.pos_embed.decoder_pos_embed_proj.weight"] = torch.zeros(4, 8)
    tensors["encoder_ema.pos_embed.decoder_pos_embed_proj.bias"] = torch.zeros(4)
    tensors["encoder.norm.weight"] = torch.zeros(16)
    tensors["predictor.norm.weight"] = torch.zeros(16)
    torch.save(tensors, folder / "model.pth")
    np.savetxt(folder / "gradient_mapping_400.csv", numbers(PARCELS, 3), delimiter=",")
    modes = numbers(PARCELS, 5, seed=1)
    lines = [",".join(["", *(f"mode{i}" for i in range(5))])]
    lines += [",".join([f"roi{i}", *(f"{v:.6g}" for v in row)]) for i, row in enumerate(modes)]
    (folder / "schaefer400_roi_eigenmodes.csv").write_text("\n".join(lines) + "\n")
    return folder


SWIFT = {
    "img_size": [16, 16, 16, 6], "in_chans": 1, "embed_dim": 4, "patch_size": [2, 2, 2, 1],
    "first_window_size": [3, 3, 3, 4], "window_size": [3, 3, 3, 4], "depths": [2, 2, 2],
    "num_heads": [1, 2, 4], "c_multiplier": 2, "last_layer_full_MSA": True,
}  # fmt: skip


def save_swift(folder: Path, **changes) -> Path:
    """A Lightning checkpoint with hyper-parameters and a head."""
    from neurogenomics_kb.brain.encoders.swift import SwiFTNetwork

    folder.mkdir(parents=True, exist_ok=True)
    sizes = SWIFT | changes
    network = randomize(SwiFTNetwork(sizes))
    tensors = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors["output_head.hidden.weight"] = torch.zeros(2, 16)
    content = {
        "state_dict": tensors, "hyper_parameters": {**sizes, "learning_rate": 1e-3}, "epoch": 9,
        "pytorch-lightning_version": "1.9.1",
    }  # fmt: skip
    torch.save(content, folder / "contrastive_pretrained.ckpt")
    return folder


SAVERS = {
    "brainlm": save_brainlm,
    "brainlm_13m": save_brainlm_13m,
    "brain_jepa": save_brain_jepa,
    "brain_harmony": save_brain_harmony,
    "swift": save_swift,
}


def spec_of(kind: str, folder: Path, **more) -> dict:
    """Spec of a tiny model."""
    sizes = {"brain_jepa": {"sizes": JEPA}, "brain_harmony": {"sizes": HARMONY}}.get(kind, {})
    frames = {"brainlm": {"frames": 40}, "brainlm_13m": {"frames": 40}}.get(kind, {})
    name = "brainlm" if kind == "brainlm_13m" else kind
    return {"type": name, "weights": str(folder), **sizes, **frames, **more}


def write_config(folder: Path, **changes) -> None:
    """Change a checkpoint's configuration."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
