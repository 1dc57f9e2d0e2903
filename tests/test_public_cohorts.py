"""Public cohorts by their environment alone: the cards fit the real tables, and runs end well."""

from __future__ import annotations

import json
import re
from collections import Counter

import pandas as pd
import pytest
import yaml

from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from tests.conftest import ROOT

pytestmark = pytest.mark.real_data
QUICK = {"n_permutations": 99, "n_bootstraps": 10}


def tables_of(cohort: str, folder):
    """Card, raw table, and the canonical table of each of the card's tables."""
    card = Registry(ROOT / "kb").get(cohort, "dataset")
    file = card.tables["participants"].file
    raw = pd.read_csv(
        folder / file,
        sep="\t",
        na_values=["n/a"],
        dtype={card.tables["participants"].id_column: str},
    )
    return card, raw, {name: standardize_table(raw, table) for name, table in card.tables.items()}


@pytest.fixture(scope="module")
def hbn(hbn_dir):
    return tables_of("hbn", hbn_dir)


@pytest.fixture(scope="module")
def devfmri(devfmri_dir):
    return tables_of("devfmri", devfmri_dir)


@pytest.mark.parametrize("cohort", ["hbn", "devfmri"])
def test_card_knows_every_column_and_subject(cohort, request):
    card, raw, canonical = request.getfixturevalue(cohort)
    known = {source for table in card.tables.values() for source in table.columns}
    assert set(raw.columns) - known == {"participant_id"}
    assert known <= set(raw.columns)
    for table in canonical.values():
        assert len(table) == card.n_subjects == raw["participant_id"].nunique()
    names = [c.name for table in card.tables.values() for c in table.columns.values()]
    assert [name for name, count in Counter(names).items() if count > 1] == []


@pytest.mark.parametrize("cohort", ["hbn", "devfmri"])
def test_levels_of_the_card_occur_and_gaps_stay(cohort, request):
    card, raw, canonical = request.getfixturevalue(cohort)
    for name, table in card.tables.items():
        for source, column in table.columns.items():
            values = canonical[name][column.name]
            assert values.isna().sum() == raw[source].isna().sum(), source
            if column.type == "category" and column.name != "commercial_use":  # all said yes
                assert set(values.dropna()) == set(column.levels.values()), source


def test_hbn_is_as_its_page_says(hbn):
    _, _, canonical = hbn
    people, phenotype = canonical["participants"], canonical["phenotype"]
    assert people["site"].nunique() == 11
    assert people["resting_eeg"].sum() == 2684
    factors = phenotype[["p_factor", "attention", "internalizing", "externalizing"]]
    assert factors.isna().any(axis=1).sum() == factors.isna().all(axis=1).sum() == 39
    # With caution counts as recorded, and not as usable at rest.
    assert phenotype["RestingState"].sum() == 2684 + 197
    shared = factors.dropna().groupby(list(factors)).size()
    assert shared.max() == 30
    assert (shared > 1).sum() == 9
    assert shared[shared > 1].nsmallest(8).between(2, 5).all()
    # The version of sequence learning goes by age.
    young = phenotype["seqLearning6target"] == 1
    old = phenotype["seqLearning8target"] == 1
    assert not (young & old).any()
    assert people["age"][young].mean() < people["age"][old].mean() - 4


def test_devfmri_is_as_its_page_says(devfmri):
    _, _, canonical = devfmri
    people, tests = canonical["participants"], canonical["tests"]
    group = people["age_group"]
    assert group.value_counts().to_dict() == {
        "3yo": 17, "4yo": 14, "5yo": 34, "7yo": 23, "8-12yo": 34, "adult": 33,
    }  # fmt: skip
    given = tests.notna().groupby(group).sum()
    assert given["false_belief"].to_dict() == {**group.value_counts(), "adult": 0}
    older = ["5yo", "7yo", "8-12yo"]
    assert given["kbit_standard"].to_dict() == {
        g: (n if g in older else 0) for g, n in group.value_counts().items()
    }
    assert given["wppsi_block_design"].drop(["3yo", "4yo"]).sum() == 0
    assert given["wppsi_block_design"][["3yo", "4yo"]].tolist() == [16, 14]
    assert given["card_sort"].to_dict() == {
        "3yo": 16, "4yo": 14, "5yo": 34, "7yo": 0, "8-12yo": 0, "adult": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cohort", "source", "value", "words"),
    [
        ("hbn", "age", 130.0, ["outside 5 to 23 years", "first 130", "1 of 3155"]),  # months
        ("hbn", "release_number", "R12", ["values R12 are none of R1", "1 of 3155"]),
        ("hbn", "RestingState", "yes", ["values yes are none of available"]),
        ("hbn", "participant_id", None, ["missing or repeat", "2 of 3155"]),
        ("devfmri", "KBIT_standard", 400.0, ["outside 40 to 160", "1 of 155"]),
        ("devfmri", "Age", 60.0, ["outside 3 to 40 years"]),
        ("devfmri", "Scanlog: Scanner", "3T3", ["values 3T3 are none of 3T1, 3T2"]),
    ],
)
def test_what_contradicts_the_card_is_refused(cohort, source, value, words, request):
    card, raw, _ = request.getfixturevalue(cohort)
    broken = raw.copy()
    broken.loc[0, source] = broken.loc[1, source] if value is None else value
    table = next(t for t in card.tables.values() if source in {*t.columns, t.id_column})
    with pytest.raises(InputError) as caught:
        standardize_table(broken, table)
    for word in words:
        assert word in str(caught.value)


