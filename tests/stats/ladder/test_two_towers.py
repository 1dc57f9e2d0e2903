"""Two towers, canonical axes and permuted pairs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.simulate.ladder import shared_latent
from neurogenomics_kb.stats.inference.canonical import fit_cca
from neurogenomics_kb.stats.ladder.canonical_axes import _Moments
from neurogenomics_kb.stats.ladder.contrast import contrast, relatives
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.ladder.pairs import gather_pairs
from neurogenomics_kb.stats.ladder.tower_training import agreement
from neurogenomics_kb.stats.ladder.two_towers import CanonicalAxes, PermutedPairs, TwoTowers
from neurogenomics_kb.stats.prediction.folds import inner_splits
from tests.stats.ladder.cohorts import folds_of, inputs_of, late_fusion, scores

QUICK = {"continuous": False, "dim": 4, "epochs": 12, "batch_size": 64, "min_pairs": 50}


def people(n=200, blocks=3, seed=0, groups=None):
    """Blocks of ten features of which three latents drive four each, and a class."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    names = ["gene", "brain", "eeg"][:blocks]
    features = {m: z @ rng.normal(size=(2, 10)) + rng.normal(size=(n, 10)) for m in names}
    columns = {m: [f"{m}__made__u{i}" for i in range(10)] for m in names}
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * z[:, 0]))).astype(int)
    projected = {m: X[:, :3] for m, X in features.items()}
    return Inputs(projected, features, columns, groups), y


def plain(left, right, scale, groups):
    """The same loss by cross-entropies, for autograd to differentiate."""
    logits = scale * left @ right.T
    families = torch.from_numpy(groups)
    kin = (families[:, None] == families) & ~torch.eye(len(groups), dtype=torch.bool)
    logits = logits.masked_fill(kin, -torch.inf)
    own = torch.arange(len(groups))
    loss = torch.nn.functional.cross_entropy
    return (loss(logits, own) + loss(logits.T, own)) / 2


def test_contrast_is_the_mean_of_two_cross_entropies_with_the_same_gradient():
    generator = torch.Generator().manual_seed(0)
    groups = np.array([0, 1, 1, 2, 3, 3, 3, 4])
    found = []
    for function in (contrast, plain):
        generator.manual_seed(0)
        sides = [torch.randn(8, 5, generator=generator) for _ in range(2)]
        left, right = (torch.nn.functional.normalize(s).requires_grad_() for s in sides)
        scale = torch.tensor(7.0, requires_grad=True)
        loss = function(left, right, scale, groups)
        loss.backward()
        found.append([loss.detach(), left.grad, right.grad, scale.grad])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_relatives_are_all_pairs_of_a_family_both_ways():
    assert relatives(np.arange(5)) is None
    one, other = relatives(np.array([7, 2, 7, 2, 7, 1]))
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    assert pairs == {(0, 2), (2, 0), (0, 4), (4, 0), (2, 4), (4, 2), (1, 3), (3, 1)}


def test_three_towers_find_what_blocks_share_and_take_people_without_one():
    whole, y = people(600)
    there = np.random.default_rng(1).random(600) < 0.7
    whole.features["eeg"][~there] = 0
    whole = replace(whole, present={"eeg": there})
    inside, outside = whole.take(np.arange(100)), whole.take(np.arange(100, 400))
    rung = TwoTowers(**QUICK | {"epochs": 40})
    rung.fit(inside, y[:100], inner_splits(y[:100], None), whole.take(np.arange(400, 600)))
    places = rung.embed(outside)
    assert set(places) == {"gene", "brain", "eeg"}
    assert not places["eeg"][~there[100:400]].any()
    # The first axis of one block goes with that of another in people never seen.
    axis = np.abs(places["gene"]).mean(axis=0).argmax()
    assert np.corrcoef(places["gene"][:, axis], places["brain"][:, axis])[0, 1] > 0.5
    assert roc_auc_score(y[100:400], rung.predict(outside)) > 0.72
    assert {"epoch", "loss", "validation", "temperature"} == set(rung.history[0])
    assert rung.history[-1]["loss"] < rung.history[0]["loss"]


