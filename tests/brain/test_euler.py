"""Limits on the Euler number by site, and whom a limit loses."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from neurogenomics_kb.brain.euler import (
    EulerLimit,
    SiteMadLimit,
    SiteMedianLimit,
    floors_in_mads,
    limit_by_site,
    site_limit_column,
)
from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.pipelines.losses import loss_notes, told_p, uneven_losses
from neurogenomics_kb.pipelines.smri.nodes import assess_quality
from neurogenomics_kb.pipelines.smri.parameters import SmriQuality

SITES = {"north": (-60, 20), "south": (-240, 40), "small": (-110, 15)}


def cohort(seed=0, n=(80, 60, 8)):
    rng = np.random.default_rng(seed)
    site = np.repeat(list(SITES), n)
    number = np.concatenate(
        [rng.normal(*SITES[name], size=size) for name, size in zip(SITES, n, strict=True)]
    )
    index = pd.Index([f"s{i:03d}" for i in range(len(site))], name="subject_id")
    return pd.Series(number.round(), index), pd.Series(site, index)


def judged(number, column, value):
    table = pd.DataFrame({"euler_number": number, column: value})
    return table.assign(included=True, reason="")


def test_a_fixed_limit_removes_a_site_and_one_by_site_does_not():
    number, site = cohort()
    number.iloc[[3, 90]] = -600  # one bad image at each large site
    assert (number < -217)[site == "south"].mean() > 0.6
    table, floors = limit_by_site(judged(number, "euler_limit_mads", 4.0), site)
    assert table.index[~table["included"]].tolist() == ["s003", "s090"]
    reason = "mean Euler number more than 4 MAD below the median of the site"
    assert set(table["reason"]) == {"", reason}
    assert floors[reason]["south"] < floors[reason]["north"]
    table, _ = limit_by_site(judged(number, "euler_limit_below_median", 150.0), site)
    assert table.index[~table["included"]].tolist() == ["s003", "s090"]


@pytest.mark.parametrize("seed", range(10))
def test_floors_are_the_median_less_deviations_of_the_own_site(seed):
    number, site = cohort(seed)
    floor = floors_in_mads(number, site, 3.0)
    for name in ("north", "south"):
        own = number[site == name]
        mad = stats.median_abs_deviation(own, scale="normal")
        assert floor[site == name].unique() == pytest.approx(own.median() - 3 * mad, rel=1e-3)
    # Eight people do not say how their numbers spread.
    centred = number - number.groupby(site).transform("median")
    pooled = 1.4826 * centred.abs().median()
    small = number[site == "small"].median() - 3 * pooled
    assert floor[site == "small"].unique() == pytest.approx(small)
    # Outcomes, order and other sites do not matter.
    shuffled = number.sample(frac=1, random_state=seed)
    pd.testing.assert_series_equal(floors_in_mads(shuffled, site, 3.0).sort_index(), floor)


def test_people_without_number_or_site_and_earlier_reasons():
    number, site = cohort()
    number.iloc[0] = np.nan
    site = site.drop(site.index[1])
    table = judged(number, "euler_limit_mads", 3.0)
    table.loc["s002", "reason"] = "no lh.aparc.stats"
    number_of_s002 = table.loc["s002", "euler_number"]
    table.loc["s002", "euler_number"] = -900
    found, _ = limit_by_site(table, site)
    assert found.loc["s000", "included"]
    assert found.loc["s001", "included"]
    assert found.loc["s002", "reason"].startswith("no lh.aparc.stats; mean Euler number more than")
    assert number_of_s002 > -217


@pytest.mark.parametrize(
    ("limit", "column"),
    [
        ({"method": "fixed"}, None),
        ({"method": "none"}, None),
        ({"method": "site_median", "below": 30}, ("euler_limit_below_median", 30)),
        ({"method": "site_mads", "n_mads": 2.5}, ("euler_limit_mads", 2.5)),
    ],
)
def test_limits_are_options_of_their_method(limit, column):
    assert site_limit_column(TypeAdapter(EulerLimit).validate_python(limit)) == column


def test_unknown_limits_name_the_known_ones():
    with pytest.raises(ValidationError, match=r"'fixed', 'site_median', 'site_mads', 'none'"):
        SmriQuality(euler_limit={"method": "site"})
    with pytest.raises(ValidationError, match="Extra inputs"):
        SmriQuality(euler_limit={"method": "site_median", "n_mads": 3})


def test_the_node_says_which_limit_is_used(caplog):
    number, _ = cohort()
    tables = pd.DataFrame({"euler_lh": number, "euler_rh": number, "etiv": 1.5e6})
    nothing = NotCollected(modality="smri")
    with caplog.at_level(logging.INFO):
        fixed = assess_quality(tables, nothing, nothing, SmriQuality())
        by_site = assess_quality(tables, nothing, nothing, SmriQuality(euler_limit=SiteMadLimit()))
        none = assess_quality(tables, nothing, nothing, SmriQuality(euler_limit={"method": "none"}))
        own = SmriQuality(euler_limit={"method": "fixed", "min": -300})
        strict = assess_quality(tables, nothing, nothing, own)
    assert (~fixed["included"]).sum() == (number < -217).sum()
    assert (~strict["included"]).sum() == (number < -300).sum()
    assert by_site["included"].all()
    assert by_site["euler_limit_mads"].unique().tolist() == [3.0]
    assert none["included"].all()
    for told in ("'method': 'fixed', 'min': -217.0", "'method': 'site_mads', 'n_mads': 3.0",
                 "'method': 'none'", "'min': -300.0"):  # fmt: skip
        assert told in caplog.text


def test_losses_are_tested_by_site_and_outcome(caplog):
    number, site = cohort()
    lost = number < -217
    diagnosis = pd.Series(np.where(np.arange(len(lost)) % 3 == 0, "case", "control"), lost.index)
    with caplog.at_level(logging.INFO):
        notes = loss_notes(
            "smri: limit", lost, {"site": site, "diagnosis": diagnosis}, remedy="Do."
        )
    assert len(notes) == 1
    told = f"smri: limit: the {lost.mean():.0%} lost are spread unevenly: by site "
    assert notes[0].startswith(told)
    assert "chi-square over 3 groups, 9,999 draws, p = 0.0001" in notes[0]
    assert "diagnosis" not in notes[0]
    assert notes[0].endswith("Do.")
    south = lost[site == "south"].mean()
    assert f"south {south:.0%}, " in notes[0]
    counted = f"lost by site: north 0 of 80, small 0 of 8, south {int(lost.sum())} of 60"
    assert counted in caplog.text
    assert "lost by diagnosis: case" in caplog.text


def test_even_losses_say_nothing():
    even = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        lost = pd.Series(rng.random(300) < 0.1)
        site = pd.Series(rng.choice(list("abcde"), 300))
        case = pd.Series(rng.choice([0.0, 1.0], 300))
        even += not loss_notes("x", lost, {"site": site, "case": case})
    # Two tests at 5 % each.
    assert even > 60 * 0.8


@pytest.mark.parametrize("seed", range(5))
def test_the_tests_are_the_usual_ones(seed):
    rng = np.random.default_rng(seed)
    lost = pd.Series(rng.random(200) < 0.15)
    two = pd.Series(np.where(rng.random(200) < 0.4, "a", "b"))
    lost |= (two == "a") & (rng.random(200) < 0.1)
    table, p, test = uneven_losses(lost, two)
    assert test == "Fisher's exact test"
    assert p == stats.fisher_exact([table["lost"], table["of"] - table["lost"]]).pvalue
    three = pd.Series(rng.choice(["a", "b", "c"], 200))
    _, drawn, name = uneven_losses(lost, three)
    assert name == "chi-square over 3 groups, 9,999 draws"
    usual = stats.chi2_contingency(pd.crosstab(lost, three), correction=False).pvalue
    assert drawn == pytest.approx(usual, abs=0.04)


def test_a_p_value_is_never_nothing():
    lost = pd.Series([True] * 300 + [False] * 300)
    site = pd.Series(["a"] * 300 + ["b"] * 300)
    assert uneven_losses(lost, site)[1] > 0
    assert told_p(1e-20) == "< 0.0001"
    assert uneven_losses(lost & False, site)[1:] == (1.0, "none")


def test_small_groups_are_not_counted_in_the_report():
    lost = pd.Series([True] * 6 + [False] * 294)
    site = pd.Series(["a"] * 8 + ["b"] * 292)
    note = loss_notes("x", lost, {"site": site})[0]
    assert "a 75%" not in note
    assert "a 6" not in note


def test_options_of_limits():
    assert SiteMedianLimit().below == 25
    with pytest.raises(ValidationError):
        SiteMadLimit(n_mads=0)
