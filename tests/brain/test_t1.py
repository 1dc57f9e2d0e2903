from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from neurogenomics_kb.brain.t1 import GridEncoder, NeuralT1Encoder, load_t1_encoder
from neurogenomics_kb.brain.t1.volumes import centre_crop, prepare_t1
from neurogenomics_kb.foundation.errors import InputError

SHAPE = (8, 10, 8)


def image(data=None, affine=None):
    data = np.random.default_rng(0).normal(100, 20, (12, 12, 12)) if data is None else data
    return nib.Nifti1Image(data.astype(np.float32), np.eye(4) if affine is None else affine)


def test_centre_is_kept_and_standardised():
    data = np.random.default_rng(1).normal(100, 20, (12, 14, 12))
    out = prepare_t1(image(data), shape=SHAPE)
    assert out.shape == SHAPE
    assert out.dtype == np.float32
    assert out.mean() == pytest.approx(0, abs=1e-5)
    assert out.std() == pytest.approx(1, abs=1e-5)
    inner = data[2:10, 2:12, 2:10]
    np.testing.assert_allclose(out, (inner - inner.mean()) / inner.std(), rtol=1e-4, atol=1e-5)


def test_orientation_does_not_matter():
    data = np.random.default_rng(2).normal(100, 20, (12, 14, 13))
    turned = np.diag([-1.0, -1.0, 1.0, 1.0])[[0, 2, 1, 3]]
    flipped = nib.as_closest_canonical(image(data, turned))
    np.testing.assert_array_equal(
        prepare_t1(image(data, turned), shape=SHAPE),
        prepare_t1(image(flipped.get_fdata(), flipped.affine), shape=SHAPE),
    )
    assert not np.array_equal(
        prepare_t1(image(data), shape=SHAPE), prepare_t1(image(data, turned), shape=SHAPE)
    )


def test_small_image_is_padded_with_its_smallest_value():
    out = centre_crop(np.full((4, 4, 4), 7.0), (5, 4, 6))
    assert out.shape == (5, 4, 6)
    assert (out == 7).all()
    padded = centre_crop(np.arange(1.0, 9.0).reshape(2, 2, 2), (4, 4, 4))
    assert padded[0, 0, 0] == 1
    np.testing.assert_array_equal(padded[1:3, 1:3, 1:3].ravel(), np.arange(1, 9))


def test_skull_stripped_images_are_scaled_inside():
    data = np.random.default_rng(3).normal(100, 20, (12, 12, 12))
    data[:4] = 0
    out = prepare_t1(image(data), shape=SHAPE, scaling="nonzero")
    assert (out[:2] == 0).all()
    assert out[2:].mean() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "mgz"])
def test_formats(tmp_path, ending):
    path = tmp_path / f"t1.{ending}"
    kind = nib.MGHImage if ending == "mgz" else nib.Nifti1Image
    data = np.random.default_rng(4).normal(100, 20, (12, 12, 12)).astype(np.float32)
    nib.save(kind(data, np.eye(4, dtype=np.float32)), path)
    np.testing.assert_allclose(
        prepare_t1(path, shape=SHAPE), prepare_t1(image(data), shape=SHAPE), rtol=1e-4, atol=1e-4
    )


def oblique():
    angle = np.radians(8)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return affine


def with_nan():
    data = np.ones((12, 12, 12))
    data[3, 3, 3] = np.nan
    return data


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: image(affine=np.diag([2, 1, 1, 1])), "voxels of 2 × 1 × 1 mm are not 1 mm"),
        (lambda: image(affine=oblique()), r"turned by 8\.0°"),
        (lambda: image(np.zeros((4, 4, 4, 9))), r"shape \(4, 4, 4, 9\), a T1 volume has three"),
        (lambda: image(with_nan()), "1 of 1728 voxels are NaN"),
        (lambda: image(np.full((12, 12, 12), 5.0)), "no contrast"),
    ],
)
def test_unusable_images_are_refused(make, message):
    with pytest.raises(InputError, match=f"sub-01: .*{message}"):
        prepare_t1(make(), shape=SHAPE, file="sub-01")


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "t1.nii.gz"
    nib.save(image(), path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(InputError, match=r"voxels cannot be read|not a readable image"):
        prepare_t1(path, shape=SHAPE)
    path.write_text("no image")
    with pytest.raises(InputError, match="not a readable image"):
        prepare_t1(path, shape=SHAPE)


def test_grid_is_the_mean_of_its_cubes():
    volumes = np.random.default_rng(5).normal(size=(2, 4, 6, 4)).astype(np.float32)
    encoder = GridEncoder(block=2, shape=(4, 6, 4))
    out = encoder.embed(volumes)
    assert out.shape == (2, 12)
    place = encoder.names.index("x1y2z0")
    assert out[1, place] == pytest.approx(volumes[1, 2:4, 4:6, 0:2].mean(), abs=1e-6)
    with pytest.raises(InputError, match="cubes of 5 do not divide"):
        GridEncoder(block=5)


class Doubles:
    """Not an encoder: it has no embed."""


def test_card_names_the_encoder():
    spec = {"type": "tests.pipelines.tiny_t1:TinyCnn", "channels": 3, "shape": [8, 8, 8]}
    encoder = load_t1_encoder(spec, batch=2, device="cpu")
    assert isinstance(encoder, NeuralT1Encoder)
    volumes = np.random.default_rng(6).normal(size=(5, 8, 8, 8)).astype(np.float32)
    together, alone = encoder.embed(volumes), encoder.embed(volumes[[4]])
    assert together.shape == (5, 3)
    np.testing.assert_allclose(together[4], alone[0], rtol=1e-5)
    with pytest.raises(InputError, match=r"reads volumes of \(8, 8, 8\), got \(4, 4, 4\)"):
        encoder.embed(np.zeros((1, 4, 4, 4)))
    encoder.dim = 7
    with pytest.raises(InputError, match=r"gives \(2, 3\) for 2 volumes, the encoder promises 7"):
        encoder.embed(volumes)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"block": 8}, "needs a 'type'"),
        ({"type": "t1_gird"}, "did you mean 't1_grid'"),
        ({"type": "t1_grid", "blocks": 8}, "do not fit encoder type 't1_grid'"),
        ({"type": "no_such_package.x:Y"}, "there is no 'no_such_package.x:Y'"),
        ({"type": "os:system"}, "'os:system' is not a class with the methods embed"),
        ({"type": "tests.brain.test_t1:Doubles"}, "is not a class with the methods embed"),
    ],
)
def test_wrong_specs_are_refused(spec, message):
    with pytest.raises(InputError, match=message):
        load_t1_encoder(spec)
