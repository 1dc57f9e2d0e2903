"""Brain encoders with random weights, through the loading path of real ones."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch

from neurogenomics_kb.brain.encoders import PreparedRun, load_brain_encoder
from neurogenomics_kb.foundation.errors import InputError
from tests.brain.tiny_models import (
    JEPA,
    PARCELS,
    SAVERS,
    SWIFT,
    save_brain_harmony,
    save_brain_jepa,
    save_brainlm,
    save_brainlm_13m,
    save_swift,
    spec_of,
    write_config,
)

TR = {"brain_harmony": 2.0, "swift": 0.72}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    return {kind: saver(place / kind) for kind, saver in SAVERS.items()}


@pytest.fixture(params=sorted(SAVERS))
def encoder(request, folders):
    made = load_brain_encoder(spec_of(request.param, folders[request.param]))
    made.kind = request.param
    return made


def series(seed=0, frames=220, parcels=PARCELS):
    rng = np.random.default_rng(seed)
    values = 100 + np.cumsum(rng.normal(size=(frames, parcels)), axis=0)
    return pd.DataFrame(values, columns=[f"P{i}" for i in range(parcels)])


def image(seed=0, shape=(14, 19, 16), frames=14, zooms=(2, 2, 2, 0.72)):
    rng = np.random.default_rng(seed)
    values = np.zeros((*shape, frames), np.float32)
    inner = tuple(n - 4 for n in shape)
    values[2:-2, 2:-2, 2:-2] = rng.normal(100, 10, (*inner, frames))
    made = nibabel.Nifti1Image(values, np.diag([2, 2, 2, 1]))
    made.header.set_zooms(zooms)
    made.header.set_xyzt_units("mm", "sec")
    return made


def prepared(encoder, seed=0, **options):
    run = image(seed) if encoder.reads == "volumes" else series(seed)
    return encoder.prepare(run, TR.get(encoder.kind, 0.735), **options)


def segments_of(encoder, n=5):
    run = prepared(encoder)
    longest = encoder.span(run.tr)[1]
    return [run.cut(i, i + longest) for i in range(n)], run.tr


# --- what holds for all ---------------------------------------------------------------------------


def test_shapes_names_and_framing(encoder):
    segments, tr = segments_of(encoder)
    values = encoder.embed(segments, tr)
    assert values.shape == (5, encoder.dim)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert len(set(encoder.names)) == encoder.dim
    assert {"model", "scaling", "resampling", "pooling", "dtype"} <= set(encoder.framing)
    assert encoder.weights_fingerprint
    assert len(encoder.embed_tokens(segments[0], tr)[0]) == encoder.dim


def test_batch_and_order_change_nothing(encoder, folders):
    segments, tr = segments_of(encoder)
    if encoder.span(tr)[0] < encoder.span(tr)[1]:  # another length among them
        short = 20 if encoder.kind == "brainlm_13m" else encoder.span(tr)[0]
        cut = segments[0][..., :short] if encoder.reads == "volumes" else segments[0][:short]
        segments.insert(2, cut)
    together = encoder.embed(segments, tr)
    alone = np.vstack([encoder.embed([s], tr) for s in segments])
    backwards = encoder.embed(segments[::-1], tr)[::-1]
    pairs = load_brain_encoder(spec_of(encoder.kind, folders[encoder.kind], batch=2))
    np.testing.assert_allclose(together, alone, atol=2e-5)
    np.testing.assert_allclose(together, backwards, atol=2e-5)
    np.testing.assert_allclose(together, pairs.embed(segments, tr), atol=2e-5)
    np.testing.assert_array_equal(together, encoder.embed(segments, tr))


def test_different_segments_differ(encoder):
    segments, tr = segments_of(encoder, 2)
    one, two = encoder.embed(segments, tr)
    assert np.abs(one - two).max() > 1e-5


def test_a_segment_of_another_length_is_refused(encoder):
    segments, tr = segments_of(encoder, 1)
    longer = np.concatenate([segments[0]] * 2, axis=-1 if encoder.reads == "volumes" else 0)
    with pytest.raises(InputError, match="frames does not fit the model, which takes"):
        encoder.embed([longer], tr)
    if encoder.span(tr)[0] > 1:
        with pytest.raises(InputError, match="a segment of 1 frames does not fit the model"):
            encoder.embed([segments[0][:1]], tr)


def test_repetition_time_must_be_known(encoder):
    run = image() if encoder.reads == "volumes" else series()
    for missing in (None, 0.0):
        with pytest.raises(InputError, match=r"run of s1.*the repetition time is missing"):
            encoder.prepare(run, missing, subject="s1")


@pytest.mark.parametrize(
    ("kind", "other"),
    # One loader reads both forms of BrainLM.
    [(a, b) for a, b in permutations(sorted(SAVERS), 2) if a[:7] != b[:7]],
)
def test_a_checkpoint_of_another_architecture_is_refused(kind, other, folders, tmp_path):
    spec = spec_of(kind, folders[other])
    wanted = "not of the architecture of|configuration cannot be read|, its keys are"
    with pytest.raises(InputError, match=wanted):
        load_brain_encoder(spec)


def test_every_tensor_needs_a_place_and_every_parameter_a_tensor(folders, tmp_path):
    content = torch.load(folders["brain_jepa"] / "jepa-ep300.pth.tar", weights_only=True)
    folder = save_brain_jepa(tmp_path / "jepa")
    own = content["target_encoder"]
    for change, message in (
        ({"module.stranger": torch.zeros(2)}, r"1 tensors have no place \(stranger\)"),
        ({"module.norm.weight": None}, r"1 parameters have no weights \(norm.weight\)"),
        ({"module.norm.weight": torch.zeros(3)}, r"shape \(3,\), the configuration asks for"),
    ):
        changed = {k: v for k, v in {**own, **change}.items() if v is not None}
        torch.save({"target_encoder": changed}, folder / "jepa-ep300.pth.tar")
        with pytest.raises(InputError, match=message):
            load_brain_encoder(spec_of("brain_jepa", folder))


# --- each model against a statement of its own ----------------------------------------------------


def norm(x, weight, bias, eps):
    mean = x.mean(-1, keepdim=True)
    return (x - mean) / (((x - mean) ** 2).mean(-1, keepdim=True) + eps).sqrt() * weight + bias


def attend(query, key, value, heads, bias=None):
    width = query.shape[-1] // heads
    out = []
    for head in range(heads):
        at = slice(head * width, (head + 1) * width)
        scores = query[:, at] @ key[:, at].T / width**0.5
        out.append(torch.softmax(scores if bias is None else scores + bias, -1) @ value[:, at])
    return torch.cat(out, -1)


def linear(x, tensors, name):
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def vit_blocks(x, tensors, depth, heads):
    """Pre-norm blocks, one run at a time, straight from the published tensors."""
    for i in range(depth):
        stem = f"blocks.{i}"
        own = {k.removeprefix(f"{stem}."): v for k, v in tensors.items() if k.startswith(stem)}
        normed = norm(x, own["norm1.weight"], own["norm1.bias"], 1e-6)
        query, key, value = linear(normed, own, "attn.qkv").chunk(3, -1)
        x = x + linear(attend(query, key, value, heads), own, "attn.proj")
        inner = linear(norm(x, own["norm2.weight"], own["norm2.bias"], 1e-6), own, "mlp.fc1")
        x = x + linear(torch.nn.functional.gelu(inner), own, "mlp.fc2")
    return norm(x, tensors["norm.weight"], tensors["norm.bias"], 1e-6)


def picture(segment, xyz, side=48):
    """The image form's picture, number by number."""
    frames, parcels = segment.shape
    out = np.full((3, side, side), -1.0, np.float32)
    for row, parcel in enumerate(sorted(range(parcels), key=lambda p: xyz[p, 1])):
        for frame in range(frames):
            value = segment[frame, parcel]
            out[:, (side - parcels) // 2 + row, (side - frames) // 2 + frame] = value
    return torch.from_numpy(out)


def test_brainlm_equals_transformers_own_loading(folders):
    from transformers import ViTMAEModel

    folder = folders["brainlm"]
    theirs = ViTMAEModel.from_pretrained(folder, mask_ratio=0.0).eval()
    xyz = np.loadtxt(folder / "A424_Coordinates.dat")[:, 1:]
    run = series()
    scaled = run.to_numpy()
    low, middle, high = np.percentile(scaled, [25, 50, 75], axis=0)
    scaled = (scaled - middle) / (high - low) / 5.6430855
    for frames in (40, 33, 10):
        pixels = torch.stack([picture(scaled[i : i + frames], xyz) for i in (0, 7)])
        noise = torch.arange(144.0).expand(2, -1)
        with torch.no_grad():
            hidden = theirs(pixels, noise=noise).last_hidden_state
        for pooling in ("cls", "mean"):
            ours = load_brain_encoder(spec_of("brainlm", folder, pooling=pooling))
            ready = ours.prepare(run, 0.735)
            values = ours.embed([ready.cut(i, i + frames) for i in (0, 7)])
            if pooling == "cls":
                wanted = hidden[:, 0]
            else:  # patches with a pixel of the data, found by looking
                inside = np.zeros((48, 48), bool)
                top, left = (48 - PARCELS) // 2, (48 - frames) // 2
                inside[top : top + PARCELS, left : left + frames] = True
                touched = inside.reshape(12, 4, 12, 4).any(axis=(1, 3)).ravel()
                wanted = hidden[:, 1:][:, torch.from_numpy(touched)].mean(1)
            np.testing.assert_allclose(values, wanted.numpy(), atol=1e-5)


def test_brainlm_masks_nothing_and_repeats_itself(folders):
    encoder = load_brain_encoder(spec_of("brainlm", folders["brainlm"]))
    assert encoder.network.vit.config.mask_ratio == 0
    segment = encoder.prepare(series(), 0.735).cut(0, 40)
    assert encoder.embed_tokens(segment).shape == (1 + 144, 16)
    np.testing.assert_array_equal(encoder.embed([segment]), encoder.embed([segment]))


def test_older_brainlm_against_its_formula(folders):
    from safetensors.torch import load_file

    folder = folders["brainlm_13m"]
    stored = load_file(folder / "model.safetensors")
    own = {k.removeprefix("vit."): v for k, v in stored.items()}
    xyz = torch.from_numpy(np.loadtxt(folder / "A424_Coordinates.dat")[:, 1:]).float()
    encoder = load_brain_encoder(spec_of("brainlm_13m", folder))
    segment = encoder.prepare(series(), 0.735).cut(0, 20)
    rows = [own["embeddings.cls_token"][0, 0]]
    for parcel in range(PARCELS):
        place = linear(xyz[parcel], own, "embeddings.xyz_embedding_projection")
        for step in range(5):
            frames = torch.from_numpy(segment[4 * step : 4 * step + 4, parcel])
            signal = linear(frames, own, "embeddings.signal_embedding_projection")
            rows.append(signal + place + own["embeddings.pos_embedding.pe"][step])
    x = torch.stack(rows)
    for i in range(2):
        stem = f"encoder.layer.{i}."
        layer = {k.removeprefix(stem): v for k, v in own.items() if k.startswith(stem)}
        query, key, value = (linear(x, layer, f"attention.self.{n}") for n in
                             ("query", "key", "value"))  # fmt: skip
        mixed = attend(query, key, value, 2)
        for head in range(2):  # five taps along the tokens
            taps = layer["attention.self.conv.weight"][head, 0, :, 0]
            at = slice(8 * head, 8 * head + 8)
            padded = torch.nn.functional.pad(value[:, at], (0, 0, 2, 2))
            mixed[:, at] += sum(t * padded[j : j + len(x)] for j, t in enumerate(taps))
        after = linear(mixed, layer, "attention.output.dense") + x
        x = norm(after, layer["attention.output.LayerNorm.weight"],
                 layer["attention.output.LayerNorm.bias"], 1e-12)  # fmt: skip
        inner = torch.nn.functional.gelu(linear(x, layer, "intermediate.dense"))
        after = linear(inner, layer, "output.dense") + x
        x = norm(after, layer["output.LayerNorm.weight"], layer["output.LayerNorm.bias"], 1e-12)
    x = norm(x, own["layernorm.weight"], own["layernorm.bias"], 1e-12)
    np.testing.assert_allclose(encoder.embed([segment])[0], x[0].numpy(), atol=2e-5)
    with pytest.raises(InputError, match="22 frames are not a multiple of the 4 of a token"):
        encoder.embed([encoder.prepare(series(), 0.735).cut(0, 22)])


def test_brain_jepa_against_its_formula(folders):
    folder = folders["brain_jepa"]
    content = torch.load(folder / "jepa-ep300.pth.tar", weights_only=True)
    own = {k.removeprefix("module."): v for k, v in content["target_encoder"].items()}
    gradient = torch.from_numpy(np.loadtxt(folder / "gradient_mapping_450.csv", delimiter=","))
    encoder = load_brain_encoder(spec_of("brain_jepa", folder))
    run = series()
    values = run.to_numpy()
    scaled = (values - values.mean()) / values.std(ddof=1)
    segment = encoder.prepare(run, 0.735).cut(5, 17)
    # Every third volume.
    np.testing.assert_allclose(segment, scaled[::3][5:17], rtol=1e-5, atol=1e-6)
    place = linear(gradient.float(), own, "pos_embed_proj.predictor_pos_embed_proj")
    place = (place - place.min()) / (place.max() - place.min()) * 2 - 1
    kernel, bias = own["patch_embed.proj.weight"][:, 0, 0], own["patch_embed.proj.bias"]
    rows = []
    for parcel in range(PARCELS):
        for step in range(3):
            frames = torch.from_numpy(segment[4 * step : 4 * step + 4, parcel])
            time = own["pos_embed_proj.emb_h"][parcel * 3 + step]
            rows.append(kernel @ frames + bias + torch.cat([time, place[parcel]]))
    wanted = vit_blocks(torch.stack(rows), own, 2, 2).mean(0)
    np.testing.assert_allclose(encoder.embed([segment])[0], wanted.numpy(), atol=2e-5)
    assert encoder.prepare(run, 0.735).tr == pytest.approx(2.205)


def basis_resize(patch, frames):
    """Map of the bicubic resize, one basis vector at a time."""
    rows = []
    for i in range(patch):
        unit = torch.zeros(1, 1, 1, patch, dtype=torch.float64)
        unit[..., i] = 1
        rows.append(torch.nn.functional.interpolate(
            unit, (1, frames), mode="bicubic", antialias=True)[0, 0, 0])  # fmt: skip
    return torch.stack(rows)


@pytest.mark.parametrize(
    ("tr", "frames"), [(0.735, 48), (1.5, 24), (2.0, 18), (2.5, 14), (3.0, 12)]
)
def test_tape_kernels_solve_their_least_squares(folders, tr, frames):
    encoder = load_brain_encoder(spec_of("brain_harmony", folders["brain_harmony"]))
    assert encoder.patch_frames(tr) == frames
    weight = encoder.network.patch_embed.proj.weight[:, 0, 0].double()
    kernel = encoder.network.kernel(frames)[:, 0, 0]
    if frames == 48:
        assert encoder.network.kernel(48) is encoder.network.patch_embed.proj.weight
        return
    mapped = basis_resize(48, frames)
    wanted = np.linalg.lstsq(mapped.numpy(), weight.T.numpy(), rcond=None)[0].T
    np.testing.assert_allclose(kernel.numpy(), wanted, atol=1e-5)
    assert encoder.network.kernel(frames) is encoder.network.kernel(frames)  # made once
    # A slow wave within a patch meets a smooth kernel as it did at the learnt repetition time.
    at = (torch.arange(48) + 0.5) / 48
    smooth = torch.cos(np.pi * at)[None].double()
    wave = torch.cos(2 * np.pi * at + 1).double()
    resized = wave @ mapped * 48 / frames
    narrow = torch.from_numpy(np.linalg.lstsq(mapped.numpy(), smooth.T.numpy(), rcond=None)[0].T)
    direct, through = float(smooth @ wave), float(narrow @ resized) * frames / 48
    assert through == pytest.approx(direct, rel=0.05)


def test_brain_harmony_against_its_formula(folders):
    folder = folders["brain_harmony"]
    content = torch.load(folder / "model.pth", weights_only=True)
    own = {k.removeprefix("encoder_ema."): v for k, v in content.items()}
    gradient = np.loadtxt(folder / "gradient_mapping_400.csv", delimiter=",", dtype=np.float32)
    modes = pd.read_csv(folder / "schaefer400_roi_eigenmodes.csv", index_col=0)
    encoder = load_brain_encoder(spec_of("brain_harmony", folder, scaling="none"))
    segment = encoder.prepare(series() - 100, 2.0).cut(0, 45)  # two and a half patches of 18
    one = linear(torch.from_numpy(gradient), own, "pos_embed.grad_proj")
    other = linear(torch.from_numpy(modes.to_numpy(np.float32)), own, "pos_embed.geo_harm_proj")
    place = (one + other) * 0.5
    place = (place - place.min()) / (place.max() - place.min()) * 2 - 1
    weight = own["patch_embed.proj.weight"][:, 0, 0].double()
    kernel = (weight @ torch.linalg.pinv(basis_resize(48, 18)).T).float()
    filled = np.concatenate([segment, np.zeros((9, PARCELS), np.float32)])
    rows = []
    for parcel in range(PARCELS):
        for step in range(3):
            frames = torch.from_numpy(filled[18 * step : 18 * step + 18, parcel])
            time = own["pos_embed.emb_h_encoder"][parcel * 4 + step]
            token = kernel @ frames + own["patch_embed.proj.bias"]
            rows.append(token + torch.cat([time, place[parcel]]))
    wanted = vit_blocks(torch.stack(rows), own, 2, 2)
    np.testing.assert_allclose(encoder.embed([segment], 2.0)[0], wanted.mean(0), atol=3e-5)


def test_padded_and_masked_runs_equal_those_without_padding(folders):
    encoder = load_brain_encoder(spec_of("brain_harmony", folders["brain_harmony"]))
    segment = encoder.prepare(series(), 2.0).cut(0, 36)
    short = torch.from_numpy(segment.T[None, None].copy())
    long = torch.nn.functional.pad(short, (0, 36))
    valid = torch.tensor([[True, True, False, False]])
    with torch.no_grad():
        plain = encoder.network(short, 18).view(PARCELS, 2, -1)
        masked = encoder.network(long, 18, valid).view(PARCELS, 4, -1)[:, :2]
    np.testing.assert_allclose(plain, masked, atol=2e-5)


def brute_force_swin(x, own, sizes):
    """SwiFT with every token looking at every other one that its window allows."""
    heads, depths = sizes["num_heads"], sizes["depths"]
    for stage, depth in enumerate(depths):
        position = own[f"pos_embeds.{stage}.pos_embed"][0].permute(1, 2, 3, 4, 0)
        time = own[f"pos_embeds.{stage}.time_embed"][0].permute(1, 2, 3, 4, 0)
        x = x + position + time[:, :, :, : x.shape[3]]
        last = stage == len(depths) - 1
        window = sizes["first_window_size"] if stage == 0 else sizes["window_size"]
        if last and sizes["last_layer_full_MSA"]:
            window = [*x.shape[:3], sizes["window_size"][3]]
        for i in range(depth):
            stem = f"layers.{stage}.blocks.{i}."
            block = {k.removeprefix(stem): v for k, v in own.items() if k.startswith(stem)}
            shifted = i % 2 == 1 and not (last and sizes["last_layer_full_MSA"])
            normed = norm(x, block["norm1.weight"], block["norm1.bias"], 1e-5)
            x = x + window_attention(normed, block, heads[stage], window, shifted)
            inner = linear(norm(x, block["norm2.weight"], block["norm2.bias"], 1e-5), block,
                           "mlp.linear1")  # fmt: skip
            x = x + linear(torch.nn.functional.gelu(inner), block, "mlp.linear2")
        if not last:
            stem = f"layers.{stage}.downsample"
            parts = [x[a::2, b::2, c::2] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
            joined = norm(torch.cat(parts, -1), own[f"{stem}.norm.weight"],
                          own[f"{stem}.norm.bias"], 1e-5)  # fmt: skip
            x = joined @ own[f"{stem}.reduction.weight"].T
    return x.mean((0, 1, 2, 3))


def window_attention(x, block, heads, window, shifted):
    grid = x.shape[:4]
    small = [min(w, n) for w, n in zip(window, grid, strict=True)]
    full = [-(-n // w) * w for n, w in zip(grid, small, strict=True)]
    shift = [w // 2 if shifted and n > w else 0 for w, n in zip(window, grid, strict=True)]
    filled = torch.zeros(*full, x.shape[-1])
    filled[: grid[0], : grid[1], : grid[2], : grid[3]] = x
    place = torch.stack(torch.meshgrid(*(torch.arange(n) for n in full), indexing="ij"), -1)
    place = place.reshape(-1, 4)
    moved = (place - torch.tensor(shift)) % torch.tensor(full)
    around = place < torch.tensor(shift)  # came from the other end
    cell = moved // torch.tensor(small)
    same = (cell[:, None] == cell[None]).all(-1)
    joined = (around[:, None] == around[None]).all(-1)
    bias = torch.where(joined, 0.0, -100.0).masked_fill(~same, -torch.inf)
    query, key, value = linear(filled.reshape(len(place), -1), block, "attn.qkv").chunk(3, -1)
    mixed = linear(attend(query, key, value, heads, bias), block, "attn.proj")
    mixed = mixed.reshape(*full, -1)
    return mixed[: grid[0], : grid[1], : grid[2], : grid[3]]


@pytest.mark.parametrize("whole", [True, False])
def test_swift_against_brute_force(tmp_path, whole):
    sizes = SWIFT | {"last_layer_full_MSA": whole}
    folder = save_swift(tmp_path / "swift", **sizes)
    encoder = load_brain_encoder(spec_of("swift", folder))
    content = torch.load(folder / "contrastive_pretrained.ckpt", weights_only=True)
    own = {k.removeprefix("model."): v for k, v in content["state_dict"].items()}
    for frames in (6, 3):  # whole segments, and fewer volumes than a window
        segment = encoder.prepare(image(), 0.72).cut(2, 2 + frames)
        x = torch.from_numpy(segment)
        cubes = x.reshape(8, 2, 8, 2, 8, 2, frames).permute(0, 2, 4, 6, 1, 3, 5)
        tokens = linear(cubes.reshape(8, 8, 8, frames, 8), own, "patch_embed.fc")
        wanted = brute_force_swin(tokens, own, sizes)
        np.testing.assert_allclose(encoder.embed([segment])[0], wanted.numpy(), atol=2e-5)


def test_swift_takes_its_sizes_from_the_checkpoint(folders, tmp_path):
    encoder = load_brain_encoder(spec_of("swift", folders["swift"]))
    assert encoder.framing["sizes"] == "checkpoint"
    assert encoder.span(0.72) == (1, 6)
    folder = save_swift(tmp_path / "bare")
    content = torch.load(folder / "contrastive_pretrained.ckpt", weights_only=True)
    torch.save({"state_dict": content["state_dict"]}, folder / "contrastive_pretrained.ckpt")
    with pytest.raises(InputError, match="the configuration asks for"):
        load_brain_encoder(spec_of("swift", folder))  # the sample script's sizes do not fit
    bare = load_brain_encoder(spec_of("swift", folder, sizes=SWIFT))
    segment = encoder.prepare(image(), 0.72).cut(0, 6)
    np.testing.assert_array_equal(bare.embed([segment]), encoder.embed([segment]))


# --- bad input ------------------------------------------------------------------------------------


@pytest.fixture
def jepa(folders):
    return folders["brain_jepa"]


def prepare(folder, run, tr=0.735, kind="brain_jepa", **spec):
    return load_brain_encoder(spec_of(kind, folder, **spec)).prepare(run, tr, subject="s1")


def test_wrong_number_of_parcels(jepa):
    with pytest.raises(
        InputError, match=r"series of s1: there are 13 parcels, Brain-JEPA reads 12"
    ):
        prepare(jepa, series(parcels=13))


def test_wrong_order_and_wrong_atlas(jepa, tmp_path):
    names = [f"P{i}" for i in range(PARCELS)]
    (tmp_path / "names.txt").write_text("\n".join(names))
    order = {"parcels": str(tmp_path / "names.txt")}
    prepare(jepa, series(), **order)
    swapped = series()[[*names[1:], names[0]]]
    with pytest.raises(InputError, match=r"parcel 1 is 'P1', Brain-JEPA wants 'P0'.*model's order"):
        prepare(jepa, swapped, **order)
    with pytest.raises(InputError, match=r"parcel 5 is 'Q4'.*not those of its atlas"):
        prepare(jepa, series().rename(columns={"P4": "Q4"}), **order)
    (tmp_path / "names.txt").write_text("\n".join(names[:-1]))
    with pytest.raises(InputError, match="11 different names for 12 parcels"):
        prepare(jepa, series(), **order)


def test_cortex_before_subcortex_is_noticed_by_its_names():
    from neurogenomics_kb.brain.encoders.brain_jepa import refuse_cortex_first

    tian = [f"HIP-{i}" for i in range(50)]
    schaefer = [f"17Networks_LH_VisCent_{i}" for i in range(400)]
    refuse_cortex_first(tian + schaefer, "s1")
    with pytest.raises(InputError, match=r"parcel 1 is '17Networks.*wants the 50 of Tian"):
        refuse_cortex_first(schaefer + tian, "s1")


def test_frames_without_numbers(jepa):
    run = series()
    run.iloc[3:5, 2] = np.nan
    with pytest.raises(InputError, match="2 of 220 frames hold no finite number"):
        prepare(jepa, run)
    with pytest.raises(InputError, match="220 of 220 frames hold no finite number"):
        prepare(jepa, series().assign(P3="text"))


def test_constant_parcels_cannot_be_scaled(jepa):
    with pytest.raises(InputError, match="1 parcels are constant, first 4"):
        prepare(jepa, series().assign(P3=5.0), scaling="zscore")


def test_unknown_settings(jepa):
    for wrong, message in (
        ({"scaling": "magic"}, "unknown scaling 'magic'"),
        ({"resampling": "cubic"}, "unknown resampling 'cubic'"),
        ({"pooling": "cls"}, "no pooling 'cls'"),
        ({"dtype": "int8"}, "dtype 'int8' is not supported"),
        ({"sizes": {"parcles": 3}}, "there is no size 'parcles'"),
        ({"window": 3}, "do not fit brain encoder type 'brain_jepa'"),
        ({"file": "other.pth"}, "there is no weight file 'other.pth'"),
        ({"gradient": "nowhere.csv"}, "the table of functional gradients is missing"),
    ):
        with pytest.raises(InputError, match=message):
            load_brain_encoder(spec_of("brain_jepa", jepa, **wrong))
    with pytest.raises(InputError, match="unknown brain encoder type 'brainml', did you mean"):
        load_brain_encoder({"type": "brainml"})
    with pytest.raises(InputError, match="needs a 'type'"):
        load_brain_encoder({"weights": "x"})
    with pytest.raises(InputError, match="imported and not computed"):
        load_brain_encoder({"type": "imported"})


def test_reference_statistics_come_from_a_file(jepa, tmp_path):
    run = series()
    values = run.to_numpy()
    median, iqr = np.linspace(90, 110, PARCELS), np.linspace(1, 3, PARCELS)
    np.savez(tmp_path / "stats.npz", medians=median, iqrs=iqr)
    table = pd.DataFrame({"parcel": range(PARCELS), "median": median, "iqr": iqr})
    table.to_csv(tmp_path / "stats.csv", index=False)
    centred = values - values.mean(axis=0)
    for scaling, wanted in (
        ("reference_robust", (values - median) / iqr),
        ("centred_reference_robust", (centred - median) / iqr),
        ("centred_reference_shift", centred - median / iqr),
    ):
        for file in ("stats.npz", "stats.csv"):
            ready = prepare(jepa, run, tr=2.205, scaling=scaling, reference=str(tmp_path / file))
            np.testing.assert_allclose(ready.cut(0, 220), wanted, rtol=1e-5)
    np.savez(tmp_path / "range.npz", minima=values.min(axis=0), maxima=values.max(axis=0))
    ready = prepare(
        jepa, run, tr=2.205, scaling="reference_minmax", reference=str(tmp_path / "range.npz")
    )
    assert ready.cut(0, 220).min() == 0
    assert ready.cut(0, 220).max() == 1


def test_reference_statistics_that_do_not_fit(jepa, tmp_path):
    def load(**stats):
        np.savez(tmp_path / "stats.npz", **stats)
        spec = {"scaling": "reference_robust", "reference": str(tmp_path / "stats.npz")}
        load_brain_encoder(spec_of("brain_jepa", jepa, **spec))

    full = np.ones(PARCELS)
    with pytest.raises(InputError, match="needs statistics of a reference cohort"):
        load_brain_encoder(spec_of("brain_jepa", jepa, scaling="reference_robust"))
    with pytest.raises(InputError, match="11 numbers for 12 parcels"):
        load(medians=full[1:], iqrs=full)
    with pytest.raises(InputError, match="parcel 2 has no spread"):
        load(medians=full, iqrs=np.where(np.arange(PARCELS) == 1, 0, 1.0))
    with pytest.raises(InputError, match="cannot be read"):
        load(medians=full)


def test_repetition_time_is_brought_to_the_models(folders):
    run = series(frames=100)
    ready = prepare(folders["brainlm"], run, tr=1.47, kind="brainlm", scaling="none", divide_by=1.0)
    assert (ready.n_frames, ready.tr) == (200, 0.735)
    xyz = np.loadtxt(folders["brainlm"] / "A424_Coordinates.dat")[:, 1:]
    values = run.to_numpy()[:, np.argsort(xyz[:, 1])]
    np.testing.assert_allclose(ready.cut(0, 1)[0], values[0], rtol=1e-6)
    np.testing.assert_allclose(ready.cut(1, 2)[0], (values[0] + values[1]) / 2, rtol=1e-6)
    kept = prepare(folders["brainlm"], run, tr=1.47, kind="brainlm", resampling="none")
    assert (kept.n_frames, kept.tr) == (100, 1.47)


def test_coordinates_in_another_order(tmp_path):
    folder = save_brainlm(tmp_path / "lm")
    file = folder / "A424_Coordinates.dat"
    rows = file.read_text().splitlines()
    file.write_text("\n".join([rows[1], rows[0], *rows[2:]]))
    with pytest.raises(InputError, match="does not count from 1, so the parcels are in another"):
        load_brain_encoder(spec_of("brainlm", folder))
    file.write_text("1 2 3\n")
    with pytest.raises(InputError, match="3 columns"):
        load_brain_encoder(spec_of("brainlm", folder))
    save_brainlm(folder, parcels=60)
    with pytest.raises(InputError, match="60 parcels do not fit a picture of 48 rows"):
        load_brain_encoder(spec_of("brainlm", folder))


def test_configuration_of_another_model(tmp_path):
    folder = save_brainlm_13m(tmp_path / "lm")
    write_config(folder, model_type="bert")
    with pytest.raises(InputError, match="not of the architecture of BrainLM: its type is 'bert'"):
        load_brain_encoder(spec_of("brainlm", folder))
    write_config(folder, model_type="brainlm_mae", num_landmarks=8)
    with pytest.raises(InputError, match="approximated by landmarks"):
        load_brain_encoder(spec_of("brainlm", folder))


def test_tables_of_positions_that_do_not_fit(tmp_path):
    folder = save_brain_harmony(tmp_path / "harmony")
    np.savetxt(folder / "gradient_mapping_400.csv", np.ones((5, 3)), delimiter=",")
    with pytest.raises(InputError, match=r"\(5, 3\) finite numbers expected as \(12, 3\)"):
        load_brain_encoder(spec_of("brain_harmony", folder))
    (folder / "gradient_mapping_400.csv").write_text("a,b,c\n" * 12)
    with pytest.raises(InputError, match="not a table of numbers"):
        load_brain_encoder(spec_of("brain_harmony", folder))


def test_the_fingerprint_covers_what_a_model_reads(tmp_path):
    def of(kind, folder, **spec):
        return load_brain_encoder(spec_of(kind, folder, **spec)).weights_fingerprint

    for kind, save, table in (
        ("brain_jepa", save_brain_jepa, "gradient"),
        ("brain_harmony", save_brain_harmony, "harmonics"),
    ):
        folder = save(tmp_path / kind)
        name = {"gradient": "gradient_mapping_450.csv",
                "harmonics": "schaefer400_roi_eigenmodes.csv"}[table]  # fmt: skip
        elsewhere = tmp_path / f"{kind}.csv"
        elsewhere.write_bytes((folder / name).read_bytes())
        plain = of(kind, folder)
        assert plain == of(kind, folder)
        moved = of(kind, folder, **{table: str(elsewhere)})
        text = elsewhere.read_text().rstrip()
        elsewhere.write_text(text[:-1] + str((int(text[-1]) + 1) % 10))
        assert len({plain, moved, of(kind, folder, **{table: str(elsewhere)})}) == 3
    folder = save_swift(tmp_path / "swift")
    (folder / "b.ckpt").write_bytes((folder / "contrastive_pretrained.ckpt").read_bytes())
    names = ("b.ckpt", "contrastive_pretrained.ckpt")
    assert len({of("swift", folder, file=name) for name in names}) == 2


def test_checkpoints_that_hold_objects_or_are_several(tmp_path):
    folder = save_swift(tmp_path / "swift")
    other = folder / "hcp_sex_classification.ckpt"
    other.write_bytes((folder / "contrastive_pretrained.ckpt").read_bytes())
    with pytest.raises(InputError, match=r"2 checkpoints.*Name one of them as `file`"):
        load_brain_encoder(spec_of("swift", folder))
    load_brain_encoder(spec_of("swift", folder, file=other.name))
    torch.save({"state_dict": {}, "hyper_parameters": Fraction(1, 3)}, other)
    with pytest.raises(InputError, match="only plain tensors are accepted"):
        load_brain_encoder(spec_of("swift", folder, file=other.name))
    torch.save({"weights": {"a": torch.zeros(1)}}, other)
    with pytest.raises(InputError, match="no tensors under 'state_dict', its keys are weights"):
        load_brain_encoder(spec_of("swift", folder, file=other.name))


def test_volumes_are_scaled_by_their_own_voxels_and_fitted(folders):
    run = image()
    values = run.get_fdata(dtype=np.float32)
    inside = values[values != 0]
    scaled = (values - inside.mean()) / inside.std(ddof=1)
    lowest = scaled[values != 0].min()
    scaled[values == 0] = lowest
    # 14, 19 and 16 voxels into 16: one more on the left, two off the left and one off the right.
    wanted = np.pad(scaled, [(1, 1), (0, 0), (0, 0), (0, 0)], constant_values=lowest)[:, 2:18]
    ready = prepare(folders["swift"], run, tr=0.72, kind="swift")
    assert ready.n_frames == 14
    np.testing.assert_allclose(ready.cut(3, 9), wanted[..., 3:9], atol=1e-4)
    options = {"kind": "swift", "scaling": "minmax", "background": "zero"}
    ready = prepare(folders["swift"], run, tr=0.72, **options)
    np.testing.assert_allclose(ready.cut(0, 14).max(), 1, atol=1e-5)
    assert ready.cut(0, 14)[0, 0, 0].max() == 0


@pytest.mark.parametrize(
    ("made", "tr", "message"),
    [
        (image(), 2.0, r"the header says 0.72 s, the sidecar 2 s"),
        (image(zooms=(3, 3, 3, 0.72)), 0.72, r"voxels of 3 x 3 x 3 mm, SwiFT was trained on 2 mm"),
        (image().slicer[..., 0], 0.72, "the image has 3 dimensions"),
        (nibabel.Nifti1Image(np.zeros((4, 4, 4, 3)), np.diag([2, 2, 2, 1])), 0.72, "no signal"),
        (nibabel.Nifti1Image(np.full((4, 4, 4, 3), np.nan), np.diag([2, 2, 2, 1])), 0.72,
         "192 voxels hold no finite number"),
    ],
)  # fmt: skip
def test_images_that_cannot_be_read(folders, made, tr, message):
    with pytest.raises(InputError, match=message):
        prepare(folders["swift"], made, tr=tr, kind="swift")


def test_a_header_in_milliseconds_agrees(folders):
    made = image(zooms=(2, 2, 2, 720))
    made.header.set_xyzt_units("mm", "msec")
    assert prepare(folders["swift"], made, tr=0.72, kind="swift").tr == 0.72
    assert JEPA["parcels"] == PARCELS


# --- a class of one's own -------------------------------------------------------------------------


class Means:
    """Mean signal of each parcel, as the smallest possible encoder."""

    reads = "parcels"
    weights_fingerprint = ""

    def __init__(self, parcels, device="cpu"):
        self.dim, self.device = parcels, device
        self.names = [f"p{i}" for i in range(parcels)]
        self.framing = {"model": "means"}

    def prepare(self, run, tr, *, subject=""):
        values = run.to_numpy()
        return PreparedRun(len(values), tr, lambda start, stop: values[start:stop])

    def span(self, tr):
        return 1, 1000

    def embed(self, segments, tr):
        return np.stack([segment.mean(axis=0) for segment in segments])


class Silent(Means):
    def __init__(self):
        pass


def test_a_class_of_ones_own_joins_by_its_place():
    spec = {"type": f"{__name__}:Means", "parcels": PARCELS}
    encoder = load_brain_encoder(spec, device="cuda", pooling="mean", batch=2)
    assert (encoder.dim, encoder.device) == (PARCELS, "cuda")
    for place, message in (
        (f"{__name__}:series", "is not a class with the methods prepare, span, embed"),
        (f"{__name__}:Nothing", "there is no '.*:Nothing'"),
        ("nowhere.models:Tiny", "there is no 'nowhere.models:Tiny'"),
        (f"{__name__}:Silent", "does not state dim, names, framing"),
    ):
        with pytest.raises(InputError, match=message):
            load_brain_encoder({"type": place})
