"""Features without variance in a site, or all of one variance, spoil no result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.harmonization import ComBat, ComBatGAM, CovBat, LongitudinalComBat

pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than 30 subjects")

SITES = ("north", "south", "west")
KINDS = {
    "combat": lambda **o: ComBat("site", **o),
    "gam": lambda **o: ComBatGAM("site", smooth=["age"], df=5, **o),
    "covbat": lambda **o: CovBat("site", **o),
    "longitudinal": lambda **o: LongitudinalComBat("site", subject="child", **o),
}


def draw(rng: np.random.Generator, n: int = 90, p: int = 6) -> pd.DataFrame:
    """Ordinary features of three sites, two visits a child."""
    site = np.repeat(SITES, n // 3)
    shift = rng.normal(size=(3, p)).repeat(n // 3, axis=0)
    scale = rng.uniform(0.5, 2, size=(3, p)).repeat(n // 3, axis=0)
    child = np.arange(n) // 2
    own = rng.normal(size=(n // 2, p))[child]
    frame = pd.DataFrame(
        5 + shift + scale * (own + rng.normal(size=(n, p))), columns=[f"f{j}" for j in range(p)]
    )
    return frame.assign(site=site, age=rng.uniform(5, 15, n), child=[f"c{c}" for c in child])


def degenerate(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    """Columns that make a moment of a site zero, by kind."""
    n, site = len(frame), frame["site"]
    big = 10.0 ** rng.integers(-3, 7)
    return pd.DataFrame(
        {
            "constant": np.full(n, big),
            "constant_in_north": np.where(site == "north", big, big + rng.normal(size=n)),
            "constant_in_each": site.map(dict(zip(SITES, big * rng.normal(size=3), strict=True))),
            "rare": (rng.random(n) < 0.02).astype(float),
            "zero": 0.0,
        },
        index=frame.index,
    )


def reads(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    unread = {"gam": ["child"], "longitudinal": ["age"]}.get(kind, ["age", "child"])
    return frame.drop(columns=unread)


@pytest.mark.parametrize("options", [{}, {"parametric": False}, {"mean_only": True},
                                     {"empirical_bayes": False}, {"reference": "south"}],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_features_without_variance_come_out_finite(kind, options):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        frame = draw(rng)
        both = pd.concat([degenerate(rng, frame), frame], axis=1)
        out = KINDS[kind](**options).fit_transform(reads(both, kind))
        assert np.isfinite(out.to_numpy()).all(), (seed, out.columns[out.isna().any()].tolist())


@pytest.mark.parametrize("options", [{}, {"parametric": False}, {"reference": "south"}], ids=str)
@pytest.mark.parametrize("kind", ["combat", "gam", "longitudinal"])
def test_features_without_variance_leave_the_others_as_they_are(kind, options):
    """They are left out of the priors; before, one of them turned empirical Bayes off for all."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        frame = draw(rng)
        odd = degenerate(rng, frame)[["constant", "constant_in_each", "zero"]]
        alone = KINDS[kind](**options).fit_transform(reads(frame, kind))
        beside = KINDS[kind](**options).fit_transform(reads(pd.concat([odd, frame], axis=1), kind))
        # The search for the ratio of variances stops at rounding of a likelihood.
        np.testing.assert_allclose(beside[alone.columns], alone, rtol=1e-6, atol=1e-7)


def test_a_feature_constant_in_one_site_does_not_turn_shrinkage_off():
    """In the other sites it counts among the features that the prior is learned from."""
    frame = reads(draw(np.random.default_rng(0)), "combat")
    frame["c"] = np.where(frame["site"] == "north", 3.0, np.linspace(2, 4, len(frame)))
    model = ComBat("site").fit(frame)
    raw = ComBat("site", empirical_bayes=False).fit(frame)
    others = slice(0, 6)
    assert not np.allclose(model.shift_["north"][others], raw.shift_["north"][others])
    assert model.shift_["north"][6] == raw.shift_["north"][6]
    assert model.spread_["north"][6] == 1.0
    harmonized = model.transform(frame)["c"]
    assert np.ptp(harmonized[frame["site"] == "north"]) == 0


