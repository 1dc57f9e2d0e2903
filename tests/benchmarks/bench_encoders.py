"""Throughput of encoders beside the bare network: ``make benchmark``.

The same sequences go through `embed` and, as one tensor per batch of the same shape, through the
network alone; both strands count in both. Ratios are of medians over turns taken alternately.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from tests.benchmarks.harness import Record, Side, compare
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


def batches_of(encoder, texts: list[str]) -> list[torch.Tensor]:
    """Both strands as finished tensors, at the encoder's own batch shapes."""
    strands = [s for t in texts for s in (t, reverse_complement(t))]
    groups: dict[int, list[np.ndarray]] = {}
    for strand in strands:
        ids = encoder.tokenizer(strand).ids
        groups.setdefault(len(ids), []).append(ids)
    return [
        torch.from_numpy(np.stack(g[k : k + size]))
        for length, g in groups.items()
        for size in [max(1, encoder.batch_tokens // length)]
        for k in range(0, len(g), size)
    ]


def forward(encoder, batches: list[torch.Tensor]) -> int:
    """Forward passes alone; how many strands went through."""
    with torch.inference_mode():
        for ids in batches:
            encoder.network(ids)
    return sum(len(ids) for ids in batches)


def run(tiny: bool = False) -> list[Record]:
    """Encoders beside their networks.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    bases, sequences = (60, 4) if tiny else (BASES, SEQUENCES)
    texts = ["".join(rng.choice(list("ACGT"), bases)) for _ in range(sequences)]
    makers = [("hyenadna", save_hyenadna), ("dnabert2", save_dnabert2)]
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, maker in makers if tiny else [("hyenadna", wide_hyena), *makers]:
            path = maker(Path(folder) / f"{kind}-{maker.__name__}")
            encoder = load_encoder({"type": kind, "weights": str(path)})
            batches = batches_of(encoder, texts)

            def whole(vectors, strands) -> str:
                assert np.isfinite(vectors).all()
                assert (len(vectors), strands) == (sequences, 2 * sequences)
                return f"{sequences} sequences, both strands"

            records.append(
                compare(
                    f"encoder of sequences, {maker.__name__.removeprefix('save_')}",
                    Side(lambda encoder=encoder: encoder.embed(texts), parts=sequences),
                    Side(
                        lambda encoder=encoder, batches=batches: forward(encoder, batches),
                        parts=sequences,
                    ),
                    size=f"{sequences} × {bases} bases",
                    alternative="bare forward pass",
                    agree=whole,
                    turns=2 if tiny else TURNS,
                )
            )
    return records


if __name__ == "__main__":
    for record in run():
        print(record)
