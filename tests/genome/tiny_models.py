"""Tiny random models of the real architectures, saved as their authors publish them."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, processors

CADUCEUS = "kuleshov-group/caduceus-ps_seqlen-131k_d_model-256_n_layer-16"
COMPLEMENT = {i: i for i in range(16)} | {7: 10, 10: 7, 8: 9, 9: 8}


def save(folder: Path, config: dict, tensors: dict) -> Path:
    """A checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({k: v.clone().contiguous() for k, v in tensors.items()}, folder / "model.safetensors")
    return folder


def randomize(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Replace everything by noise, so that no part of a model is silent."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.dtype.is_floating_point and not name.endswith(("A_log", ".t", "deltas")):
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=generator))
    return module


def caduceus_config(*, rcps: bool = True, fused: bool = True) -> dict:
    """Configuration as published, shrunk."""
    return {
        "model_type": "caduceus", "d_model": 12, "n_layer": 3, "vocab_size": 12,
        "pad_vocab_size_multiple": 8, "rms_norm": True, "fused_add_norm": fused,
        "norm_epsilon": 1e-5, "bidirectional": True, "bidirectional_strategy": "add",
        "bidirectional_weight_tie": True, "rcps": rcps, "complement_map": COMPLEMENT,
        "ssm_cfg": {"d_state": 4, "d_conv": 4, "expand": 2},
    }  # fmt: skip


def save_caduceus(folder: Path, *, rcps: bool = True, fused: bool = True, **changes) -> Path:
    """Caduceus with the tensor names of the hub."""
    from neurogenomics_kb.genome.encoders.caduceus import build_network

    config = caduceus_config(rcps=rcps, fused=fused) | changes
    network = randomize(build_network(config, folder))
    inner = "submodule." if rcps else ""
    tensors = {}
    for name, tensor in network.state_dict().items():
        if name == "embeddings.weight":
            middle = "embedding." if rcps else ""
            tensors[f"caduceus.backbone.embeddings.word_embeddings.{middle}weight"] = tensor
        else:
            tensors[f"caduceus.backbone.{name.replace('.mixer.', f'.mixer.{inner}', 1)}"] = tensor
    if rcps:
        tensors["caduceus.backbone.embeddings.word_embeddings.complement_map"] = torch.arange(16)
    tensors["lm_head.lm_head.weight" if rcps else "lm_head.weight"] = torch.zeros(16, 12)
    return save(folder, config, tensors)


def save_dnabert2(folder: Path) -> Path:
    """DNABERT-2 with the tensor names of the hub, and a small byte-pair tokenizer."""
    from neurogenomics_kb.genome.encoders.dnabert2 import DNABERT2Network

    config = {
        "model_type": "bert", "hidden_size": 24, "num_attention_heads": 6, "num_hidden_layers": 2,
        "intermediate_size": 20, "vocab_size": 17, "layer_norm_eps": 1e-12,
    }  # fmt: skip
    network = randomize(DNABERT2Network(config))
    tensors = {}
    for name, tensor in network.state_dict().items():
        out = name.replace("layers.", "encoder.layer.")
        for ours, theirs in (
            (".attention.Wqkv", ".attention.self.Wqkv"), (".dense", ".attention.output.dense"),
            (".attention_norm", ".attention.output.LayerNorm"),
            (".gated_layers", ".mlp.gated_layers"), (".wo", ".mlp.wo"),
            (".layernorm", ".mlp.layernorm"),
        ):  # fmt: skip
            out = out.replace(ours, theirs)
        top = not out.startswith("encoder")
        tensors[f"bert.{'embeddings.' if top else ''}{out}"] = tensor
    tensors["bert.pooler.dense.weight"] = torch.zeros(24, 24)
    tensors["cls.predictions.bias"] = torch.zeros(17)
    save(folder, config, tensors)
    words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T", "N",
             "AC", "GT", "CG", "TA", "ACG", "GTA", "TT"]  # fmt: skip
    merges = [("A", "C"), ("G", "T"), ("C", "G"), ("T", "A"), ("AC", "G"), ("GT", "A"), ("T", "T")]
    tokenizer = Tokenizer(
        models.BPE({w: i for i, w in enumerate(words)}, merges, unk_token="[UNK]")
    )
    tokenizer.add_special_tokens(words[:5])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def save_hyenadna(folder: Path) -> Path:
    """HyenaDNA with the tensor names of the hub; shared frequencies stored once."""
    from neurogenomics_kb.genome.encoders.hyenadna import HyenaNetwork

    config = {
        "model_type": "hyenadna", "d_model": 16, "n_layer": 2, "d_inner": 20, "vocab_size": 12,
        "pad_vocab_size_multiple": 8, "max_seq_len": 130, "filter_order": 8, "emb_dim": 5,
        "num_inner_mlps": 2, "layer_norm_epsilon": 1e-5,
    }  # fmt: skip
    network = randomize(HyenaNetwork(config))
    length = config["max_seq_len"]
    time = torch.linspace(0, 1, length)[None, :, None]
    tensors = {}
    for name, tensor in network.state_dict().items():
        stored = tensor
        if name.endswith("pos_emb.t"):
            stored = time
        elif name.endswith("deltas"):
            stored = torch.linspace(-3.0, -15.0, 16)[None, None]
        elif name.endswith(("filter.3.freq", "filter.5.freq")):
            continue
        out = name.replace("embeddings.weight", "embeddings.word_embeddings.weight")
        tensors[f"hyena.backbone.{out}"] = stored
    tensors["lm_head.weight"] = torch.zeros(16, 16)
    return save(folder, config, tensors)


def save_generator(folder: Path) -> Path:
    """GENERator: a stock Llama."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, vocab_size=4128, max_position_embeddings=41,
    )  # fmt: skip
    model = randomize(LlamaForCausalLM(config))
    return save(folder, config.to_dict(), model.state_dict())


def save_nucleotide_transformer(folder: Path) -> Path:
    """Nucleotide Transformer v2 with the tensor names of the hub."""
    from transformers import EsmConfig

    from neurogenomics_kb.genome.encoders.nucleotide_transformer import ESMNetwork

    words = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>"]
    words += ["".join(letters) for letters in product("ATCG", repeat=6)] + list("ATCGN")
    config = EsmConfig(
        hidden_size=16, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4,
        vocab_size=len(words), max_position_embeddings=43, position_embedding_type="rotary",
        pad_token_id=1, mask_token_id=2, emb_layer_norm_before=False, token_dropout=False,
    )  # fmt: skip
    network = randomize(ESMNetwork(config))
    tensors = dict(network.state_dict())
    tensors["lm_head.bias"] = torch.zeros(len(words))
    tensors["esm.contact_head.regression.weight"] = torch.zeros(1, 8)
    save(folder, config.to_dict() | {"model_type": "esm"}, tensors)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    return folder


SAVERS = {
    "caduceus": save_caduceus,
    "dnabert2": save_dnabert2,
    "hyenadna": save_hyenadna,
    "generator": save_generator,
    "nucleotide_transformer": save_nucleotide_transformer,
}
