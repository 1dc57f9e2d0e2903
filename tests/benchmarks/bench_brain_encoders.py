"""Throughput of brain encoders beside the bare network: ``make benchmark``.

The same segments go through scaling, cutting and `embed`, and, as finished tensors of the same
batch shape, through the network alone. Ratios are of medians over turns taken alternately, of
processor time, which other programs disturb less. Random weights; Brain-JEPA and Brain Harmony have
two layers, so that what surrounds the network weighs more than at the published depth of twelve.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import torch
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


def ours(encoder, run, tr: float) -> tuple[float, list[np.ndarray], float]:
    """Processor seconds from a run to embeddings; the segments; their repetition time."""
    start = time.process_time()
    ready = encoder.prepare(run, tr)
    longest = encoder.span(ready.tr)[1]
    starts = range(0, ready.n_frames - longest + 1, longest)
    segments = [ready.cut(a, a + longest) for a in starts]
    encoder.embed(segments, ready.tr)
    return time.process_time() - start, segments, ready.tr


def bare(encoder, segments: list[np.ndarray], tr: float) -> float:
    """Processor seconds of the forward passes alone, at the encoder's own batch shapes."""
    size = encoder.batch
    batches = [
        encoder.tensor(encoder.arrange(np.stack(segments[k : k + size])))
        for k in range(0, len(segments), size)
    ]
    start = time.process_time()
    with torch.inference_mode():
        for batch in batches:
            encoder.forward(batch, tr)
    return time.process_time() - start


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        for make in (brainlm, brain_jepa, brain_harmony, swift):
            place = Path(folder) / make.__name__
            spec, run, tr = make(place)
            encoder = load_brain_encoder({**spec, "weights": str(place)})
            whole, alone = [], []
            for _ in range(TURNS):
                seconds, segments, seen = ours(encoder, run, tr)
                whole.append(seconds)
                alone.append(bare(encoder, segments, seen))
            ratio, each = np.median(alone) / np.median(whole), np.median(whole) / len(segments)
            parameters = sum(p.numel() for p in encoder.network.parameters()) / 1e6
            print(
                f"{make.__name__:14} {ratio:5.2f} of the bare forward pass, {each:7.2f} s for each "
                f"of {len(segments)} segments, {parameters:6.1f}M parameters"
            )


if __name__ == "__main__":
    main()
