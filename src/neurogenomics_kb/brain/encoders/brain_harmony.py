"""Brain Harmony's functional encoder (Dong et al. 2025): patches of equal seconds at any TR."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate

from neurogenomics_kb.brain.encoders.base import PreparedRun, check_parcels, require_tr
from neurogenomics_kb.brain.encoders.parcel_models import (
    ParcelEncoder,
    ParcelModel,
    ParcelSource,
    load_parcel_model,
)
from neurogenomics_kb.brain.encoders.vit import ParcelTransformer, to_unit_range

MODEL = "Brain Harmony's functional encoder"
SIZES = {
    "parcels": 400, "steps": 18, "patch": 48, "width": 768, "depth": 12, "heads": 12,
    "gradients": 30, "harmonics": 200,
}  # fmt: skip
TR = 0.735  # of the patches that were learnt
EMA = "encoder_ema."


class HarmonyPositions(nn.Module):
    """Time by stored sines and cosines, parcels by gradients and geometric harmonics."""

    formulas = ("emb_h_encoder",)  # no weights: a twin has them too

    def __init__(self, tokens: int, gradients: int, harmonics: int, width: int) -> None:
        super().__init__()
        self.emb_h_encoder = nn.Parameter(torch.zeros(tokens, width // 2))
        self.geo_harm_proj = nn.Linear(harmonics, width // 2)
        self.grad_proj = nn.Linear(gradients, width // 2)

    def forward(self, gradient: torch.Tensor, harmonic: torch.Tensor, steps: int) -> torch.Tensor:
        """Positions; (parcels × steps, width)."""
        parcels = 0.5 * (self.grad_proj(gradient) + self.geo_harm_proj(harmonic))
        parcels = to_unit_range(parcels.repeat_interleave(steps, dim=0))
        return torch.cat([self.emb_h_encoder, parcels], dim=1)


def resize_kernel(weight: torch.Tensor, frames: int) -> torch.Tensor:
    """Patch kernel for patches of as many seconds at another repetition time (TAPE).

    A bicubic resize of a patch is a linear map; its pseudo-inverse gives the kernel whose responses
    to resized patches are nearest to the original responses (Beyer et al., FlexiViT, CVPR 2023, in
    one dimension). Below the learnt number of frames this preserves responses to smooth signals
    only.

    Parameters
    ----------
    weight : Tensor, shape (width, 1, 1, patch)
        Kernel of the checkpoint.
    frames : int
        Frames of the patch at the other repetition time.

    Returns
    -------
    Tensor, shape (width, 1, 1, frames)
    """
    patch = weight.shape[-1]
    if frames == patch:
        return weight
    basis = torch.eye(patch, dtype=torch.float64)[:, None, None]  # one patch per row
    resized = interpolate(basis, (1, frames), mode="bicubic", antialias=True)[:, 0, 0]
    inverse = torch.linalg.pinv(resized).to(weight.device)
    return (weight.double() @ inverse.T).to(weight.dtype)


class HarmonyNetwork(ParcelTransformer):
    """The moving-average encoder: no class token, no predictor."""

    def __init__(
        self, sizes: dict[str, int], gradient: torch.Tensor, harmonic: torch.Tensor
    ) -> None:
        super().__init__(
            sizes["parcels"], sizes["steps"], sizes["patch"], sizes["width"], sizes["depth"],
            sizes["heads"],
        )  # fmt: skip
        self.pos_embed = HarmonyPositions(
            sizes["parcels"] * sizes["steps"], sizes["gradients"], sizes["harmonics"],
            sizes["width"],
        )  # fmt: skip
        self.register_buffer("gradient", gradient, persistent=False)
        self.register_buffer("harmonic", harmonic, persistent=False)
        self.kernels: dict[int, torch.Tensor] = {}

    def kernel(self, frames: int) -> torch.Tensor:
        """Patch kernel of so many frames, made once."""
        if frames not in self.kernels:
            self.kernels[frames] = resize_kernel(self.patch_embed.proj.weight, frames)
        return self.kernels[frames]

    def forward(
        self, x: torch.Tensor, frames: int, valid: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Tokens of runs (batch, 1, parcels, frames × steps); (batch, parcels × steps, width).

        Parameters
        ----------
        x : Tensor
            Up to the number of steps that positions are stored for.
        frames : int
            Frames of a patch.
        valid : Tensor of bool, shape (batch, steps), optional
            Steps that hold data, where runs of different length were padded.
        """
        tokens = conv2d(x, self.kernel(frames), self.patch_embed.proj.bias, stride=(1, frames))
        steps = tokens.shape[-1]
        tokens = tokens.flatten(2).transpose(1, 2)
        positions = self.pos_embed(self.gradient, self.harmonic, self.steps)
        own = positions.view(self.parcels, self.steps, -1)[:, :steps].flatten(0, 1)
        keys = None if valid is None else valid.repeat(1, self.parcels)
        return self.run(tokens, own, keys)