def outputs_of(project, cohort, experiment):
    """Tables of a finished run."""
    folder = project.outputs(cohort, experiment)
    flow = project.path / "data/05_model_input" / cohort / experiment / "sample_flow.csv"
    verdict = json.loads((folder / "audit_verdict.json").read_text())
    card = yaml.safe_load(project.results[-1].read_text())
    assert card["cohort"] == cohort
    return pd.read_csv(folder / "metrics.csv"), pd.read_csv(flow), verdict, card, folder


def value_of(metrics, model, metric, algorithm="linear", variant="adjusted"):
    """One number of the metrics table."""
    wanted = {"model": model, "metric": metric, "algorithm": algorithm, "variant": variant}
    found = metrics[(metrics[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return found["value"].item()


@pytest.mark.slow
def test_availability_of_resting_eeg_goes_by_release_and_not_by_the_factors(project, hbn_dir):
    project.run(
        "--env", "hbn", *project.changed(**QUICK), NGKB_HBN_DIR=str(hbn_dir)
    )  # fmt: skip
    metrics, flow, verdict, card, folder = outputs_of(project, "hbn", "hbn_resting_eeg_selection")
    assert flow["remaining"].tolist() == [3155, 3116]
    assert card["n_subjects"] == 3116
    assert value_of(metrics, "covariates", "auroc") == pytest.approx(0.82, abs=0.015)
    assert value_of(metrics, "psychopathology", "auroc") == pytest.approx(0.47, abs=0.015)
    assert value_of(metrics, "psychopathology + covariates", "auroc") == pytest.approx(
        0.82, abs=0.015
    )
    audit = pd.read_csv(folder / "audit.csv")
    swapped = audit[audit["check"] == "outcome, labels swapped"]
    assert swapped["reference"].sub(0.5).abs().max() < 0.03  # permuted labels at chance
    assert (swapped["p_raw"] > 0.05).all()
    share = audit[audit["check"] == "share of outcome classes"].set_index("unit")
    assert share.loc["R11", ["value", "reference"]].round(2).tolist() == [0.08, 0.48]
    # 30 children at the floor of the factors are no person under thirty ids.
    assert {v["level"] for v in verdict} <= {"caution", "not told", "ok"}
    assert any("30 subjects share one row" in v["text"] for v in verdict)


@pytest.mark.slow
def test_availability_of_tasks_and_psychopathology(project, hbn_dir):
    file = ROOT / "conf/experiments/08_hbn_eeg_availability.yml"
    run = yaml.safe_load(file.read_text())
    run["run"]["params"]["experiment"] |= QUICK
    changed = project.path / "availability.yml"
    changed.write_text(yaml.safe_dump(run, sort_keys=False))  # the order of blocks is theirs
    project.run("--env", "hbn", "--config", str(changed), NGKB_HBN_DIR=str(hbn_dir))
    cca = pd.read_csv(project.outputs("hbn", file.stem) / "cca.csv").set_index("component")
    assert cca["n"].unique().tolist() == [3116]
    assert cca.loc[1, "y_dim"] == 11
    # Folds and blocks fix these whatever is permuted.
    assert cca.loc[1, "correlation"] == pytest.approx(0.107, abs=0.002)
    assert cca.loc[1, "held_out_projected"] == pytest.approx(0.048, abs=0.005)
    assert cca.loc[1, "null_mean"] == pytest.approx(0.081, abs=0.004)
    assert (cca.loc[[2, 3], "p_adjusted"] > 0.2).all()


@pytest.mark.slow
def test_reasoning_tells_nothing_of_theory_of_mind_beside_age(project, devfmri_dir):
    project.run("--env", "devfmri", *project.changed(**QUICK), NGKB_DEVFMRI_DIR=str(devfmri_dir))
    experiment = "devfmri_reasoning_theory_of_mind"
    metrics, flow, _, card, folder = outputs_of(project, "devfmri", experiment)
    assert flow[["excluded", "remaining"]].to_numpy().tolist() == [[0, 155], [33, 122], [31, 91]]
    assert card["n_subjects"] == 91
    assert value_of(metrics, "covariates", "r2") == pytest.approx(0.39, abs=0.02)
    assert value_of(metrics, "reasoning", "r2") == pytest.approx(0.0, abs=0.02)
    assert value_of(metrics, "reasoning + covariates", "r2") == pytest.approx(0.39, abs=0.02)
    comparisons = pd.read_csv(folder / "comparisons.csv")
    assert (comparisons["p_raw"] > 0.05).all()


@pytest.mark.slow
def test_children_who_were_not_given_a_test_are_refused_and_not_filled(project, devfmri_dir):
    behaviour = {
        "instruments": {"groups": {"kbit": ["kbit_standard", "false_belief"]}},
        "quality": {"max_missing_items": 1},
    }
    file = project.path / "gaps.yml"
    file.write_text(yaml.safe_dump({"run": {"params": {"behaviour": behaviour}}}))
    done = project.kedro(
        "run", "--pipeline=integration", "--env", "devfmri", "--config", str(file),
        NGKB_DEVFMRI_DIR=str(devfmri_dir),
    )  # fmt: skip
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "column 'behaviour__kbit__kbit_standard': a feature has missing or infinite" in said
    assert re.search(r"\(\d+ of 9[78] subjects\)", said)  # in a training fold of 122
