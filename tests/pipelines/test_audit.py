"""The audit on a toy cohort into which one fault at a time is planted."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.audit import checks
from neurogenomics_kb.pipelines.integration.analyses.audit.relatives import relative_rows
from neurogenomics_kb.pipelines.integration.analyses.audit.table import FEW, count_row
from neurogenomics_kb.pipelines.integration.analyses.audit.verdict import judge_audit
from neurogenomics_kb.registry.cards import Column
from neurogenomics_kb.registry.disclosure import check_disclosure
from tests.genome.test_relatedness import carried
from tests.pipelines.conftest import make_cohort, make_recipe

NO_METRICS = pd.DataFrame(columns=["model", "variant", "algorithm", "metric", "value"])


def audited_recipe(**experiment):
    recipe = make_recipe(analyses=["audit"], **experiment)
    columns = recipe.dataset.tables["participants"].columns
    columns["site"] = Column(name="site", type="category", role="site")
    columns["batch"] = Column(name="batch", type="category", role="batch")
    gene = recipe.blocks["gene"].model_copy(update={"encoder": "kmer", "features": []})
    return recipe.model_copy(update={"blocks": recipe.blocks | {"gene": gene}})


def batched(signal=0.0, seed=0, tilt=0.0, n=300):
    """Toy cohort with a sequencing batch that cases may share unevenly."""
    participants, features, quality = make_cohort(n, seed, signal)
    rng = np.random.default_rng(seed + 100)
    case = participants["diagnosis"].to_numpy() > 0.5
    late = rng.random(n) < np.where(case, 0.35 + tilt, 0.35 - tilt)
    participants["batch"] = np.where(late, "B3", rng.choice(["B1", "B2"], n))
    rates = pd.DataFrame(
        rng.binomial(20, 0.01, (n, 6)) / 20, participants.index, [f"G{g}" for g in range(6)]
    )
    return participants, features, quality, rates


def judged(recipe, participants, features, quality, rates, attribution=None, haplotypes=None):
    """Verdict and table, by the pipeline's nodes."""
    R = recipe
    tables = [t for m in nodes.MODALITIES
              for t in (features[m], quality[m])]  # fmt: skip
    cohort, blocks, *_ = nodes.assemble_cohort(R, participants, *tables)
    folds, _ = nodes.split_folds(R, cohort)
    projections, _ = nodes.project_blocks(R, cohort, blocks, folds)
    haplotypes = pd.DataFrame() if haplotypes is None else haplotypes
    table = checks.audit_run(
        recipe, cohort, blocks, folds["fold"], projections, NO_METRICS, rates, haplotypes,
        attribution,
    )  # fmt: skip
    verdict = judge_audit(recipe, table)
    check_disclosure([*verdict, table.to_dict("list")["detail"]], set(cohort.index))
    return verdict, table, folds["fold"]


def levels(verdict):
    return [sentence["level"] for sentence in verdict]


def test_confounds_that_are_regressed_out_are_no_artefact():
    verdict, table, _ = judged(audited_recipe(), *batched(signal=1.0))
    assert "artefact" not in levels(verdict)
    site = table.query("check == 'decodability' and target == 'site' and block == 'brain'")
    by_variant = site.set_index("detail")["value"]
    assert by_variant[checks.UNADJUSTED] > 0.7  # site is planted in every region
    assert by_variant[checks.ADJUSTED] < 0.6


def test_gene_missing_in_a_batch_that_cases_share_is_named():
    participants, features, quality, rates = batched(tilt=0.25)
    late = participants["batch"] == "B3"
    rng = np.random.default_rng(0)
    rates.loc[late, "G5"] = rng.binomial(20, 0.7, late.sum()) / 20
    own = [c for c in features["genomics"] if "__G5__" in c]
    features["genomics"].loc[late, own] += 2.0  # what filling in the reference does
    verdict, _, _ = judged(audited_recipe(), participants, features, quality, rates)
    assert levels(verdict)[0] == "artefact"
    assert levels(verdict).count("artefact") == 1
    text = verdict[0]["text"]
    share, elsewhere = (int(n) for n in re.findall(r"(\d+)%", text)[:2])
    assert text.startswith("G5: ")
    assert abs(share - 70) <= 3  # planted; its standard error is 1
    assert elsewhere == 1
    assert "in batch B3" in text
    assert "missingness by batch" in text


