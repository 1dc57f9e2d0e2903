from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.cohort import assemble_cohort, select_features
from neurogenomics_kb.registry.cards import Column, Table
from tests.pipelines.conftest import make_recipe, make_strategy

CARD = Table(
    file="participants.tsv",
    columns={
        "age": Column(name="age", unit="years", range=(18, 100)),
        "sex": Column(name="sex", type="category", levels={"F": "female", "M": "male"}),
        "centre": Column(name="site", type="category", levels={"11025": "cheadle"}),
        "mdd": Column(name="diagnosis", type="binary"),
    },
)


def raw_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant_id": ["s2", "s1", "s3"],
            "age": [50, 60.5, None],
            "sex": ["F", "M", None],
            "centre": [11025, 11025, None],
            "mdd": [0, 1, 1],
            "unused": [1, 2, 3],
        }
    )


def test_standardized_names_levels_and_order():
    table = standardize_table(raw_table(), CARD)
    assert table.index.tolist() == ["s1", "s2", "s3"]
    assert table.columns.tolist() == ["age", "sex", "site", "diagnosis"]
    assert table.loc["s1"].tolist() == [60.5, "male", "cheadle", 1.0]
    assert table.loc["s3", ["age", "sex", "site"]].isna().all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="age"), ["participants.tsv", "column 'age'", "missing"]),
        (lambda t: t.rename(columns={"age": "Age"}), ["did you mean 'Age'"]),
        (lambda t: t.assign(participant_id=["a", "a", "b"]), ["missing or repeat: a", "2 of 3"]),
        (lambda t: t.assign(participant_id=["a", None, "b"]), ["missing or repeat", "1 of 3"]),
        (lambda t: t.assign(age=["50", "sixty", "70"]), ["'sixty'", "column 'age'", "1 of 3"]),
        (lambda t: t.assign(age=[50, 7, 60]), ["outside 18 to 100 years", "first 7", "1 of 3"]),
        (lambda t: t.assign(sex=["F", "X", "M"]), ["values X are none of F, M", "column 'sex'"]),
        (lambda t: t.assign(mdd=[0, 1, 2]), ["outside 0 to 1", "first 2"]),
        (lambda t: t.assign(mdd=[0, 1, 0.5]), ["first 0.5"]),
    ],
)
def test_wrong_participants_are_refused_in_one_line(change, words):
    with pytest.raises(InputError) as caught:
        standardize_table(change(raw_table()), CARD)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_cohort_is_the_intersection_and_counts_everybody(recipe, toy):
    participants, features, quality = toy
    ids = participants.index
    features = {**features, "smri": features["smri"].drop(ids[:7])}
    checked = quality["smri"].copy()
    checked.loc[ids[:4], ["included", "reason"]] = [False, "Euler number below -217"]
    quality = {**quality, "smri": checked.drop(ids[4:7])}
    participants = participants.copy()
    participants.loc[ids[7:9], "diagnosis"] = np.nan
    cohort, blocks, flow, notes = assemble_cohort(recipe, participants, features, quality)
    assert flow["remaining"].iloc[-1] == len(cohort) == len(participants) - 9
    assert dict(zip(flow["step"], flow["excluded"], strict=True)) == {
        "in the participants table": 0,
        "no value of outcome diagnosis": 2,
        "no smri data": 3,
        "smri: Euler number below -217": 4,
    }
    assert (flow["remaining"].shift(1, fill_value=240) - flow["excluded"]).equals(flow["remaining"])
    for block in blocks.values():
        assert block.index.equals(cohort.index)
    assert notes == []