def test_the_same_seed_gives_the_same_towers_and_nothing_is_left_behind():
    whole, y = people(150, 2)
    splits = inner_splits(y, None)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fits = [TwoTowers(**QUICK, random_state=seed).fit(whole, y, splits) for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()
    one, same, another = (fit.embed(whole)["gene"] for fit in fits)
    assert np.array_equal(one, same)
    assert not np.allclose(one, another)


def test_half_precision_and_a_score_as_outcome():
    whole, y = people(200, 2)
    score = y + 0.1 * np.random.default_rng(0).normal(size=200)
    splits = inner_splits(score, None, continuous=True)
    settings = QUICK | {"continuous": True, "epochs": 30}
    whole_numbers = TwoTowers(**settings, projector="mlp").fit(whole, score, splits)
    half = TwoTowers(**settings, projector="mlp", precision="bf16").fit(whole, score, splits)
    for rung in (whole_numbers, half):
        assert np.corrcoef(rung.predict(whole), score)[0, 1] > 0.4
    # Rounded products, not other ones.
    losses = [rung.history[0]["validation"] for rung in (whole_numbers, half)]
    assert 0 < abs(losses[0] - losses[1]) < 0.1


def test_too_few_pairs_are_counted_by_block():
    whole, y = people(120)
    there = np.arange(120) < 40
    whole = replace(whole, present={"eeg": there})
    splits = inner_splits(y, None)
    with pytest.raises(InputError, match=r"block 'eeg' .* in 40 people, and 50 .*\(40 of 120"):
        TwoTowers(**QUICK).fit(whole, y, splits)
    with pytest.raises(InputError, match="one block, 'gene', and nothing to pair"):
        TwoTowers(**QUICK).fit(whole.only(["gene"]), y, splits)
    whole.features["brain"][3, 2] = np.nan
    with pytest.raises(InputError, match=r"brain__made__u2.*block 'brain'.*\(1 of 120"):
        TwoTowers(**QUICK).fit(whole, y, splits)


def test_batches_without_negatives_are_refused():
    whole, y = people(120, 2, groups=np.arange(120) // 60)
    splits = inner_splits(y, None)
    with pytest.raises(InputError, match="2 families give batches without negatives"):
        TwoTowers(**QUICK).fit(whole, y, splits)
    sizes = np.array([57, 57, 2, 2, 2])
    whole = replace(whole, groups=np.repeat(np.arange(5), sizes))
    with pytest.raises(InputError, match="everybody in it is of one family"):
        TwoTowers(**QUICK | {"batch_size": 3}).fit(whole, y, splits)


def test_an_inner_fold_of_one_class_is_named():
    whole, y = people(120, 2)
    ones = np.flatnonzero(y)[:20]
    splits = [*inner_splits(y, None), (np.setdiff1d(np.arange(120), ones), ones)]
    with pytest.raises(InputError, match="inner fold 4 of 4 tests on class 1 alone"):
        TwoTowers(**QUICK).fit(whole, y, splits)


def test_a_loss_that_is_no_number_names_the_block_and_keeps_the_checkpoint(tmp_path):
    whole, y = people(200, 2)
    splits = inner_splits(y, None)
    rung = TwoTowers(
        **QUICK | {"batch_size": 512, "epochs": 200}, noise=0.0, weight_decay=0.1, patience=200,
        learning_rate=1e10, checkpoint=tmp_path,
    )  # fmt: skip
    with pytest.raises(InputError, match=r"not a number in epoch \d+.*block '(gene|brain)'"):
        rung.fit(whole, y, splits)
    (folder,) = tmp_path.iterdir()
    state = json.loads((folder / "checkpoint.json").read_text())
    tensors = load_file(folder / state["tensors"])
    assert state["progress"]["epoch"] >= 1
    assert all(torch.isfinite(value).all() for value in tensors.values())


INTERRUPTED = """
import sys, threading, time, os, signal
from pathlib import Path
from tests.stats.ladder.test_two_towers import RESUMED, inner_splits, people
from neurogenomics_kb.stats.ladder.two_towers import TwoTowers
def kill():
    while not list(Path(sys.argv[1]).glob("*/epoch_00001*.safetensors")):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=kill, daemon=True).start()
whole, y = people(400, 2)
TwoTowers(**RESUMED, checkpoint=sys.argv[1]).fit(whole, y, inner_splits(y, None))
"""
RESUMED = QUICK | {"projector": "mlp", "epochs": 300, "patience": 300, "hidden": 16}


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path):
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    (folder,) = tmp_path.iterdir()
    state = json.loads((folder / "checkpoint.json").read_text())
    assert 6 <= state["progress"]["epoch"] < 300  # 11, or what was whole before it
    whole, y = people(400, 2)
    splits = inner_splits(y, None)
    resumed = TwoTowers(**RESUMED, checkpoint=tmp_path).fit(whole, y, splits)
    straight = TwoTowers(**RESUMED).fit(whole, y, splits)
    assert resumed.history == straight.history
    for name, value in straight.embedder_.towers.state_dict().items():
        assert torch.equal(value, resumed.embedder_.towers.state_dict()[name]), name
    assert np.array_equal(resumed.predict(whole), straight.predict(whole))
    # Finished: it is read, not trained again, and other people get a folder of their own.
    again = TwoTowers(**RESUMED, checkpoint=tmp_path).fit(whole, y, splits)
    assert np.array_equal(again.predict(whole), straight.predict(whole))
    some = np.arange(300)
    quick = RESUMED | {"epochs": 1}
    part = TwoTowers(**quick, checkpoint=tmp_path)
    part.fit(whole.take(some), y[some], inner_splits(y[some], None))
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(InputError, match="checkpoint is of the settings and data"):
        TwoTowers(**quick, checkpoint=tmp_path).fit(whole, y, splits)
    (folder / "checkpoint.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        TwoTowers(**RESUMED, checkpoint=tmp_path).fit(whole, y, splits)


def test_permuted_pairs_keep_families_whole():
    groups = np.repeat(np.arange(60), np.tile([1, 2, 3], 20))
    whole, _ = people(120, 2, groups=groups)
    pairs = gather_pairs(whole, None, 50)
    wrong = pairs.permuted(0)
    assert np.array_equal(wrong.features["gene"], pairs.features["gene"])
    origin = [int(np.flatnonzero((pairs.features["brain"] == row).all(axis=1))[0])
              for row in wrong.features["brain"]]  # fmt: skip
    assert sorted(origin) == list(range(120))
    for family in range(60):
        from_ = set(groups[np.array(origin)[groups == family]])
        assert len(from_) == 1
        assert (groups == from_.pop()).sum() == (groups == family).sum()
    assert (np.array(origin) == np.arange(120)).mean() < 0.2


def test_controls_are_axes_and_permuted_pairs_of_the_same_settings():
    rung = TwoTowers(**QUICK, strengths=(0.1, 1.0), noise=0.3, random_state=4)
    axes, permuted = rung.controls["canonical axes"], rung.controls["permuted pairs"]
    assert isinstance(axes, CanonicalAxes)
    assert type(permuted) is PermutedPairs
    assert permuted.settings == rung.settings
    assert axes.dim == 4
    assert axes.head.strengths == permuted.head.strengths == (0.1, 1.0)
    assert permuted.controls == axes.controls == {}


def test_axes_without_a_penalty_are_canonical():
    whole, _ = people(300, 2)
    pairs = gather_pairs(whole, None, 50)
    weights = _Moments(pairs).axes(1e-9, 3)
    expected = fit_cca(pairs.features["gene"], pairs.features["brain"], 3)
    for name, X, theirs in (
        ("gene", pairs.features["gene"], expected.x_weights),
        ("brain", pairs.features["brain"], expected.y_weights),
    ):
        ours = X @ weights[name]
        together = np.corrcoef(ours.T, (X @ theirs).T)[:3, 3:]
        np.testing.assert_allclose(np.abs(np.diag(together)), 1, atol=1e-3)
        # Each as long as its correlation, but for a factor of all.
        lengths = ours.std(axis=0) / expected.correlations
        np.testing.assert_allclose(lengths, lengths[0], rtol=1e-3)


def test_axes_of_agreement_are_as_long_as_towers_agree():
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=(4000, 1)), rng.normal(size=(2, 4000, 2))
    mix = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    loud = [np.hstack([shared + 0.5 * e[:, :1], 5 * e]) @ mix for e in own]
    turn = agreement(dict(zip("ab", loud, strict=True)), {m: np.ones(4000, bool) for m in "ab"})
    lengths = np.sort((loud[0] @ turn).std(axis=0))
    assert 0.7 < lengths[-1] < 0.9  # correlation 1 / 1.25
    assert lengths[:-1].max() < 0.1
    axis = loud[0] @ turn[:, (loud[0] @ turn).std(axis=0).argmax()]
    assert abs(np.corrcoef(axis, shared[:, 0])[0, 1]) > 0.85


def test_people_without_an_outcome_help_where_blocks_share_it():
    gain = []
    for seed in (0, 1):
        cohort = shared_latent(labelled=200, paired=2000, p=48, seed=seed)
        train, test = folds_of(cohort, 3)[0]
        whole, others = inputs_of(cohort, train)
        inside, outside = whole.take(train), whole.take(test)
        y = cohort.y[train]
        splits = inner_splits(y, inside.groups)
        rung = TwoTowers(continuous=False, epochs=40).fit(inside, y, splits, others)
        gain.append(
            roc_auc_score(cohort.y[test], rung.predict(outside))
            - roc_auc_score(cohort.y[test], late_fusion(inside, y, splits, outside))
        )
    assert np.mean(gain) > 0.02


LINEAR = partial(TwoTowers, continuous=False)
MLP = partial(TwoTowers, continuous=False, projector="mlp")
AXES = partial(CanonicalAxes, continuous=False)
PERMUTED = partial(PermutedPairs, continuous=False)


def gains(rungs, seeds, over="late fusion", **settings):
    """Mean area under the curve minus that of another, seed by seed."""
    found = {name: [] for name in rungs}
    for seed in seeds:
        reached = scores(shared_latent(seed=seed, **settings), rungs)
        print(seed, {name: round(float(v.mean()), 3) for name, v in reached.items()})
        for name in rungs:
            found[name].append(float(reached[name].mean() - reached[over].mean()))
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.slow
def test_shared_latent_gains_over_late_fusion_and_permuted_pairs_do_not():
    found = gains({"towers": LINEAR, "permuted": PERMUTED, "axes": AXES}, range(8))
    assert found["towers"].mean() >= 0.05
    assert (found["towers"] > 0).sum() >= 7
    assert found["permuted"].mean() < 0.02
    assert found["axes"].mean() >= 0.05


@pytest.mark.slow
def test_a_hidden_layer_beats_canonical_axes_where_the_link_is_no_line():
    found = gains({"towers": MLP, "axes": AXES}, range(5), "axes", link="squared")
    assert found["towers"].mean() >= 0.03
    assert (found["towers"] > 0).sum() >= 4


@pytest.mark.slow
def test_appended_embeddings_cost_nothing_where_the_outcome_is_of_one_block():
    towers = {"append": partial(LINEAR, attach="append"), "choose": LINEAR}
    found = gains(towers, range(8), outcome="specific")
    assert found["append"].mean() >= -0.01
    assert found["choose"].mean() >= -0.01