class HarmonyEncoder(ParcelEncoder):
    """Brain Harmony's functional encoder; `load_brain_harmony` makes one."""

    def __init__(self, network, *, seconds, **options) -> None:
        super().__init__(network, **options)
        self.seconds = seconds

    def patch_frames(self, tr: float) -> int:
        """Frames of a patch at a repetition time."""
        return max(1, round(self.seconds / tr))

    def span(self, tr: float) -> tuple[int, int]:
        """One whole patch, up to as many as positions are stored for."""
        patch = self.patch_frames(require_tr(tr))
        return patch, patch * self.network.steps

    def prepare(self, run: pd.DataFrame, tr: float | None, *, subject: str = "") -> PreparedRun:
        """Check parcels and scale; the repetition time stays as it is."""
        tr = require_tr(tr, subject)
        values = check_parcels(run, self.network.parcels, self.order, MODEL, subject)
        values = self.scale(values, subject).astype(np.float32)
        return PreparedRun(len(values), tr, lambda start, stop: values[start:stop])

    def forward(self, tensor: torch.Tensor, tr: float) -> torch.Tensor:
        """Tokens; a last patch that is not full ends in zeros, as in the authors' loader."""
        frames = self.patch_frames(tr)
        steps = math.ceil(tensor.shape[-1] / frames)
        missing = steps * frames - tensor.shape[-1]
        return self.network(nn.functional.pad(tensor, (0, missing)), frames)


def rename(name: str) -> str | None:
    """Name of a published tensor in `HarmonyNetwork`; positions of the decoder are not needed."""
    name = name.removeprefix(EMA)
    decoder = ("pos_embed.emb_h_decoder", "pos_embed.decoder_pos_embed_proj.")
    return None if name.startswith(decoder) else name


PUBLISHED = ParcelModel(
    MODEL,
    SIZES,
    HarmonyNetwork,
    rename,
    wanted={
        "pos_embed.emb_h_encoder": 2,
        "pos_embed.geo_harm_proj.weight": 2,
        "patch_embed.proj.weight": 4,
    },
    tables={
        "gradients": "table of functional gradients",
        "harmonics": "table of geometric eigenmodes",
    },
    prefix=EMA,
)


def load_brain_harmony(
    weights: str,
    revision: str | None = None,
    *,
    file: str | None = None,
    gradient: str = "gradient_mapping_400.csv",
    harmonics: str = "schaefer400_roi_eigenmodes.csv",
    scaling: str = "run_robust",
    reference: str | None = None,
    parcels: str | None = None,
    sizes: dict[str, int] | None = None,
    **options: Any,
) -> HarmonyEncoder:
    """Brain Harmony's functional encoder from a published checkpoint and the tables beside it.

    Its many parameters are the options that a model card may state.

    Parameters
    ----------
    weights, revision : str
        As for `neurogenomics_kb.foundation.checkpoints.locate`.
    file : str, optional
        One of several checkpoints in the folder.
    gradient, harmonics : str
        CSVs of functional gradients (400 × 30) and geometric eigenmodes (400 × 200).
    scaling, reference : str
        As for `make_scaling`; pretraining used ``reference_robust``, the authors' loader for ABIDE
        ``none``.
    parcels : str, optional
        File with the names of the parcels in order, to check columns against.
    sizes : dict of str to int, optional
        Sizes that differ from the published model's.
    **options
        Of `NeuralBrainEncoder`.

    Raises
    ------
    InputError
        If the checkpoint is not of this architecture, or a file of its is missing or does not fit.
    """
    loaded = load_parcel_model(
        PUBLISHED,
        ParcelSource(
            weights, revision, file, {"gradients": gradient, "harmonics": harmonics}, scaling,
            reference, parcels, sizes or {},
        ),
    )  # fmt: skip
    seconds = loaded.sizes["patch"] * TR
    framing = loaded.framing | {"resampling": f"patches of {seconds:g} s (TAPE)"}
    return HarmonyEncoder(
        loaded.network, **loaded.options, seconds=seconds, framing=framing, **options
    )