def test_quality_covariates_are_joined_once_and_strangers_are_noted(recipe, toy):
    participants, features, quality = toy
    strange = pd.DataFrame({"mean_fd": [0.1], "included": True, "reason": ""}, index=["stranger"])
    fmri = pd.concat(
        [
            pd.DataFrame({"mean_fd": 0.2, "included": True, "reason": ""}, participants.index),
            strange,
        ]
    )
    smri = make_strategy("brain_v1", "smri", ["thickness"])
    steps = [
        *smri.preprocessing[:2],
        {"step": "residualize", "confounds": ["age", "mean_fd", "etiv"]},
    ]
    recipe = recipe.model_copy(
        update={
            "blocks": {
                **recipe.blocks,
                "brain": smri.model_validate({**smri.model_dump(), "preprocessing": steps}),
            }
        }
    )
    cohort, _, _, notes = assemble_cohort(recipe, participants, features, {**quality, "fmri": fmri})
    assert (cohort["mean_fd"] == 0.2).all()
    assert cohort["etiv"].notna().all()
    assert any("fmri: 1 of 241 subjects are not in the participants table" in n for n in notes)


def test_missing_confound_is_refused_or_dropped(recipe, toy):
    participants, features, quality = toy
    participants = participants.copy()
    participants.iloc[:3, participants.columns.get_loc("age")] = np.nan
    with pytest.raises(InputError, match=r"p.tsv, column 'age'.*\(3 of 240 subjects\).*drop"):
        assemble_cohort(recipe, participants, features, quality)
    cohort, _, flow, _ = assemble_cohort(
        make_recipe(missing_confounds="drop"), participants, features, quality
    )
    assert len(cohort) == 237
    assert flow["step"].iloc[-1] == "no value of confound age"


def test_absent_block_is_left_out_and_said(toy):
    participants, features, quality = toy
    recipe = make_recipe(analyses=["prediction"])
    blocks = {**recipe.blocks, "function": make_strategy("f_v1", "fmri", ["connectivity"])}
    recipe = recipe.model_copy(update={"blocks": blocks})
    _, present, _, notes = assemble_cohort(recipe, participants, features, quality)
    assert list(present) == ["gene", "brain"]
    assert any("Block 'function' is absent" in note for note in notes)


def test_no_block_at_all_is_refused(toy):
    participants, features, quality = toy
    empty = features["fmri"]
    with pytest.raises(InputError, match="none of the blocks gene, brain"):
        assemble_cohort(make_recipe(), participants, dict.fromkeys(features, empty), quality)


def test_constant_features_are_named(recipe, toy):
    participants, features, quality = toy
    smri = features["smri"].assign(smri__thickness__R0=2.5)
    _, _, _, notes = assemble_cohort(recipe, participants, {**features, "smri": smri}, quality)
    assert len(notes) == 1
    assert "1 of 8 features of smri.features" in notes[0]
    assert "smri__thickness__R0" in notes[0]


def test_unknown_feature_group_names_the_nearest(toy):
    _, features, _ = toy
    strategy = make_strategy("s_v1", "smri", ["thicknes"])
    with pytest.raises(InputError, match="did you mean 'thickness'"):
        select_features(features["smri"], strategy)


def gene_table(*units):
    return pd.DataFrame(1.0, ["a"], [f"genomics__kmer__{u}__d{i}" for u in units for i in (0, 1)])


def test_a_gene_set_selects_and_orders():
    strategy = make_strategy("s_v1", "genomics", ["kmer"])
    table = gene_table("A", "B", "C", "B:promoter")
    got = select_features(table, strategy, ["C", "B"])
    assert [c.split("__")[2] for c in got] == ["C", "C", "B", "B", "B:promoter", "B:promoter"]
    pooled = gene_table("all_genes")
    assert select_features(pooled, strategy, ["C", "B"]).shape == pooled.shape
    with pytest.raises(InputError, match=r"1 of 2 genes of gene set .* have no features \(D\)"):
        select_features(table, strategy, ["C", "D"])


def test_subjects_in_no_common_table(recipe, toy):
    participants, features, quality = toy
    with pytest.raises(InputError, match="no subject has all blocks"):
        assemble_cohort(recipe, participants.rename(index=lambda i: f"x{i}"), features, quality)


