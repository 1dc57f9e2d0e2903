"""The audit on a toy cohort into which one fault at a time is planted."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.audit import checks, refits, relatives
from neurogenomics_kb.pipelines.integration.analyses.audit.context import shows
from neurogenomics_kb.pipelines.integration.analyses.audit.relatives import (
    relative_rows,
    repeat_row,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import FEW, OWN_FOLDS, count_row
from neurogenomics_kb.pipelines.integration.analyses.audit.verdict import judge_audit
from neurogenomics_kb.registry.cards import Column
from neurogenomics_kb.registry.disclosure import check_disclosure
from neurogenomics_kb.simulate.outcome_blocks import (
    DiffuseBlock,
    SymptomScales,
    draw_diffuse,
    draw_scales,
)
from tests.genome.test_relatedness import carried
from tests.pipelines.conftest import make_cohort, make_recipe

ALL_REFITS = refits.REFITS


@pytest.fixture(autouse=True)
def _few_refits(monkeypatch):
    """What the refits find has a test of its own; elsewhere five are enough."""
    monkeypatch.setattr(refits, "REFITS", 5)


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
    assert any(v["text"].startswith("No subject's features of block gene occur") for v in verdict)
    assert before.query("check == 'duplicates across folds'")["value"].tolist() == [0, 0]


def test_nothing_told_of_duplicates_is_not_said_to_be_clean():
    participants, features, quality, rates = batched()
    rng = np.random.default_rng(0)
    for modality in ("smri", "genomics"):
        columns = features[modality].columns[:2]
        coarse = rng.integers(0, 3, (300, 2)).astype(float)
        features[modality] = pd.DataFrame(coarse, participants.index, columns)
    verdict, *_ = judged(audited_recipe(), participants, features, quality, rates)
    assert not any(v["text"].startswith("No subject's features") for v in verdict)


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


# --- whole runs in which the run's folds cannot show a label --------------------------------------


def site_run(seed=0, *, planted=0.0, batch=0.0, outcome="diagnosis", regress_site=False, **folds):
    """A run whose folds are the sites, site not among the confounds unless it is asked for."""
    participants, features, quality, rates = batched(signal=0.5, seed=seed)
    shift = pd.Series({"north": 0.0, "south": 1.0, "west": -1.0})[participants["site"]].to_numpy()
    features["smri"] = features["smri"].add(-shift, axis=0)  # sites of the toy are no longer there
    features["genomics"] = features["genomics"].add(-0.3 * shift, axis=0)
    own = features["smri"].columns[4]
    features["smri"][own] += planted * (participants["site"] == "west")
    features["smri"][own] += batch * (participants["batch"] == "B3")
    recipe = audited_recipe(
        outcome=outcome,
        associations=[],
        folds=folds or {"scheme": "leave_site_out", "group": "site"},
        exchangeability=None,
    )
    confounds = ["age", "sex"]
    steps = [
        {"step": "impute"},
        {"step": "zscore"},
        {"step": "residualize", "confounds": [*confounds, "site"], "unseen": "reference"}
        if regress_site
        else {"step": "residualize", "confounds": confounds},
    ]
    blocks = {
        name: type(s).model_validate(
            s.model_dump() | {"preprocessing": steps, "encoder": s.encoder, "features": s.features}
        )
        for name, s in recipe.blocks.items()
    }
    recipe = recipe.model_copy(update={"blocks": blocks})
    return recipe, participants, features, quality, rates


def about(verdict, word):
    return [v for v in verdict if word in v["text"]]


def test_sites_that_are_the_folds_are_read_on_folds_of_their_own():
    verdict, table, folds = judged(*site_run(planted=4.0))
    assert folds.nunique() == 3
    rows = table.query("check == 'decodability' and target == 'site'")
    assert (rows["scheme"] == OWN_FOLDS).all()
    assert rows["value"].notna().all()
    told = about(verdict, "site can be read from block brain")
    assert [v["level"] for v in told] == ["caution"]
    assert "on folds of its own" in told[0]["text"]
    # Batches are mixed in these folds: the run's own are used.
    assert (table.query("check == 'decodability' and target == 'batch'")["scheme"] == "").all()


def test_leave_site_out_without_a_site_effect_says_what_it_could_see():
    verdict, table, _ = judged(*site_run())
    said = [v for v in verdict if "site can" in v["text"]]
    assert {v["level"] for v in said} <= {"ok", "not told"}
    rows = table.query("check == 'decodability' and target == 'site'")
    adjusted = rows[rows["detail"] == checks.ADJUSTED]
    for sentence in said:
        size = adjusted["seen"].max() if sentence["level"] == "ok" else adjusted["seen"].min()
        assert f"{size:.2f}" in sentence["text"]
        assert (sentence["level"] == "ok") == (size <= 0.60)


@pytest.mark.parametrize("outcome", ["diagnosis", "score"])
@pytest.mark.parametrize("regress_site", [False, True])
def test_no_scheme_makes_a_sentence_from_an_undefined_number(outcome, regress_site):
    """Folds that are sites, an unseen site at the reference or none among the confounds."""
    verdict, table, _ = judged(*site_run(outcome=outcome, regress_site=regress_site))
    assert not any("nan" in v["text"].lower().split() for v in verdict)
    assert not any(re.search(r"\bnan\b", v["text"]) for v in verdict)
    swapped = table.query("check == 'outcome, labels swapped'")
    assert swapped[["value", "reference", "p_raw"]].notna().all().all()


def test_a_batch_that_is_one_site_is_read_too():
    """Folds are sites, and a second column follows them: a label of one fold is never trained."""
    recipe, participants, *rest = site_run(planted=4.0)
    participants["batch"] = participants["site"].replace({"south": "north"})
    verdict, table, _ = judged(recipe, participants, *rest)
    rows = table.query("check == 'decodability' and target == 'batch' and block == 'brain'")
    assert (rows["scheme"] == OWN_FOLDS).all()
    assert about(verdict, "batch can be read from block brain")


def test_folds_show_a_label_where_every_fold_mixes_it():
    folds = np.repeat([0, 1, 2], 20)
    assert shows(folds, np.tile(["a", "b"], 30))
    assert not shows(folds, np.repeat(["a", "b", "c"], 20))
    once = np.tile(["a", "b"], 30).astype(object)
    once[:5] = "c"  # of one fold alone
    assert not shows(folds, once)
    # One test set, as after a cut in time: it mixes the labels, or it does not.
    late = np.where(np.arange(60) < 30, -1, 0)
    assert shows(late, np.tile(["a", "b"], 30))
    assert not shows(late, np.where(np.arange(60) < 30, "a", "b"))


# --- parts of the outcome -------------------------------------------------------------------------


def with_scales(draw, seed=0, n=200):
    """The toy cohort with a block that tells its diagnosis in the place of brain."""
    participants, features, quality, rates = batched(seed=seed, n=n)
    y, X = draw
    participants["diagnosis"] = y
    names = [f"smri__thickness__S{j}" for j in range(X.shape[1])]
    features["smri"] = pd.DataFrame(X, participants.index, names)
    return participants, features, quality, rates


@pytest.mark.parametrize("auc", [0.80, 0.95])
def test_symptom_scales_are_named(auc):
    draw = draw_scales(SymptomScales(n=200, auc=auc), 1)
    verdict, table, _ = judged(audited_recipe(), *with_scales(draw))
    [said] = about(verdict, "as the scales of a diagnosis are")
    assert said["level"] == "caution"
    assert said["text"].startswith("Block brain tells diagnosis with AUC")
    block = table.query("check == 'block against outcome' and block == 'brain'").iloc[0]
    assert block["value"] == pytest.approx(auc, abs=0.09)


@pytest.mark.parametrize("auc", [0.90, 0.975])
def test_a_block_that_predicts_as_well_is_not(auc):
    draw = draw_diffuse(DiffuseBlock(n=200, auc=auc), 1)
    verdict, table, _ = judged(audited_recipe(), *with_scales(draw))
    block = table.query("check == 'block against outcome' and block == 'brain'").iloc[0]
    assert block["value"] > {0.90: 0.75, 0.975: 0.88}[auc]
    assert not about(verdict, "possibly part of")
    assert [v["level"] for v in about(verdict, "Block brain (AUC")] == ["ok"]


def test_a_feature_that_is_the_diagnosis_is_named():
    participants, features, quality, rates = batched()
    own = features["genomics"].columns[7]
    flips = np.random.default_rng(0).random(300) < 0.04
    features["genomics"][own] = np.where(
        flips, 1 - participants["diagnosis"], participants["diagnosis"]
    ) + 0.01 * np.random.default_rng(1).normal(size=300)
    verdict, *_ = judged(audited_recipe(), participants, features, quality, rates)
    [said] = about(verdict, f"{own} of block gene alone tells diagnosis")
    assert said["level"] == "caution"


def test_genes_above_what_heritability_allows_are_named():
    participants, features, quality, rates = batched()
    own = features["genomics"].columns[[0, 4, 9]]
    features["genomics"][own] = features["genomics"][own].add(
        1.3 * participants["diagnosis"], axis=0
    )
    recipe = audited_recipe()
    outcome = recipe.dataset.tables["participants"].columns["diagnosis"]
    known = outcome.model_copy(update={"heritability": 0.09, "prevalence": 0.15})
    recipe.dataset.tables["participants"].columns["diagnosis"] = known
    verdict, *_ = judged(recipe, participants, features, quality, rates)
    [said] = about(
        verdict, "no genetic predictor exceeds 0.65 (heritability 0.09, prevalence 0.15)"
    )
    assert said["level"] == "caution"
    # Nothing is stated of reliability, and nothing of the heritability of what brain tells.
    assert [v["level"] for v in about(verdict, "reliability of diagnosis")] == ["not told"]
    assert not any("heritab" in v["text"] for v in about(verdict, "Block brain"))


# --- people who are not strangers -----------------------------------------------------------------


def with_households(alike, seed=0):
    participants, features, quality, rates = batched(seed=seed)
    rng = np.random.default_rng(seed + 50)
    household = rng.permutation(300) // 3
    shared = rng.normal(size=(100, features["smri"].shape[1]))[household]
    features["smri"] += alike * 2 * shared
    participants["household"] = [f"h{h}" for h in household]
    recipe = audited_recipe(exchangeability=None, folds={"scheme": "stratified", "n_splits": 4})
    columns = recipe.dataset.tables["participants"].columns
    columns["household"] = Column(name="household", type="category", role="group")
    return recipe, participants, features, quality, rates


def test_households_that_are_alike_and_undeclared_are_named():
    verdict, *_ = judged(*with_households(1.0))
    [said] = about(verdict, "People of one household")[:1]
    assert said["level"] == "caution"
    assert "(100 levels, 300 pairs) are alike in block brain" in said["text"]
    assert "Should folds keep these together?" in said["text"]


def test_households_of_strangers_are_not():
    verdict, table, _ = judged(*with_households(0.0))
    assert {v["level"] for v in about(verdict, "household")} <= {"ok", "not told"}
    rows = table.query("check == 'likeness in small groups' and target == 'household'")
    assert rows["block"].tolist() == ["gene", "brain"]


def test_declared_households_are_no_question():
    recipe, *rest = with_households(1.0)
    experiment = recipe.experiment.model_copy(update={"exchangeability": "household"})
    verdict, table, _ = judged(recipe.model_copy(update={"experiment": experiment}), *rest)
    assert not about(verdict, "People of one household")
    assert not (table["target"] == "household").any()


def test_copies_that_keep_their_label_show_when_the_outcome_means_nothing(monkeypatch):
    """Families change places as wholes; folds that take them apart know their labels."""
    monkeypatch.setattr(refits, "REFITS", ALL_REFITS)
    participants, features, quality, rates = batched(seed=3)
    rng = np.random.default_rng(0)
    family = np.arange(300) // 3
    for modality in ("smri", "genomics"):
        frame = features[modality]
        shared = 6 * rng.normal(size=(100, frame.shape[1]))[family]
        features[modality] = frame + shared
    participants["family_id"] = [f"f{f}" for f in family]
    participants["diagnosis"] = rng.permutation(np.arange(100) % 2).astype(float)[family]
    recipe = audited_recipe(folds={"scheme": "stratified", "n_splits": 4})
    verdict, table, _ = judged(recipe, participants, features, quality, rates)
    row = table.query("check == 'outcome relabelled, model refitted'").iloc[0]
    assert row["value"] > 0.6
    assert row["detail"] == "30 refits of linear in each fold"
    assert about(verdict, "Fitted again on relabelled diagnosis")[0]["level"] == "artefact"
    together = audited_recipe()
    verdict, table, _ = judged(together, participants, features, quality, rates)
    row = table.query("check == 'outcome relabelled, model refitted'").iloc[0]
    assert abs(row["value"] - 0.5) < 0.06
    assert about(verdict, "Fitted again on relabelled diagnosis")[0]["level"] != "artefact"


def test_outcome_that_a_site_shares_unevenly_is_said_and_a_score_too():
    participants, features, quality, rates = batched(tilt=0.25)
    verdict, table, _ = judged(audited_recipe(), participants, features, quality, rates)
    [said] = about(verdict, "batch shares diagnosis unevenly")
    assert said["level"] == "caution"
    assert "it is not among the confounds" in said["text"]
    participants["score"] += 1.5 * (participants["batch"] == "B3")
    recipe = audited_recipe(outcome="score", associations=[])
    verdict, table, _ = judged(recipe, participants, features, quality, rates)
    row = table.query("check == 'batch by outcome' and target == 'batch'").iloc[0]
    assert row["unit"] == "eta"
    assert about(verdict, "batch shares score unevenly (eta")


def test_thousands_of_people_are_looked_through_without_a_table_of_pairs(monkeypatch):
    monkeypatch.setattr(relatives, "MAX_RELATED", 50)
    haplotypes = carried()
    cohort = pd.DataFrame(index=sorted(haplotypes["sample"].unique()))
    places = {"folds": np.arange(120) % 2, "families": np.arange(120)}
    tiled = relative_rows(cohort, haplotypes, places)
    monkeypatch.setattr(relatives, "MAX_RELATED", 2000)
    assert pd.DataFrame(tiled).equals(pd.DataFrame(relative_rows(cohort, haplotypes, places)))


def test_of_more_genotypes_than_can_be_paired_the_rest_is_not_told(monkeypatch):
    def drawn(n):
        return np.arange(n) if n <= 80 else np.sort(np.random.default_rng(0).choice(n, 80, False))

    monkeypatch.setattr(relatives, "paired_subjects", drawn)
    monkeypatch.setattr(relatives, "MAX_RELATED", 50)
    haplotypes = carried()
    cohort = pd.DataFrame(index=sorted(haplotypes["sample"].unique()))
    found = relative_rows(cohort, haplotypes, {"folds": np.arange(120) % 2})
    untold = [r for r in found if "of the rest" in r["detail"]]
    assert {r["check"] for r in untold} == {"same person across folds", "relatives across folds"}
    assert all(np.isnan(r["value"]) for r in untold)
    assert all(
        r["detail"].endswith("pairs of 80 subjects, drawn from 120, were looked at") for r in untold
    )


def test_features_of_thousands_are_looked_through_whole_and_the_row_says_how_surely():
    """Copies and people measured again among 6,000, and none where none was planted."""
    rng = np.random.default_rng(0)
    features = pd.DataFrame(
        rng.normal(size=(6000, 30)), columns=[f"smri__thickness__R{j}" for j in range(30)]
    )
    folds = np.arange(6000) % 5
    clean = repeat_row("brain", features, folds)
    assert clean["value"] == 0
    assert clean["detail"] == "equal rows are all found, near ones all but one in 100,000"
    features.iloc[1:401:2] = features.iloc[0:400:2].to_numpy()
    features.iloc[1001:1401:2] = features.iloc[1000:1400:2].to_numpy() + 0.03 * rng.normal(
        size=(200, 30)
    )
    assert repeat_row("brain", features, folds)["value"] == 400


def test_wave_that_a_block_gives_away_is_said_and_one_it_does_not_is_not():
    """Two visits of every child: families as wholes move no wave, visits inside a child do."""
    for drift in (0.0, 1.5):
        participants, features, quality, rates = batched()
        rng = np.random.default_rng(4)
        child = np.arange(300) // 2
        participants["wave"] = np.where(np.arange(300) % 2 == 0, "w1", "w2")
        participants["family_id"] = [f"c{c}" for c in child]
        shared = rng.normal(size=(150, features["smri"].shape[1]))[child]
        features["smri"] = features["smri"] + shared
        features["smri"].iloc[1::2, :3] += drift
        recipe = audited_recipe()
        columns = recipe.dataset.tables["participants"].columns
        columns["wave"] = Column(name="wave", type="category", role="wave")
        verdict, table, _ = judged(recipe, participants, features, quality, rates)
        rows = table.query("check == 'decodability' and target == 'wave'")
        assert rows[["value", "p_raw", "p_adjusted", "seen"]].notna().all().all()
        told = about(verdict, "wave can be read from block brain")
        assert [v["level"] for v in told][:1] == (["caution"] if drift else [])
        # A wave is no batch that labels are swapped in.
        assert not (table.query("check == 'batch by outcome'")["target"] == "wave").any()
