"""BrainLM (Ortega Caro et al., ICLR 2024): masked autoencoders over parcels and time.

Two forms were published. The image form (111M and 650M parameters) is a ViT-MAE on a picture with a
row per parcel, sorted from back to front, and a column per frame. The older form (13M) makes a
token of twenty frames of a parcel and places it by the parcel's coordinates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import nn
from transformers import NystromformerConfig, ViTMAEConfig, ViTMAEModel
from transformers.models.nystromformer.modeling_nystromformer import NystromformerLayer

from neurogenomics_kb.brain.encoders.base import (
    NeuralBrainEncoder,
    PreparedRun,
    check_parcels,
    read_order,
    require_tr,
)
from neurogenomics_kb.brain.encoders.scaling import check_resampling, make_scaling, resample
from neurogenomics_kb.foundation.checkpoints import (
    companion,
    fingerprint,
    locate,
    read_config,
    setting,
)
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tensors import assign, read_tensors, require_tensors

MODEL = "BrainLM"
TR = 0.735  # UK Biobank; the authors resample nothing
FRAMES = 200
DIVISOR = 5.6430855  # of the authors' tutorial for the image form
PADDING = -1.0
POSITIONS = 5000
# Published names of the layers' parts against those of transformers.
PARTS = {
    "attention.attention.query.": "attention.q_proj.",
    "attention.attention.key.": "attention.k_proj.",
    "attention.attention.value.": "attention.v_proj.",
    "attention.output.dense.": "attention.o_proj.",
    "intermediate.dense.": "mlp.fc1.",
    "output.dense.": "mlp.fc2.",
}


class ImageNetwork(nn.Module):
    """ViT-MAE of transformers that masks nothing and keeps the order of its patches."""

    def __init__(self, config: ViTMAEConfig) -> None:
        super().__init__()
        self.vit = ViTMAEModel(config)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Hidden states of pictures (batch, channels, height, width), the class token first."""
        patches = self.vit.embeddings.position_embeddings.shape[1] - 1
        # Whatever is masked, the model sorts its patches by noise; ordered noise leaves them.
        order = torch.arange(patches, device=x.device, dtype=torch.float32).expand(len(x), -1)
        return self.vit(x, noise=order).last_hidden_state


class TimePositions(nn.Module):
    """Stored sines and cosines."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("pe", torch.zeros(POSITIONS, width))


class TokenEmbeddings(nn.Module):
    """Frames of a parcel, its coordinates and the place in time, added."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.signal_embedding_projection = nn.Linear(patch, width)
        self.xyz_embedding_projection = nn.Linear(3, width)
        self.pos_embedding = TimePositions(width)


class TokenLayers(nn.Module):
    """Stack of layers, for its tensor names."""

    def __init__(self, config: NystromformerConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            NystromformerLayer(config) for _ in range(config.num_hidden_layers)
        )


