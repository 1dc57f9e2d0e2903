"""Hub tokens, pooled tokens and masks only."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.simulate.ladder import sparse_motif, structured_missingness
from neurogenomics_kb.stats.ladder.hub_network import HubNetwork
from neurogenomics_kb.stats.ladder.hub_tokens import HubTokens
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.ladder.pooled_tokens import MasksOnly, PooledTokens
from neurogenomics_kb.stats.ladder.tokens import plan_tokens
from neurogenomics_kb.stats.prediction.estimators import PenalisedClassifier
from neurogenomics_kb.stats.prediction.folds import inner_splits
from neurogenomics_kb.stats.prediction.resampling import corrected_resampled_t
from tests.stats.ladder.cohorts import folds_of, inputs_of, scores

TINY = {"continuous": False, "hubs": 2, "width": 8, "epochs": 3}


class Flattened:
    """Penalised logistic regression of every component of every token."""

    controls, history = {}, []

    def fit(self, inputs, y, splits, unlabelled=None):
        self.model = PenalisedClassifier().fit(self._joined(inputs), y, splits=splits)
        return self

    def predict(self, inputs):
        return self.model.predict_proba(self._joined(inputs))[:, 1]

    def _joined(self, inputs):
        return np.hstack(list(inputs.features.values()))


def motif(n=400, seed=0, **settings):
    """A cohort, its inputs as the first fold's training people see them, and that fold."""
    cohort = sparse_motif(n=n, seed=seed, **settings)
    train, test = folds_of(cohort)[0]
    whole, _ = inputs_of(cohort, train)
    return cohort, whole, train, test


def uneven():
    """A block of four units with one to four components, and one with five of one."""
    columns = {
        "gene": [f"genomics__made__g{u}__c{c}" for u in range(4) for c in range(u + 1)],
        "brain": [f"smri__made__r{u}" for u in range(5)],
    }
    rng = np.random.default_rng(0)
    features = {name: rng.normal(size=(60, len(names))) for name, names in columns.items()}
    blocks = {name: X[:, :2] for name, X in features.items()}
    return Inputs(blocks, features, columns), np.arange(60) % 2


def test_tokens_hold_each_column_once_and_nothing_else():
    whole, _ = uneven()
    plans = plan_tokens(whole)
    gene = plans["gene"]
    assert gene.units == ["g0", "g1", "g2", "g3"]
    assert gene.there.sum(axis=1).tolist() == [1, 2, 3, 4]
    assert plans["brain"].columns.shape == (5, 1)
    X = whole.features["gene"]
    has = np.arange(60) > 0
    tokens = gene.apply(X, has)
    assert not tokens[0].any()
    assert not tokens[:, ~gene.there].any()
    np.testing.assert_allclose(tokens[1:, 3], ((X - X.mean(0)) / X.std(0))[1:, 6:])


def test_pooled_tokens_are_moments_and_extremes_over_the_units_that_have_a_component():
    from neurogenomics_kb.stats.ladder.pooled_tokens import pool

    whole, y = uneven()
    plan = plan_tokens(whole)["gene"]
    has = np.ones(60, dtype=bool)
    X = whole.features["gene"]
    Z = (X - X.mean(0)) / X.std(0)
    second = Z[:, [2, 4, 7]]  # component c1 of g1, g2, g3
    pooled = pool(plan, X, has).reshape(60, 4, 4)[:, :, 1]
    expected = [second.mean(1), second.std(1), second.max(1), second.min(1)]
    np.testing.assert_allclose(pooled.T, expected, atol=1e-12)
    rung = PooledTokens(continuous=True).fit(whole, Z[:, 0], inner_splits(y, None))
    assert rung.predict(whole).shape == (60,)


def test_attention_gives_what_keys_and_values_of_every_token_would():
    torch.manual_seed(0)
    layer = HubNetwork([(4, 3)], hubs=3, width=8, heads=2, layers=1, dropout=0.0).layers[0]
    hubs, tokens = torch.randn(5, 3, 8), torch.randn(5, 7, 8)
    there = torch.rand(5, 7) < 0.7
    there[:, 0] = True
    q = layer.query(layer.before(hubs)).view(5, 3, 2, 4).transpose(1, 2)
    k = torch.einsum("btw,ndw->bntd", tokens, layer.key)
    v = torch.einsum("btw,nwd->bntd", tokens, layer.value)
    attended = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=there[:, None, None]
    )
    plain = hubs + layer.out(attended.transpose(1, 2).flatten(2))
    plain = plain + layer.step(plain)
    torch.testing.assert_close(layer(hubs, tokens, there), plain, rtol=1e-4, atol=1e-5)


def test_what_a_person_lacks_is_not_read():
    torch.manual_seed(0)
    network = HubNetwork([(4, 3), (5, 2)], hubs=2, width=8, heads=2, layers=2, dropout=0.1).eval()
    blocks = [torch.randn(3, 4, 3), torch.randn(3, 5, 2)]
    has = torch.tensor([[True, True], [True, False], [False, False]])
    out = network(blocks, has)
    blocks[1] = torch.randn(3, 5, 2)
    again = network(blocks, has)
    assert not torch.isclose(out[0], again[0])
    assert torch.equal(out[1:], again[1:])
    assert torch.isfinite(out).all()


def test_five_initialisations_or_none():
    with pytest.raises(InputError, match="4 initialisations"):
        HubTokens(continuous=False, initialisations=4)
    with pytest.raises(InputError, match="width of 9 cannot be divided among 2 heads"):
        HubTokens(continuous=False, width=9)


