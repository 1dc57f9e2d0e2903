"""Brain-JEPA (Dong et al., NeurIPS 2024): a vision transformer whose parcels stand by gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from neurogenomics_kb.brain.encoders.base import PreparedRun, check_parcels, require_tr
from neurogenomics_kb.brain.encoders.parcel_models import (
    ParcelEncoder,
    ParcelModel,
    ParcelSource,
    load_parcel_model,
)
from neurogenomics_kb.brain.encoders.scaling import check_resampling, resample
from neurogenomics_kb.brain.encoders.vit import ParcelTransformer, to_unit_range
from neurogenomics_kb.foundation.errors import InputError

MODEL = "Brain-JEPA"
SIZES = {
    "parcels": 450, "frames": 160, "patch": 16, "width": 768, "depth": 12, "heads": 12,
    "gradients": 30,
}  # fmt: skip
TR = 3 * 0.735  # every third volume of UK Biobank
SUBCORTICAL = 50


class GradientPositions(nn.Module):
    """Time by stored sines and cosines, parcels by their functional gradients."""

    formulas = ("emb_h",)  # no weights: a twin has them too

    def __init__(self, tokens: int, gradients: int, width: int) -> None:
        super().__init__()
        self.emb_h = nn.Parameter(torch.zeros(tokens, width // 2))
        self.predictor_pos_embed_proj = nn.Linear(gradients, width // 2)

    def forward(self, gradient: torch.Tensor, steps: int) -> torch.Tensor:
        """Positions; (parcels × steps, width)."""
        parcels = self.predictor_pos_embed_proj(gradient).repeat_interleave(steps, dim=0)
        return torch.cat([self.emb_h, to_unit_range(parcels)], dim=1)


class BrainJEPANetwork(ParcelTransformer):
    """The target encoder: no class token, no predictor."""

    def __init__(self, sizes: dict[str, int], gradient: torch.Tensor) -> None:
        steps = sizes["frames"] // sizes["patch"]
        super().__init__(
            sizes["parcels"], steps, sizes["patch"], sizes["width"], sizes["depth"], sizes["heads"]
        )
        self.pos_embed_proj = GradientPositions(
            sizes["parcels"] * steps, sizes["gradients"], sizes["width"]
        )
        self.register_buffer("gradient", gradient, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens of runs (batch, 1, parcels, frames); (batch, parcels × steps, width)."""
        tokens = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        return self.run(tokens, self.pos_embed_proj(self.gradient, self.steps))


class BrainJEPAEncoder(ParcelEncoder):
    """Brain-JEPA on segments of parcel series; `load_brain_jepa` makes one."""

    def __init__(self, network, *, resampling, tr, frames, **options) -> None:
        super().__init__(network, **options)
        self.resampling, self.tr, self.frames = resampling, tr, frames

    def span(self, tr: float) -> tuple[int, int]:
        """Exactly the frames that positions are stored for."""
        return self.frames, self.frames

    def prepare(self, run: pd.DataFrame, tr: float | None, *, subject: str = "") -> PreparedRun:
        """Check parcels, scale over the whole run, then resample."""
        tr = require_tr(tr, subject)
        values = check_parcels(run, self.network.parcels, self.order, MODEL, subject)
        if self.order is None:
            refuse_cortex_first([str(c) for c in run.columns], subject)
        values = resample(self.scale(values, subject), tr, self.tr, self.resampling)
        values = values.astype(np.float32)
        seen = tr if self.resampling == "none" else self.tr
        return PreparedRun(len(values), seen, lambda start, stop: values[start:stop])


def refuse_cortex_first(columns: list[str], subject: str) -> None:
    """Refuse Schaefer's parcels before Tian's, where their names give them away."""
    cortical = ["networks" in name.lower() for name in columns]
    if any(cortical[:SUBCORTICAL]) and len(columns) > SUBCORTICAL:
        raise InputError(
            f"parcel {cortical.index(True) + 1} is '{columns[cortical.index(True)]}' of the "
            f"Schaefer atlas, {MODEL} wants the {SUBCORTICAL} of Tian (S3) first",
            file=f"time series of {subject}",
            remedy="Put the subcortical columns before the cortical ones.",
        )


def rename(name: str) -> str:
    """Name of a published tensor in `BrainJEPANetwork`."""
    return name.removeprefix("module.")


PUBLISHED = ParcelModel(
    MODEL,
    SIZES,
    BrainJEPANetwork,
    rename,
    wanted={
        "pos_embed_proj.emb_h": 2,
        "patch_embed.proj.weight": 4,
        "blocks.0.attn.qkv.weight": 2,
    },
    tables={"gradients": "table of functional gradients"},
    under="target_encoder",
    prefix="module.",
)


def load_brain_jepa(
    weights: str,
    revision: str | None = None,
    *,
    file: str | None = None,
    gradient: str = "gradient_mapping_450.csv",
    scaling: str = "global_zscore",
    reference: str | None = None,
    resampling: str = "nearest",
    tr: float = TR,
    parcels: str | None = None,
    sizes: dict[str, int] | None = None,
    **options: Any,
) -> BrainJEPAEncoder:
    """Brain-JEPA from a published checkpoint (``….pth.tar``) and the gradients beside it.

    Its many parameters are the options that a model card may state.

    Parameters
    ----------
    weights, revision : str
        As for `neurogenomics_kb.foundation.checkpoints.locate`.
    file : str, optional
        One of several checkpoints in the folder.
    gradient : str
        CSV of functional gradients (parcels × 30), beside the weights or a path.
    scaling, reference : str
        As for `make_scaling`; pretraining used ``reference_robust``, the authors' downstream script
        ``global_zscore``.
    resampling : {"nearest", "linear", "none"}
        How series come to the repetition time of training. Default nearest.
    tr : float
        Repetition time (s) that series are brought to.
    parcels : str, optional
        File with the names of the 450 parcels in order, to check columns against.
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
            weights, revision, file, {"gradients": gradient}, scaling, reference, parcels,
            sizes or {},
        ),
    )  # fmt: skip
    framing = loaded.framing | {"resampling": resampling, "tr_s": tr}
    return BrainJEPAEncoder(
        loaded.network,
        **loaded.options,
        resampling=check_resampling(resampling),
        tr=tr,
        frames=loaded.sizes["frames"],
        framing=framing,
        **options,
    )