@pytest.mark.parametrize("kind", ["combat", "covbat"])
@pytest.mark.parametrize("p", [3, 4, 9])
def test_balanced_features_of_two_sites_have_one_variance(kind, p):
    """Half of each site is 1 in every feature: equal spreads, whose prior has no width."""
    rng = np.random.default_rng(p)
    n = 80
    half = np.stack([rng.permutation(np.repeat([0.0, 1.0], n // 4)) for _ in range(2 * p)])
    values = np.concatenate([half[:p].T, half[p:].T])
    frame = pd.DataFrame(values, columns=[f"f{j}" for j in range(p)])
    frame["site"] = np.repeat(["a", "b"], n // 2)
    out = KINDS[kind]().fit_transform(frame)
    assert np.isfinite(out.to_numpy()).all()
    if kind == "combat":  # no shift; spreads are unbiased and the pooled one is not, as in sva
        wanted = 0.5 + (frame[out.columns] - 0.5) * np.sqrt(1 - 1 / (n // 2))
        np.testing.assert_allclose(out, wanted, atol=1e-9)


def test_the_limit_of_equal_spreads_is_continuous():
    """Spreads that differ by next to nothing give what equal ones do."""
    rng = np.random.default_rng(3)
    rows, others = rng.normal(size=(40, 6)), rng.normal(size=(40, 6))
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1) + rng.normal(size=6)
    found = []
    for wobble in (0.0, 1e-7):
        values = np.vstack([rows * (1 + wobble * np.arange(6)), others])
        frame = pd.DataFrame(values, columns=[f"f{j}" for j in range(6)])
        frame["site"] = np.repeat(["a", "b"], 40)
        found.append(ComBat("site").fit_transform(frame).iloc[:40])
    np.testing.assert_allclose(*found, atol=1e-5)


# --- learned from controls ------------------------------------------------------------------------


def clinic(rng: np.random.Generator) -> pd.DataFrame:
    """Patients differ from controls, and one site has mostly patients."""
    frame = draw(rng, 150)
    share = frame["site"].map({"north": 0.2, "south": 0.5, "west": 0.7})
    frame["diagnosis"] = (rng.random(len(frame)) < share).astype(float)
    features = [c for c in frame if c.startswith("f")]
    frame[features] += 3 * frame["diagnosis"].to_numpy()[:, None]
    return frame


@pytest.mark.parametrize("kind", KINDS)
def test_controls_teach_and_patients_change_nothing(kind):
    for seed in range(3):
        frame = reads(clinic(np.random.default_rng(seed)), kind)
        controls = frame["diagnosis"] == 0
        method = KINDS[kind](fit_on={"diagnosis": [0]})
        fitted = method.fit(frame)
        plain = KINDS[kind]().fit(frame[controls].drop(columns="diagnosis"))
        out = fitted.transform(frame)
        pd.testing.assert_frame_equal(out, plain.transform(frame.drop(columns="diagnosis")))
        assert "diagnosis" not in out
        # Who is a patient is not looked at afterwards, so test labels cannot leak.
        pd.testing.assert_frame_equal(out, fitted.transform(frame.drop(columns="diagnosis")))
        moved = frame.copy()
        moved.loc[~controls, "f0"] += 100
        pd.testing.assert_frame_equal(
            KINDS[kind](fit_on={"diagnosis": [0]}).fit(moved).transform(frame), out
        )


def test_shares_of_patients_do_not_become_site_effects():
    """Learned from everybody, a site of many patients is pulled towards the others."""
    frame = reads(clinic(np.random.default_rng(0)), "combat")
    patients, gap = frame["diagnosis"] == 1, {}
    for name, chosen in {"all": None, "controls": {"diagnosis": [0]}}.items():
        table = frame if chosen else frame.drop(columns="diagnosis")
        method = ComBat("site", mean_only=True, empirical_bayes=False, fit_on=chosen)
        out = method.fit_transform(table)[patients]
        means = out.groupby(frame["site"]).mean().mean(axis=1)
        gap[name] = means.max() - means.min()
    assert gap["controls"] < 0.6 < 1.0 < gap["all"]


def test_nobody_to_learn_from_is_refused():
    frame = reads(clinic(np.random.default_rng(1)), "combat")
    with pytest.raises(InputError, match=r"among those to learn from .diagnosis: 7."):
        ComBat("site", fit_on={"diagnosis": [7]}).fit(frame)
    with pytest.raises(InputError, match="a column that the harmonization reads is missing"):
        ComBat("site", fit_on={"group": [0]}).fit(frame)
    only = frame[(frame["site"] != "west") | (frame["diagnosis"] == 1)]
    fitted = ComBat("site", fit_on={"diagnosis": [0]}).fit(only)
    with pytest.raises(InputError, match="site west occurs in no training subject"):
        fitted.transform(only)


def test_unknown_ways_are_refused():
    frame = reads(draw(np.random.default_rng(0)), "combat")
    with pytest.raises(InputError, match=r"unseen=.refrence. is not one of error, reference"):
        ComBat("site", unseen="refrence").fit(frame)