def test_missing_gene_without_uneven_batch_is_a_caution():
    participants, features, quality, rates = batched()
    rates.loc[participants["batch"] == "B3", "G5"] = 0.7
    verdict, _, _ = judged(audited_recipe(), participants, features, quality, rates)
    assert "artefact" not in levels(verdict)
    assert any(v["text"].startswith("G5: 70%") and v["level"] == "caution" for v in verdict)


def test_loss_of_a_gene_that_goes_with_the_batch_is_said():
    """Calls complete, but the gene differs by batch, and the card does not regress batch out."""
    participants, features, quality, rates = batched(tilt=0.25)
    own = [c for c in features["genomics"] if "__G4__" in c]
    features["genomics"].loc[participants["batch"] == "B3", own] += 2.0
    attribution = pd.DataFrame(
        {"unit": ["G4", "G1", "G4 + G5"], "level": ["unit", "unit", "cluster"],
         "block": "gene", "delta": [0.15, 0.0, 0.16]}
    )  # fmt: skip
    verdict, _, _ = judged(
        audited_recipe(), participants, features, quality, rates, attribution=attribution
    )
    named = [v for v in verdict if v["text"].startswith("G4: leaving it out loses")]
    assert [v["level"] for v in named] == ["caution"]
    assert "most of it goes with batch" in named[0]["text"]
    assert not any(v["text"].startswith("G1") for v in verdict)


def test_loss_of_a_causal_gene_does_not_go_with_the_batch():
    participants, features, quality, rates = batched(signal=1.0, tilt=0.1)
    attribution = pd.DataFrame(
        {"unit": ["G0", "G1"], "level": "unit", "block": "gene", "delta": [0.05, 0.05]}
    )
    verdict, table, _ = judged(
        audited_recipe(), participants, features, quality, rates, attribution=attribution
    )
    assert len(table.query("check == 'unit loss that goes with the batch'")) == 4
    assert not any("most of it goes with" in v["text"] for v in verdict)


def test_one_person_under_two_ids_is_an_artefact_and_not_counted_out():
    participants, features, quality, rates = batched()
    _, _, folds = judged(audited_recipe(), participants, features, quality, rates)
    a = folds.index[0]
    b = folds.index[folds != folds[a]][0]
    features["smri"].loc[b] = features["smri"].loc[a]
    verdict, table, folds = judged(audited_recipe(), participants, features, quality, rates)
    if folds[a] == folds[b]:  # folds depend on labels alone, and these stayed
        pytest.fail("folds changed")
    assert "Fewer than 10 pairs" in verdict[0]["text"]
    assert verdict[0]["level"] == "artefact"
    row = table.query("check == 'duplicates across folds' and block == 'brain'").iloc[0]
    assert np.isnan(row["value"])
    assert row["detail"] == FEW