class TokenNetwork(nn.Module):
    """The older form: Nyströmformer layers on tokens of twenty frames.

    Its landmarks are as many as its segments, for which transformers takes the full softmax.
    """

    def __init__(self, config: NystromformerConfig, patch: int, xyz: torch.Tensor) -> None:
        super().__init__()
        width = config.hidden_size
        self.patch = patch
        self.embeddings = TokenEmbeddings(width, patch)
        self.encoder = TokenLayers(config)
        self.layernorm = nn.LayerNorm(width, config.layer_norm_eps)
        self.register_buffer("xyz", xyz, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Hidden states of runs (batch, parcels, frames), the class token first."""
        own = self.embeddings
        batch, parcels, frames = x.shape
        cut = x.view(batch, parcels, frames // self.patch, self.patch)
        tokens = own.signal_embedding_projection(cut)
        tokens = tokens + own.xyz_embedding_projection(self.xyz)[None, :, None]
        tokens = tokens + own.pos_embedding.pe[: tokens.shape[2]]
        first = own.cls_token.expand(batch, -1, -1)
        hidden = torch.cat([first, tokens.flatten(1, 2)], dim=1)
        for layer in self.encoder.layer:
            hidden = layer(hidden)[0]
        return self.layernorm(hidden)


class BrainLMEncoder(NeuralBrainEncoder):
    """BrainLM on segments of parcel series; `load_brainlm` makes one.

    Its parameters are what the checkpoint fixes, which is why there are many.
    """

    poolings: ClassVar[tuple[str, ...]] = ("cls", "mean")

    def __init__(
        self, network, *, scale, divide_by, resampling, tr, order, rows, channels, frames, **options
    ) -> None:
        super().__init__(network, **options)
        self.scale, self.divide_by, self.resampling, self.tr = scale, divide_by, resampling, tr
        self.order, self.rows, self.channels, self.frames = order, rows, channels, frames

    def prepare(self, run: pd.DataFrame, tr: float | None, *, subject: str = "") -> PreparedRun:
        """Check parcels, scale over the whole run, resample, and sort the parcels."""
        tr = require_tr(tr, subject)
        values = check_parcels(run, len(self.rows), self.order, MODEL, subject)
        values = resample(
            self.scale(values, subject) / self.divide_by, tr, self.tr, self.resampling
        )
        values = values[:, self.rows].astype(np.float32)
        seen = tr if self.resampling == "none" else self.tr
        return PreparedRun(len(values), seen, lambda start, stop: values[start:stop])

    def pool(self, tokens: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """The class token, or the mean over patches that hold data."""
        if self.pooling == "cls":
            return tokens[:, 0]
        return tokens[:, 1:][:, self.filled(shape)].mean(dim=1)

    def filled(self, shape: tuple[int, ...]) -> Any:
        """Which patches hold data; all of them in the older form."""
        return slice(None)


class ImageEncoder(BrainLMEncoder):
    """The image form."""

    @property
    def side(self) -> int:
        """Height and width of the picture."""
        return self.network.vit.config.image_size

    def span(self, tr: float) -> tuple[int, int]:
        """One patch up to the length of training; what is missing is padded, as in training."""
        return self.network.vit.config.patch_size, min(self.frames, self.side)

    def margins(self, parcels: int, frames: int) -> tuple[int, int]:
        """Rows above and columns left of the data."""
        return (self.side - parcels) // 2, (self.side - frames) // 2

    def arrange(self, batch: np.ndarray) -> np.ndarray:
        """Picture with the parcels in its middle, and the same in every channel."""
        _, frames, parcels = batch.shape
        top, left = self.margins(parcels, frames)
        out = np.full((len(batch), 1, self.side, self.side), PADDING, dtype=np.float32)
        out[:, 0, top : top + parcels, left : left + frames] = batch.transpose(0, 2, 1)
        return np.broadcast_to(out, (len(batch), self.channels, self.side, self.side))

    def filled(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Patches that overlap the data."""
        frames, parcels = shape
        patch = self.network.vit.config.patch_size
        top, left = self.margins(parcels, frames)
        inside = torch.zeros(self.side // patch, self.side // patch, dtype=torch.bool)
        inside[top // patch : -(-(top + parcels) // patch),
               left // patch : -(-(left + frames) // patch)] = True  # fmt: skip
        return inside.flatten()


class TokenEncoder(BrainLMEncoder):
    """The older form."""

    def span(self, tr: float) -> tuple[int, int]:
        """One patch up to the length of training."""
        return self.network.patch, self.frames

    def check_length(self, shape: tuple[int, ...], tr: float) -> None:
        """Only whole patches."""
        super().check_length(shape, tr)
        if shape[0] % self.network.patch:
            raise InputError(
                f"{shape[0]} frames are not a multiple of the {self.network.patch} of a token",
                column="frames",
                remedy="Choose such a number of frames in the strategy's segment level.",
            )

    def arrange(self, batch: np.ndarray) -> np.ndarray:
        """Parcels by frames."""
        return batch.transpose(0, 2, 1)


def read_coordinates(file: Path) -> np.ndarray:
    """Coordinates (mm) of the parcels; lines of index, x, y and z in the order of the series.

    Raises
    ------
    InputError
        If it is not such a table.
    """
    try:
        table = np.loadtxt(file, ndmin=2)
    except ValueError as error:
        raise InputError(
            f"not a table of numbers ({error})",
            file=file,
            remedy="Take A424_Coordinates.dat from the model's repository.",
        ) from None
    counted = np.arange(1, len(table) + 1)
    if table.shape[1] != 4 or not np.array_equal(table[:, 0], counted):
        raise InputError(
            f"{table.shape[1]} columns, and an index that does not count from 1"
            if table.shape[1] != 4
            else "the index does not count from 1, so the parcels are in another order",
            file=file,
            remedy="Give index, x, y, z of each parcel, in the order of the series.",
        )
    return table[:, 1:]


def rename_image(name: str) -> str | None:
    """Name of a published tensor in `ImageNetwork`, in the old spelling or transformers' own."""
    if name.startswith("decoder."):
        return None
    name = name if name.startswith("vit.") else f"vit.{name}"
    _, layer, rest = name.partition("vit.encoder.layer.")
    if not layer:
        return name
    number, _, part = rest.partition(".")
    for old, new in PARTS.items():
        if part.startswith(old):
            part = part.replace(old, new, 1)
            break
    return f"vit.layers.{number}.{part}"


def rename_tokens(name: str) -> str | None:
    """Name of a published tensor in `TokenNetwork`."""
    return None if name.startswith("decoder.") else name.removeprefix("vit.")


def load_brainlm(
    weights: str,
    revision: str | None = None,
    *,
    subfolder: str = "",
    file: str | None = None,
    coordinates: str = "A424_Coordinates.dat",
    scaling: str = "run_robust",
    reference: str | None = None,
    divide_by: float | None = None,
    resampling: str = "linear",
    tr: float = TR,
    parcels: str | None = None,
    frames: int = FRAMES,
    **options: Any,
) -> BrainLMEncoder:
    """BrainLM from a published checkpoint, of whichever form its ``config.json`` says.

    Its many parameters are the options that a model card may state.

    Parameters
    ----------
    weights, revision, subfolder : str
        As for `neurogenomics_kb.foundation.checkpoints.locate`.
    file : str, optional
        One of several checkpoints in the folder.
    coordinates : str
        Table of the atlas (index, x, y, z); it says how many parcels there are. Beside the weights
        or a path.
    scaling, reference : str
        As for `make_scaling`. The published scaling is ambiguous: `centred_reference_robust` is
        what the paper describes, `centred_reference_shift` what the code computes,
        `reference_minmax` the column that the tutorial reads.
    divide_by : float, optional
        What scaled values are divided by; the tutorial's 5.643 for the image form, else 1.
    resampling : {"linear", "nearest", "none"}
        How series come to the repetition time of training. Default linear.
    tr : float
        Repetition time (s) that series are brought to.
    parcels : str, optional
        File with the names of the parcels in order, to check columns against.
    frames : int
        Longest segment.
    **options
        Of `NeuralBrainEncoder`.

    Raises
    ------
    InputError
        If the checkpoint is of neither form, or a file of its is missing or does not fit.
    """
    folder = locate(weights, revision, subfolder)
    config = read_config(folder)
    kind = setting(config, "model_type", folder)
    if kind not in ("vit_mae", "brainlm_mae"):
        raise InputError(
            f"the checkpoint is not of the architecture of {MODEL}: its type is '{kind}'",
            file=folder / "config.json",
            column="model_type",
            remedy="Use the checkpoint of the model that the card names.",
        )
    beside = [companion(folder, coordinates, "table of the atlas's coordinates")]
    xyz = read_coordinates(beside[0])
    tensors = read_tensors(folder, file=file)
    place = None if reference is None else companion(folder, reference, "reference statistics")
    order = None
    if place is not None:
        beside.append(place)
    if parcels is not None:
        beside.append(companion(folder, parcels, "list of parcels"))
        order = read_order(beside[-1], len(xyz))
    image = kind == "vit_mae"
    # Neighbouring rows share a patch in the image form, so their order matters there.
    rows = np.argsort(xyz[:, 1], kind="stable") if image else np.arange(len(xyz))
    divide_by = (DIVISOR if image else 1.0) if divide_by is None else divide_by
    build = build_image if image else build_tokens
    network = build(config, tensors, torch.from_numpy(xyz).float(), folder)
    return (ImageEncoder if image else TokenEncoder)(
        network,
        scale=make_scaling(scaling, place, len(xyz), MODEL), divide_by=divide_by,
        resampling=check_resampling(resampling), tr=tr, order=order, rows=rows,
        channels=int(config.get("num_channels", 3)), frames=frames,
        dim=int(setting(config, "hidden_size", folder)),
        weights_fingerprint=fingerprint(folder, *beside, file=file),
        framing={
            "model": MODEL, "form": "image" if image else "tokens", "scaling": scaling,
            "reference": reference, "divide_by": divide_by, "resampling": resampling, "tr_s": tr,
            "parcels": len(xyz), "order_checked": order is not None, "masked": 0,
        },
        **options,
    )  # fmt: skip


def build_image(
    config: dict[str, Any], tensors: dict[str, Any], xyz: torch.Tensor, folder: Path
) -> ImageNetwork:
    """Network of the image form, with its weights."""
    positions = "vit.embeddings.position_embeddings"
    require_tensors(
        tensors,
        {positions: 3, "vit.embeddings.patch_embeddings.projection.weight": 4},
        MODEL,
        folder,
    )
    # The picture's size follows from the stored positions; configurations name the unpadded one.
    patch = int(setting(config, "patch_size", folder))
    side = round((tensors[positions].shape[1] - 1) ** 0.5) * patch
    if len(xyz) > side:
        raise InputError(
            f"{len(xyz)} parcels do not fit a picture of {side} rows",
            file=folder,
            column="coordinates",
            remedy="Use the atlas that the model card names.",
        )
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    sizes = {name: setting(config, name, folder) for name in names}
    kept = ("hidden_act", "layer_norm_eps", "qkv_bias", "num_channels")
    sizes |= {name: config[name] for name in kept if name in config}
    network = ImageNetwork(ViTMAEConfig(**sizes, image_size=side, patch_size=patch, mask_ratio=0.0))
    assign(network, tensors, rename_image, folder)
    return network


def build_tokens(
    config: dict[str, Any], tensors: dict[str, Any], xyz: torch.Tensor, folder: Path
) -> TokenNetwork:
    """Network of the older form, with its weights."""
    require_tensors(
        tensors, {"vit.embeddings.signal_embedding_projection.weight": 2}, MODEL, folder
    )
    names = (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "num_landmarks", "segment_means_seq_len", "conv_kernel_size",
    )  # fmt: skip
    sizes = {name: setting(config, name, folder) for name in names}
    if sizes["num_landmarks"] != sizes["segment_means_seq_len"]:
        raise InputError(
            "attention is approximated by landmarks, which depends on the sequence's length",
            file=folder / "config.json",
            column="num_landmarks",
            remedy="Use the published checkpoint, whose landmarks are as many as its segments.",
        )
    kept = ("hidden_act", "layer_norm_eps")
    sizes |= {name: config[name] for name in kept if name in config}
    patch = int(setting(config, "timepoint_patching_size", folder))
    network = TokenNetwork(NystromformerConfig(**sizes), patch, xyz)
    assign(network, tensors, rename_tokens, folder)
    return network
