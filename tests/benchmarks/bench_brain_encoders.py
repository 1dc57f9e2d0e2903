"""Throughput of brain encoders beside the bare network: ``make benchmark``.

The same segments go through scaling, cutting and `embed`, and, as finished tensors of the same
batch shape, through the network alone. Ratios are of medians over turns taken alternately, of
processor time, which other programs disturb less. Random weights; Brain-JEPA and Brain Harmony have
two layers, so that what surrounds the network weighs more than at the published depth of twelve.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import torch
from tests.benchmarks.harness import Record, Side, compare
from tests.brain import tiny_models as tiny
from tests.genome.tiny_models import randomize

from neurogenomics_kb.brain.encoders import load_brain_encoder
from neurogenomics_kb.brain.encoders.swift import SIZES, SwiFTNetwork

TURNS = 3


def brainlm(folder: Path) -> tuple[dict, object, float]:
    """The image form at the published size (111M parameters)."""
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(image_size=432, decoder_num_hidden_layers=1)
    ViTMAEForPreTraining(config).save_pretrained(folder)
    tiny.write_coordinates(folder, 424)
    return {"type": "brainlm", "batch": 2}, series(424, 400), 0.735


def brain_jepa(folder: Path) -> tuple[dict, object, float]:
    """450 parcels and 160 frames at the published width, two layers."""
    from neurogenomics_kb.brain.encoders.brain_jepa import SIZES as PUBLISHED
    from neurogenomics_kb.brain.encoders.brain_jepa import BrainJEPANetwork

    sizes = PUBLISHED | {"depth": 2}
    folder.mkdir()
    network = BrainJEPANetwork(sizes, torch.zeros(450, 30))
    torch.save({"target_encoder": network.state_dict()}, folder / "jepa.pth.tar")
    np.savetxt(folder / "gradient_mapping_450.csv", tiny.numbers(450, 30), delimiter=",")
    return {"type": "brain_jepa", "sizes": sizes, "batch": 1}, series(450, 490), 0.735


def brain_harmony(folder: Path) -> tuple[dict, object, float]:
    """400 parcels at a repetition time of 2 s, two layers."""
    from neurogenomics_kb.brain.encoders.brain_harmony import SIZES as PUBLISHED
    from neurogenomics_kb.brain.encoders.brain_harmony import HarmonyNetwork

    sizes = PUBLISHED | {"depth": 2, "steps": 6}
    folder.mkdir()
    network = HarmonyNetwork(sizes, torch.zeros(400, 30), torch.zeros(400, 200))
    torch.save(network.state_dict(), folder / "model.pth")
    np.savetxt(folder / "gradient_mapping_400.csv", tiny.numbers(400, 30), delimiter=",")
    np.savetxt(folder / "schaefer400_roi_eigenmodes.csv", tiny.numbers(400, 200), delimiter=",")
    return {"type": "brain_harmony", "sizes": sizes, "batch": 2}, series(400, 216), 2.0


def swift(folder: Path) -> tuple[dict, object, float]:
    """The published size on a run of 40 volumes."""
    folder.mkdir()
    network = randomize(SwiFTNetwork(SIZES))
    torch.save({"state_dict": network.state_dict()}, folder / "swift.ckpt")
    values = np.zeros((91, 109, 91, 40), np.float32)
    inner = np.random.default_rng(0).normal(100, 10, (71, 89, 71, 40))
    values[10:-10, 10:-10, 10:-10] = inner
    # As a file lies in memory: one volume after the other.
    image = nibabel.Nifti1Image(np.asfortranarray(values), np.diag([2, 2, 2, 1]))
    image.header.set_zooms((2, 2, 2, 0.72))
    return {"type": "swift"}, image, 0.72


def series(parcels: int, frames: int) -> pd.DataFrame:
    """Random walks."""
    steps = np.random.default_rng(1).normal(size=(frames, parcels))
    return pd.DataFrame(100 + np.cumsum(steps, axis=0))


def segments_of(encoder, run, tr: float) -> tuple[list[np.ndarray], float]:
    """Segments of a run as the pipeline cuts them, and their repetition time."""
    ready = encoder.prepare(run, tr)
    longest = encoder.span(ready.tr)[1]
    starts = range(0, ready.n_frames - longest + 1, longest)
    return [ready.cut(a, a + longest) for a in starts], ready.tr


def embed(encoder, run, tr: float) -> int:
    """From a run to embeddings; how many."""
    return len(encoder.embed(*segments_of(encoder, run, tr)))


def forward(encoder, batches, tr: float) -> int:
    """Forward passes alone; how many segments went through."""
    with torch.inference_mode():
        for batch in batches:
            encoder.forward(batch, tr)
    return sum(len(batch) for batch in batches)


def run(tiny: bool = False) -> list[Record]:
    """Encoders beside their networks.

    Parameters
    ----------
    tiny : bool
        One encoder, of which only agreement is of interest.
    """
    torch.set_num_threads(1)
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for make in (brain_harmony,) if tiny else (brainlm, brain_jepa, brain_harmony, swift):
            place = Path(folder) / make.__name__
            spec, image, tr = make(place)
            encoder = load_brain_encoder({**spec, "weights": str(place)})
            segments, seen = segments_of(encoder, image, tr)
            batches = [
                encoder.tensor(encoder.arrange(np.stack(segments[k : k + encoder.batch])))
                for k in range(0, len(segments), encoder.batch)
            ]

            def same_count(mine: int, theirs: int) -> str:
                assert mine == theirs
                return f"{mine} segments"

            records.append(
                compare(
                    f"encoder of brains, {make.__name__}",
                    Side(partial(embed, encoder, image, tr), parts=len(segments)),
                    Side(partial(forward, encoder, batches, seen), parts=len(segments)),
                    size=f"{len(segments)} segments, {count(encoder):.1f}M parameters",
                    alternative="bare forward pass",
                    agree=same_count,
                    turns=1 if tiny else TURNS,
                )
            )
    return records


def count(encoder) -> float:
    """Parameters in millions."""
    return sum(p.numel() for p in encoder.network.parameters()) / 1e6


if __name__ == "__main__":
    for record in run():
        print(record)