def test_relatives_and_one_person_twice_are_found_by_their_sequences():
    """0 and 1 are siblings, 3 is 2 again; everybody has a family id of their own."""
    haplotypes = carried()
    cohort = pd.DataFrame(index=sorted(haplotypes["sample"].unique()))
    places = {"folds": np.arange(120) % 2, "families": np.arange(120)}
    found = {r["check"]: r for r in relative_rows(cohort, haplotypes, places)}
    assert found["same person across folds"]["detail"] == FEW
    assert found["relatives across folds"]["detail"] == FEW
    together = {"folds": np.arange(120) // 4, "families": np.arange(120)}
    found = {r["check"]: r for r in relative_rows(cohort, haplotypes, together)}
    assert found["same person across folds"]["value"] == 0
    assert found["relatives across families"]["detail"] == FEW
    few = carried(regions=6)
    found = {r["check"]: r for r in relative_rows(cohort, few, places)}
    assert all(r["detail"].startswith("not told") for r in found.values())


def test_counts_are_shown_from_ten_on():
    assert count_row("c", "b", 0)["value"] == 0
    assert np.isnan(count_row("c", "b", 9)["value"])
    assert count_row("c", "b", 10)["value"] == 10


def test_rows_of_coarse_scales_are_no_duplicates():
    participants, features, quality, rates = batched()
    rng = np.random.default_rng(0)
    coarse = features["smri"].columns[:2]
    features["smri"] = pd.DataFrame(
        rng.integers(0, 3, (300, 2)).astype(float), participants.index, coarse
    )
    verdict, _, _ = judged(audited_recipe(), participants, features, quality, rates)
    assert "artefact" not in levels(verdict)
    assert any("equal by chance" in v["text"] for v in verdict)


def test_floor_of_continuous_scales_is_no_duplicate():
    """Everybody without a complaint has one profile, whatever else the scales tell."""
    participants, features, quality, rates = batched()
    _, before, _ = judged(audited_recipe(), participants, features, quality, rates)
    scales = features["smri"].iloc[:, :4].copy()
    scales.iloc[:30] = scales.iloc[0].to_numpy()
    features["smri"] = scales
    verdict, *_ = judged(audited_recipe(), participants, features, quality, rates)
    assert "artefact" not in levels(verdict)
    said = [v for v in verdict if "30 subjects share one row" in v["text"]]
    assert [v["level"] for v in said] == ["caution"]
    # Genes, of which no row repeats, are told still.
    assert any(v["text"].startswith("No subject's features occur") for v in verdict)
    assert before.query("check == 'duplicates across folds'")["value"].tolist() == [0, 0]


def test_nothing_told_of_duplicates_is_not_said_to_be_clean():
    participants, features, quality, rates = batched()
    rng = np.random.default_rng(0)
    for modality in ("smri", "genomics"):
        columns = features[modality].columns[:2]
        coarse = rng.integers(0, 3, (300, 2)).astype(float)
        features[modality] = pd.DataFrame(coarse, participants.index, columns)
    verdict, *_ = judged(audited_recipe(), participants, features, quality, rates)
    assert not any(v["text"].startswith("No subject's features occur") for v in verdict)


def test_gaps_that_tell_a_score_are_said():
    """A test that only the high scorers were given, filled by the median in the fold."""
    participants, features, quality, rates = batched()
    recipe = audited_recipe(outcome="score", associations=[])
    low = participants["score"] < participants["score"].quantile(0.4)
    features["smri"].loc[low, features["smri"].columns[0]] = np.nan
    verdict, table, _ = judged(recipe, participants, features, quality, rates)
    found = table.query("check == 'missingness alone' and block == 'brain'").iloc[0]
    assert found["reference"] == 0
    assert found["value"] > 0.6
    said = [v["text"] for v in verdict if "is missing tells score by itself" in v["text"]]
    assert len(said) == 1
    assert "block brain" in said[0]
    rng = np.random.default_rng(1)
    features["smri"].iloc[:, 0] = np.where(rng.random(300) < 0.4, np.nan, 1.0 + rng.random(300))
    verdict, *_ = judged(recipe, participants, features, quality, rates)
    assert not any("by itself" in v["text"] for v in verdict)


def test_small_batches_are_taken_together_and_never_described():
    labels = np.array(["a"] * 40 + ["b"] * 30 + ["c"] * 6 + ["d"] * 5)
    merged = checks.merge_small(labels)
    assert dict(zip(*np.unique(merged, return_counts=True), strict=True)) == {
        "a": 40, "b": 30, "small ones together": 11,
    }  # fmt: skip
    # Five alone would still be few: the next smallest joins.
    assert set(checks.merge_small(labels[:70].tolist() + ["d"] * 5)) == {"a", "small ones together"}


def test_own_recipe_leaks_no_label():
    """Imputation, scaling, confounds and projection of the project, on labels without meaning."""
    participants, features, quality, rates = batched(signal=1.0)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(4):
        participants["diagnosis"] = rng.permutation(participants["diagnosis"])
        _, table, _ = judged(audited_recipe(), participants, features, quality, rates)
        free = table.query("check == 'outcome, labels swapped' and scheme == 'freely'")
        found.append(free["value"].to_numpy())
    # 16 values of standard error 0.035, the four of a draw dependent
    assert abs(np.mean(found) - 0.5) < 0.05
