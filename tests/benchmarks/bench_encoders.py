"""Throughput of encoders beside the bare network: ``make benchmark``.

The same sequences go through `embed` and, as one tensor per batch of the same shape, through the
network alone; both strands count in both. Ratios are of medians over turns taken alternately.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from tests.genome.tiny_models import save, save_dnabert2, save_hyenadna

from neurogenomics_kb.genome.encoders import load_encoder
from neurogenomics_kb.genome.sequences import reverse_complement

BASES, SEQUENCES, TURNS = 300, 400, 7


def wide_hyena(folder: Path) -> Path:
    """HyenaDNA of a published size (tiny-1k: width 128, 2 layers), random weights."""
    from tests.genome.tiny_models import randomize

    from neurogenomics_kb.genome.encoders.hyenadna import HyenaNetwork

    config = {
        "model_type": "hyenadna", "d_model": 128, "n_layer": 2, "d_inner": 512, "vocab_size": 12,
        "pad_vocab_size_multiple": 8, "max_seq_len": 1026, "filter_order": 64,
    }  # fmt: skip
    network = randomize(HyenaNetwork(config))
    tensors = {
        f"hyena.backbone.{n.replace('embeddings.weight', 'embeddings.word_embeddings.weight')}": t
        for n, t in network.state_dict().items()
    }
    return save(folder, config, tensors)


def bare(encoder, texts: list[str]) -> None:
    """Forward passes alone, at the encoder's own batch shapes."""
    strands = [s for t in texts for s in (t, reverse_complement(t))]
    groups: dict[int, list[np.ndarray]] = {}
    for strand in strands:
        ids = encoder.tokenizer(strand).ids
        groups.setdefault(len(ids), []).append(ids)
    batches = [
        torch.from_numpy(np.stack(g[k : k + size]))
        for length, g in groups.items()
        for size in [max(1, encoder.batch_tokens // length)]
        for k in range(0, len(g), size)
    ]
    bare.start = time.perf_counter()
    with torch.inference_mode():
        for ids in batches:
            encoder.network(ids)


def main() -> None:
    """Print the ratios."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), BASES)) for _ in range(SEQUENCES)]
    with tempfile.TemporaryDirectory() as folder:
        for kind, maker in (
            ("hyenadna", wide_hyena), ("hyenadna", save_hyenadna), ("dnabert2", save_dnabert2),
        ):  # fmt: skip
            path = maker(Path(folder) / f"{kind}-{maker.__name__}")
            encoder = load_encoder({"type": kind, "weights": str(path)})
            ours, alone = [], []
            for _ in range(TURNS):
                start = time.perf_counter()
                encoder.embed(texts)
                ours.append(time.perf_counter() - start)
                bare(encoder, texts)
                alone.append(time.perf_counter() - bare.start)
            ratio = np.median(alone) / np.median(ours)
            speed = 2 * BASES * SEQUENCES / np.median(ours)
            print(
                f"{maker.__name__:20} {ratio:5.2f} of the bare forward pass, {speed:12,.0f} bases/s"
            )


if __name__ == "__main__":
    main()