def one_class(toy, keep):
    """Participants and features as they are, the outcome the same for whom `keep` names."""
    participants, features, quality = toy
    changed = participants.copy()
    changed.loc[keep(changed), "diagnosis"] = 1.0
    return changed, features, quality


def test_an_outcome_of_one_class_is_said_at_once(recipe, toy):
    with pytest.raises(InputError, match=r"column 'diagnosis': the outcome is 1 for everybody"):
        assemble_cohort(recipe, *one_class(toy, lambda t: t.index))


def test_an_outcome_of_one_class_after_quality_control_is_said(recipe, toy):
    participants, features, quality = toy
    checked = {name: table.copy() for name, table in quality.items()}
    controls = participants.index[participants["diagnosis"] == 0]
    for table in checked.values():
        if "reason" in table and len(table):
            table.loc[table.index.isin(controls), "reason"] = "too much motion"
    with pytest.raises(InputError, match="the outcome is 1 for everybody after exclusions"):
        assemble_cohort(recipe, participants, features, checked)


def test_what_reading_left_out_is_in_the_flow_and_the_notes(recipe, toy):
    participants, features, quality = toy
    read = participants.copy()
    read.attrs = {"notes": ["participants.tsv: 2 blank rows left out."], "blank_rows": 2}
    cohort, _, flow, notes = assemble_cohort(recipe, read, features, quality)
    assert flow.iloc[0].tolist() == ["in the participants table", 0, len(participants) + 2]
    assert flow.iloc[1].tolist() == [
        "blank row in the participants table", 2, len(participants),
    ]  # fmt: skip
    assert "participants.tsv: 2 blank rows left out." in notes
    assert cohort.attrs == {}


def by_site(toy, n_bad=6):
    """The toy cohort with sites whose Euler numbers differ, and some bad images."""
    participants, features, quality = toy
    rng = np.random.default_rng(0)
    site = participants["site"].astype(str)
    shift = site.map({name: -120.0 * i for i, name in enumerate(sorted(set(site)))})
    number = shift - 50 + rng.normal(0, 10, len(site))
    number.iloc[:n_bad] -= 300
    checked = quality["smri"].assign(euler_number=number)
    return participants, features, {**quality, "smri": checked}


def test_a_limit_by_site_takes_effect_and_is_told(recipe, toy, caplog):
    participants, features, quality = by_site(toy)
    checked = quality["smri"].assign(euler_limit_mads=4.0)
    with caplog.at_level("INFO"):
        cohort, _, flow, _ = assemble_cohort(
            recipe, participants, features, {**quality, "smri": checked}
        )
    step = "smri: mean Euler number more than 4 MAD below the median of the site"
    assert flow.set_index("step").loc[step, "excluded"] == 6
    assert not cohort.index.isin(participants.index[:6]).any()
    assert f"{step}: floors {{" in caplog.text
    assert "lost by site" in caplog.text
    assert "lost by diagnosis" in caplog.text


def test_a_limit_by_site_needs_sites(recipe, toy):
    participants, features, quality = by_site(toy)
    checked = quality["smri"].assign(euler_limit_below_median=25.0)
    with pytest.raises(InputError, match=r"no column of sites.*role `site`"):
        assemble_cohort(
            recipe,
            participants.drop(columns="site"),
            features,
            {**quality, "smri": checked},
        )


def test_a_limit_that_falls_unevenly_is_in_the_notes(recipe, toy):
    participants, features, quality = by_site(toy)
    number = quality["smri"]["euler_number"]
    reason = pd.Series("", number.index).mask(number < -217, "mean Euler number below -217")
    checked = quality["smri"].assign(included=reason == "", reason=reason)
    *_, notes = assemble_cohort(recipe, participants, features, {**quality, "smri": checked})
    uneven = [note for note in notes if "spread unevenly" in note]
    assert len(uneven) == 1
    assert "by site" in uneven[0]
    assert "Limits by site: smri.quality.euler_limit." in uneven[0]