def test_scores_of_blocks_and_few_units_are_refused_with_the_reason():
    whole, y = uneven()
    splits = inner_splits(y, None)
    one = [f"smri__a__r__c{i}" for i in range(5)]
    few = replace(whole, columns={**whole.columns, "brain": one})
    reason = r"'brain' has 1 units, and tokens begin at 4.*gained nothing"
    with pytest.raises(InputError, match=reason):
        HubTokens(**TINY).fit(few, y, splits)
    scored = replace(whole, blocks=dict(whole.features))
    with pytest.raises(InputError, match="'gene' is given as scores of its projector"):
        HubTokens(**TINY).fit(scored, y, splits)
    named = replace(whole, columns={**whole.columns, "brain": [f"pc{i}" for i in range(5)]})
    with pytest.raises(InputError, match="'brain' is given as scores"):
        PooledTokens(continuous=False).fit(named, y, splits)
    ones = np.flatnonzero(y)
    with pytest.raises(InputError, match="inner fold 1 of 1 trains on class 0 alone"):
        HubTokens(**TINY).fit(whole, y, [(np.setdiff1d(np.arange(60), ones), ones)])


def test_an_extreme_value_is_named_when_the_loss_is_none():
    whole, y = uneven()
    with pytest.raises(InputError, match=r"hub tokens is not a number.*block '(gene|brain)'"):
        HubTokens(**TINY | {"epochs": 30}, learning_rate=1e12, weight_decay=1.0).fit(
            whole, y, inner_splits(y, None)
        )


def test_the_same_seed_gives_the_same_hubs_whose_curves_are_kept():
    whole, y = uneven()
    splits = inner_splits(y, None)
    one, same, another = (
        HubTokens(**TINY, random_state=seed).fit(whole, y, splits) for seed in (0, 0, 1)
    )
    assert np.array_equal(one.predict(whole), same.predict(whole))
    assert not np.allclose(one.predict(whole), another.predict(whole))
    assert {row["initialisation"] for row in one.history} == {1, 2, 3, 4, 5}
    assert set(one.history[0]) == {"initialisation", "epoch", "loss", "validation"}
    assert set(one.controls) == {"pooled tokens", "masks only"}


def test_hubs_predict_a_score_on_its_own_scale():
    _, whole, train, test = motif()
    inside, outside = whole.take(train), whole.take(test)
    tokens = plan_tokens(inside)
    largest = sum(
        plan.apply(whole.features[m], np.ones(len(whole), bool)).mean(axis=1)[:, 0]
        for m, plan in tokens.items()
    )
    score = 100 + 30 * largest
    splits = inner_splits(score[train], None, continuous=True)
    rung = HubTokens(continuous=True, epochs=10, batch_size=32, learning_rate=1e-2)
    rung.fit(inside, score[train], splits)
    predicted = rung.predict(outside)
    assert abs(predicted.mean() - score[test].mean()) < 0.5 * score.std()
    assert np.corrcoef(predicted, score[test])[0, 1] > 0.5


def test_a_motif_at_places_of_its_own_is_found_by_hubs():
    cohort, whole, train, test = motif(n=700, tokens=16, components=4, strength=3.5)
    inside, outside = whole.take(train), whole.take(test)
    y = cohort.y[train]
    splits = inner_splits(y, inside.groups)
    hub = HubTokens(continuous=False, epochs=12, learning_rate=1e-2).fit(inside, y, splits)
    flat = Flattened().fit(inside, y, splits)
    reached = [roc_auc_score(cohort.y[test], rung.predict(outside)) for rung in (hub, flat)]
    assert reached[0] > 0.95
    assert reached[0] > reached[1] + 0.02


def test_masks_alone_predict_where_missingness_follows_the_outcome():
    cohort = structured_missingness(seed=3)
    rungs = {
        "masks": partial(MasksOnly, continuous=False),
        "pooled": partial(PooledTokens, continuous=False),
    }
    reached = scores(cohort, rungs, n_splits=3)
    assert 0.58 < reached["masks"].mean() < 0.72
    assert abs(reached["pooled"].mean() - 0.5) < 0.09
    whole, _ = inputs_of(cohort, np.arange(400))
    assert MasksOnly.applies(whole)
    complete = replace(whole, present={})
    assert not MasksOnly.applies(complete)
    y = cohort.y
    same = MasksOnly(continuous=False).fit(complete, y, inner_splits(y, whole.groups))
    assert np.ptp(same.predict(complete)) == 0


HUB = partial(HubTokens, continuous=False)


@pytest.mark.slow
def test_hubs_find_a_sparse_motif_as_pooled_tokens_do_and_flattened_ones_do_not():
    found = {"flat": [], "pooled": [], "hub": []}
    rungs = {"flat": Flattened, "pooled": partial(PooledTokens, continuous=False), "hub": HUB}
    for seed in range(5):
        reached = scores(sparse_motif(n=2000, seed=seed), rungs)
        print(seed, {name: round(float(v.mean()), 3) for name, v in reached.items()})
        for name in rungs:
            found[name].append(reached[name].mean())
    mean = {name: np.mean(values) for name, values in found.items()}
    assert mean["hub"] >= mean["flat"] + 0.08
    assert mean["hub"] >= mean["pooled"] - 0.02


@pytest.mark.slow
def test_what_missingness_tells_is_not_claimed_for_hubs():
    rungs = {"hub": HUB, "masks": partial(MasksOnly, continuous=False)}
    claimed, gain = 0, []
    for seed in range(6):
        reached = scores(structured_missingness(seed=seed), rungs)
        test = corrected_resampled_t(reached["hub"] - reached["masks"], alternative="greater")
        print(seed, {name: round(float(v.mean()), 3) for name, v in reached.items()}, test.p_value)
        claimed += test.p_value < 0.05
        gain.append(test.difference)
    assert claimed == 0
    assert np.mean(gain) < 0.01
