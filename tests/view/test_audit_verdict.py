"""What the audit concludes, sentence by sentence, on tables in which every number is another."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.pipelines.integration.analyses.audit import harmonization, verdict
from neurogenomics_kb.pipelines.integration.analyses.audit.checks import ADJUSTED, UNADJUSTED
from neurogenomics_kb.pipelines.integration.analyses.audit.table import (
    AUDIT,
    FEW,
    FREELY,
    ONE_ROW,
    WITHIN,
)
from neurogenomics_kb.registry.cards import HarmonizationMethod
from tests.pipelines.conftest import make_recipe
from tests.view.tables import NAN, Numbers, rows_of

TEXTS = ("check", "block", "target", "scheme", "unit", "detail")


def table(*rows):
    """An audit of these rows; texts that a row does not name are empty, numbers never repeat."""
    return rows_of(AUDIT, Numbers(), *(dict.fromkeys(TEXTS, "") | row for row in rows))


def caution(text):
    return {"level": "caution", "text": text}


def not_told(text):
    return {"level": "not told", "text": text}


def ok(text):
    return {"level": "ok", "text": text}


def artefact(text):
    return {"level": "artefact", "text": text}


def score_recipe():
    return make_recipe(outcome="score", analyses=["prediction"], associations=[])


# Units that are missing by batch.

G1 = {"block": "gene", "target": "batch", "unit": "G1"}
ELSEWHERE = (G1 | {"block": "brain"}, G1 | {"target": "site"}, G1 | {"unit": "G2"})
LOSS, FIXED = "unit loss without it", "unit loss without it, batch held fixed"
ALONE, INSIDE = "unit alone", "unit alone, batch held fixed"
MISSING, SHARE = "missing calls by batch", "share of outcome classes"
GOES = "unit loss that goes with the batch"


def others_first(*checks):
    """The same checks of another block, column, unit and variant, which no sentence may read."""
    places = [place | {"detail": UNADJUSTED} for place in ELSEWHERE] + [G1 | {"detail": ADJUSTED}]
    return [place | {"check": check, "value": 0.9} for place in places for check in checks]


def unit_table(alone=0.661, loss=0.031, fixed=0.012, inside=0.523, shares=(0.71, 0.22), left=0.514):
    rows = [G1 | {"check": MISSING, "value": 0.834, "reference": 0.043, "detail": "b2"}]
    rows += others_first(LOSS, FIXED, INSIDE)
    rows += [row for row in others_first(ALONE) if row["detail"] == UNADJUSTED]
    # Shares of another level, of another column, and another check of the same.
    rows += [
        {"check": SHARE, "target": "batch", "unit": "b1", "value": 0.1, "reference": 0.1},
        {"check": SHARE, "target": "site", "unit": "b2", "value": 0.1, "reference": 0.1},
        {"check": "other", "target": "batch", "unit": "b2", "value": 0.1, "reference": 0.1},
    ]
    if shares:
        rows.append({"check": SHARE, "target": "batch", "unit": "b2", "value": shares[0],
                     "reference": shares[1]})  # fmt: skip
    rows += [
        G1 | {"check": c, "value": v, "detail": UNADJUSTED}
        for c, v in ((LOSS, loss), (FIXED, fixed), (ALONE, alone), (INSIDE, inside))
    ]
    if left is not None:
        rows.append(G1 | {"check": ALONE, "value": left, "detail": ADJUSTED})
        rows.append(G1 | {"check": "other", "value": 0.9, "detail": ADJUSTED})
    return table(*rows)  # fmt: skip


START = "G1: 83% of its data is missing in batch b2 and 4% elsewhere."
SHARES = " 71% of cases and 22% of controls are in b2."
WORTH = (
    " Leaving it out loses 0.03 AUROC overall and 0.01 among subjects of one batch; alone it "
    "reaches 0.66 overall and 0.52 among them."
)
NOTHING = " It tells nothing of the outcome."
UNEXPLAINED = " What it tells is not explained by batch."
ARTEFACT = " Its signal is missingness by batch, not sequence."


def test_unit_whose_signal_is_missingness():
    text = START + SHARES + WORTH + ARTEFACT
    left = " With the card's confounds regressed out it reaches 0.51 alone."
    assert verdict.unit_sentences(unit_table()) == [artefact(text + left)]
    # A filter of the fold may have dropped it there.
    assert verdict.unit_sentences(unit_table(left=None)) == [artefact(text)]


def test_unit_whose_signal_is_not_explained():
    sentences = verdict.unit_sentences(unit_table(inside=0.6, left=0.9))
    worth = WORTH.replace("0.52 among", "0.60 among")
    assert sentences == [caution(START + SHARES + worth + UNEXPLAINED)]


def test_unit_in_batches_too_small_to_count():
    # Cases and controls of small batches are not counted, so nothing is known of their shares.
    assert verdict.unit_sentences(unit_table(shares=None)) == [caution(START + WORTH + UNEXPLAINED)]


def test_unit_that_tells_nothing():
    sentences = verdict.unit_sentences(unit_table(alone=0.51, loss=0.0))
    assert sentences == [caution(START + SHARES + NOTHING)]


def concluded(**numbers):
    [sentence] = verdict.unit_sentences(unit_table(**numbers))
    ends = (NOTHING, UNEXPLAINED, ARTEFACT)
    [end] = [end for end in ends if end in sentence["text"]]
    assert sentence["level"] == ("artefact" if end == ARTEFACT else "caution")
    return end


@pytest.mark.parametrize(
    ("end", "numbers"),
    [
        # Worth explaining: 0.05 above chance alone, or 0.02 lost without it.
        (NOTHING, {"alone": 0.5499, "loss": 0.0199, "inside": 0.5}),
        (ARTEFACT, {"alone": 0.5501, "loss": 0.0, "inside": 0.5}),
        (ARTEFACT, {"alone": 0.5, "loss": 0.02, "inside": 0.5}),
        # Cases and controls share the batch unevenly, either way.
        (UNEXPLAINED, {"shares": (0.5, 0.4501)}),
        (UNEXPLAINED, {"shares": (0.4501, 0.5)}),
        (ARTEFACT, {"shares": (0.5, 0.4499)}),
        (ARTEFACT, {"shares": (0.4499, 0.5)}),
        # Holding the batch fixed takes half of the AUC beyond chance away …
        (ARTEFACT, {"alone": 0.75, "inside": 0.625}),
        (UNEXPLAINED, {"alone": 0.75, "inside": 0.626}),
        # … and half of the loss, or all but 0.02 of it.
        (ARTEFACT, {"loss": 0.0625, "fixed": 0.03125}),
        (UNEXPLAINED, {"loss": 0.0625, "fixed": 0.0313}),
        (ARTEFACT, {"loss": 0.03, "fixed": 0.02}),
        (UNEXPLAINED, {"loss": 0.03, "fixed": 0.0201}),
    ],
)
def test_edges_of_a_unit(end, numbers):
    assert concluded(**numbers) == end


def test_edges_of_a_unit_belong_to_the_finding(monkeypatch):
    # 0.55 - 0.5 is no 0.05 in binary, so the edge itself is tested at one that is exact.
    monkeypatch.setattr(verdict, "ALONE", 0.0625)
    monkeypatch.setattr(verdict, "UNEVEN", 0.0625)
    assert concluded(alone=0.5625, loss=0.0, inside=0.5) == ARTEFACT
    assert concluded(shares=(0.5625, 0.5)) == ARTEFACT


def test_units_that_were_not_looked_at_are_counted():
    looked_at = unit_table(alone=0.51, loss=0.0)
    more = [G1 | {"check": MISSING, "unit": unit} for unit in ("G7", "G8")]
    # The same name in another block, or by another column, is another unit.
    more += [place | {"check": MISSING} for place in ELSEWHERE[:2]]
    rows = table(*more, *looked_at.to_dict("records"))
    # What was looked at elsewhere does not count for here.
    rows = rows[~((rows["check"] == ALONE) & (rows["block"] == "brain"))]
    rows = rows[~((rows["check"] == ALONE) & (rows["target"] == "site"))]
    assert verdict.unit_sentences(rows) == [
        caution(START + SHARES + NOTHING),
        caution(
            "4 units more are missing more often in one batch than others; the table of the audit "
            "has them."
        ),
    ]


# Units whose loss goes with a batch, their calls complete.


def loss_table(loss=0.061, fixed=0.022, value=0.039, reference=0.011):
    rows = others_first(LOSS, FIXED)
    rows = [r for r in rows if r["detail"] == UNADJUSTED]
    rows += [G1 | {"check": c, "value": 0.9, "detail": UNADJUSTED} for c in (LOSS, FIXED, GOES)]
    rows += [
        G1 | {"check": LOSS, "value": loss, "detail": ADJUSTED},
        G1 | {"check": FIXED, "value": fixed, "detail": ADJUSTED},
        G1 | {"check": GOES, "value": value, "reference": reference, "detail": ADJUSTED},
    ]
    return table(*rows)  # fmt: skip


GOES_WITH = (
    "G1: leaving it out loses 0.06 AUROC overall and 0.02 among subjects of one batch: most of it "
    "goes with batch."
)


def test_loss_that_goes_with_a_batch():
    assert verdict.batch_sentences(loss_table()) == [caution(GOES_WITH)]


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        (True, {"loss": 0.02, "fixed": 0.01}),
        (False, {"loss": 0.0199, "fixed": 0.001}),
        (True, {"loss": 0.0625, "fixed": 0.03125}),
        (False, {"loss": 0.0625, "fixed": 0.0313}),
        # Beyond 2.33 standard errors.
        (True, {"value": 0.0234, "reference": 0.01}),
        (False, {"value": 0.0232, "reference": 0.01}),
        (False, {"value": 2.33, "reference": 1.0}),
    ],
)
def test_edges_of_a_loss(said, numbers):
    assert bool(verdict.batch_sentences(loss_table(**numbers))) == said


def test_loss_of_a_unit_that_is_missing_by_batch_is_spoken_of_once():
    rows = loss_table().to_dict("records")
    second = [row | {"unit": "G3"} for row in rows if row["unit"] == "G1"]
    gone = {"check": MISSING, "target": "batch"}
    # Missing in the block is what counts, not a unit of this name in another block.
    found = table(G1 | gone, {"block": "brain", "unit": "G3"} | gone, *rows, *second)
    assert verdict.batch_sentences(found) == [caution(GOES_WITH.replace("G1", "G3"))]


# Gaps that tell the outcome.


@pytest.mark.parametrize(
    ("recipe", "edge", "measure"),
    [(make_recipe(), 0.60, "AUC"), (score_recipe(), 0.20, "r")],
    ids=["classes", "score"],
)
def test_gaps_that_tell_the_outcome(recipe, edge, measure):
    alone = {"check": "missingness alone", "target": "the outcome"}
    found = table(
        alone | {"block": "one", "value": edge, "p_raw": 0.01},
        alone | {"block": "two", "value": edge + 0.12, "p_raw": 0.002},
        alone | {"block": "three", "value": edge - 0.0001, "p_raw": 0.002},
        alone | {"block": "four", "value": 0.9, "p_raw": 0.0101},
        {"check": "other", "block": "five", "value": 0.9, "p_raw": 0.002},
    )
    assert verdict.missingness_sentences(recipe, found) == [
        caution(
            f"Which data of block {block} is missing tells the outcome by itself ({measure} "
            f"{value:.2f}): filled gaps carry that over to the block."
        )
        for block, value in (("one", edge), ("two", edge + 0.12))
    ]


# Repeats and relatives.

REPEATS, SAME_PERSON = "duplicates across folds", "same person across folds"
RELATIVES, FAMILIES = "relatives across folds", "relatives across families"
CLEAN = ok("No subject's features occur on both sides of a fold boundary.")


def test_repeats_and_relatives():
    found = table(
        {"check": REPEATS, "block": "gene", "value": 10.0},
        {"check": REPEATS, "block": "brain", "value": NAN, "detail": FEW},
        {"check": REPEATS, "block": "clean", "value": 0.0},
        {"check": SAME_PERSON, "value": 11.0},
        {"check": RELATIVES, "value": 12.0, "detail": "ancestry unknown"},
        {"check": FAMILIES, "value": 1.0},
        {"check": "other", "value": 13.0},
    )
    assert verdict.duplicate_sentences(found) == [
        artefact(
            "10 pairs of subjects have the same features of block gene on both sides of a fold "
            "boundary: the same data, or person, under two ids."
        ),
        artefact(
            "Fewer than 10 pairs of subjects have the same features of block brain on both sides "
            "of a fold boundary: the same data, or person, under two ids."
        ),
        artefact(
            "11 pairs of subjects carry the same genotypes on both sides of a fold boundary: one "
            "person, or twins, under two family ids."
        ),
        caution(
            "12 pairs of subjects are close relatives by their sequences, on both sides of a fold "
            "boundary: give them one family."
        ),
        caution(
            "Fewer than 10 pairs of subjects are close relatives by their sequences, with two "
            "family ids: permutations take them as independent."
        ),
    ]


def test_repeats_that_cannot_be_told():
    found = table(
        {"check": REPEATS, "block": "brain", "value": 0.0},
        {"check": REPEATS, "block": "gene", "value": NAN, "detail": "not told, for this"},
        {"check": REPEATS, "block": "scales", "value": NAN, "detail": f"30 {ONE_ROW}: a floor"},
        {"check": SAME_PERSON, "value": NAN, "detail": "not told, for that"},
        {"check": FAMILIES, "value": NAN, "detail": "not told, as for folds"},
        {"check": RELATIVES, "value": 0.0, "detail": "ancestry unknown"},
    )
    assert verdict.duplicate_sentences(found) == [
        CLEAN,
        not_told("Duplicates across folds, block gene: not told, for this."),
        caution(f"Duplicates across folds, block scales: 30 {ONE_ROW}: a floor."),
        not_told("Same person across folds: not told, for that."),
    ]


def test_clean_is_said_only_where_it_was_told():
    # Relatives were looked for, duplicates could not be.
    untold = {"check": REPEATS, "block": "gene", "value": NAN, "detail": "not told"}
    clean = table(untold, {"check": SAME_PERSON, "value": 0.0})
    assert verdict.duplicate_sentences(clean) == [
        not_told("Duplicates across folds, block gene: not told.")
    ]
    assert verdict.duplicate_sentences(table({"check": "other"})) == []
    assert verdict.duplicate_sentences(table({"check": REPEATS, "value": 0.0})) == [CLEAN]


# Folds, sites and batches.


def test_blocks_that_tell_the_fold():
    fold = {"check": "which fold", "target": "fold", "p_raw": 0.003}
    found = table(
        fold | {"block": "gene", "value": 0.6, "p_raw": 0.01},
        fold | {"block": "brain", "value": 0.712, "detail": "expected: folds are sites"},
        fold | {"block": "low", "value": 0.599},
        fold | {"block": "chance", "value": 0.9, "p_raw": 0.0101},
        {"check": "other", "block": "other", "value": 0.9, "p_raw": 0.001},
    )
    assert verdict.fold_sentences(found) == [
        caution(
            "Block gene tells the fold a subject is in (AUC 0.60): folds differ in more than "
            "chance."
        ),
        ok("Block brain tells the fold a subject is in (AUC 0.71); expected: folds are sites."),
    ]
    none = found[found["block"].isin(["low", "chance", "other"])]
    assert verdict.fold_sentences(none) == [ok("No block tells which fold a subject is in.")]
    assert verdict.fold_sentences(none[none["block"] == "other"]) == []


def test_sites_that_can_be_read():
    read = {"check": "decodability", "block": "gene", "target": "site", "p_raw": 0.003}
    before = {"detail": UNADJUSTED}
    after = {"detail": ADJUSTED}
    found = table(
        read | before | {"block": "brain", "value": 0.98},
        read | before | {"target": "batch", "value": 0.97},
        {"check": "other", "block": "gene", "target": "site", "value": 0.96} | before,
        read | before | {"value": 0.83},
        read | after | {"value": 0.6, "p_raw": 0.01},
        read | after | {"block": "brain", "value": 0.64},
        read | after | {"block": "low", "value": 0.599},
        read | after | {"block": "chance", "value": 0.9, "p_raw": 0.0101},
        {"check": "other", "block": "gene", "value": 0.9, "p_raw": 0.001} | after,
    )
    assert verdict.decodability_sentences(found) == [
        caution(
            "site can be read from block gene: AUC 0.60 after its confounds are regressed out, "
            "0.83 before."
        ),
        caution(
            "site can be read from block brain: AUC 0.64 after its confounds are regressed out, "
            "0.98 before."
        ),
    ]
    none = found[found["block"].isin(["low", "chance"])]
    clean = ok(
        "Neither site nor batch can be read from a block once its confounds are regressed out."
    )
    assert verdict.decodability_sentences(none) == [clean]
    assert verdict.decodability_sentences(none.head(1)) == [clean]
    assert verdict.decodability_sentences(found[found["detail"] == UNADJUSTED]) == []


def unknown(what):
    return not_told(f"Whether {what} is not known: no test fold holds two kinds to tell apart.")


def test_what_no_fold_could_show_is_not_called_clean():
    fold = {"check": "which fold", "target": "fold"}
    found = table(fold | {"block": "gene", "value": NAN}, fold | {"block": "b", "value": 0.52})
    assert verdict.fold_sentences(found) == [unknown("block gene tells the fold")]

    site = {"check": "decodability", "target": "site", "detail": ADJUSTED}
    rows = [
        site | {"block": "gene", "value": NAN},
        site | {"block": "gene", "value": NAN, "detail": UNADJUSTED},
        site | {"block": "brain", "value": 0.52, "p_raw": 0.3},
    ]
    said = unknown("site can be read from block gene")
    assert verdict.decodability_sentences(table(*rows)) == [said]
    read = [
        site | {"block": "dti", "value": 0.71, "p_raw": 0.004},
        site | {"block": "dti", "value": 0.82, "p_raw": 0.004, "detail": UNADJUSTED},
    ]
    assert verdict.decodability_sentences(table(*rows, *read)) == [
        caution(
            "site can be read from block dti: AUC 0.71 after its confounds are regressed out, "
            "0.82 before."
        ),
        said,
    ]

    gaps = {"check": "missingness alone", "block": "gene", "target": "mdd", "value": NAN}
    assert verdict.missingness_sentences(make_recipe(), table(gaps)) == [
        unknown("missing data of block gene tells mdd")
    ]


@pytest.mark.parametrize("check", ["missingness alone", "which fold", "decodability"])
def test_too_few_permutations_are_said_instead_of_a_clean_bill(check):
    line = {"check": check, "block": "gene", "target": "x", "value": 0.9, "p_raw": 0.0102}
    found = table(line | {"detail": ADJUSTED})
    few, enough = (recipe_with_permutations(n) for n in (98, 99))
    assert verdict.judge_audit(few, found) == [
        not_told(
            "With 98 permutations no p-value reaches 0.01: whether sites, batches, folds or "
            "missing data can be read from a block, or tell the outcome, was not tested. Run at "
            "least 99."
        )
    ]
    assert "not told" not in {s["level"] for s in verdict.judge_audit(enough, found)}
    assert verdict.blind_sentences(few, table({"check": "which one"})) == []


def recipe_with_permutations(n):
    recipe = make_recipe()
    experiment = recipe.experiment.model_copy(update={"n_permutations": n})
    return recipe.model_copy(update={"experiment": experiment})


# Labels swapped within sites and batches.

GENE = {"check": "outcome, labels swapped", "block": "gene", "detail": "variant A"}
CLEAN_SWAP = ok("Swapping labels within sites and batches leaves no performance.")


def swap_table(chance, free_p=0.004, **inside):
    within = {"scheme": WITHIN, "value": 0.93, "p_raw": 0.011, "reference": chance + 0.01}
    return table(
        # Another check, another variant and another block come first.
        {"check": "other", "block": "gene", "detail": "variant A", "scheme": FREELY, "p_raw": 0.9},
        GENE | within | {"block": "brain", "target": "site"},
        GENE | {"block": "brain", "scheme": FREELY, "value": 0.81, "p_raw": 0.9},
        GENE | within | {"detail": "variant B", "target": "site"},
        GENE | {"detail": "variant B", "scheme": FREELY, "value": 0.82, "p_raw": 0.9},
        GENE | within | {"target": "site"},
        GENE | within | {"target": "batch"} | inside,
        GENE | {"scheme": FREELY, "value": 0.71, "p_raw": free_p, "reference": 0.9,
                "target": "diagnosis"},
    )  # fmt: skip


RECIPES = pytest.mark.parametrize(
    ("recipe", "chance"),
    [(make_recipe(), 0.5), (score_recipe(), 0.0)],
    ids=["classes", "score"],
)


@RECIPES
def test_performance_that_the_batch_alone_gives(recipe, chance):
    found = swap_table(chance, reference=chance + 0.14)
    outcome = recipe.experiment.outcome
    assert verdict.swap_sentences(recipe, found) == [
        caution(
            f"Block gene (variant A) reaches {chance + 0.14:.2f} on {outcome} with labels swapped "
            "within batch, and 0.71 with the true ones: batch alone tells that much."
        )
    ]


def test_blocks_are_judged_in_the_order_of_the_table():
    found = swap_table(0.5).assign(reference=0.64)
    said = [s["text"] for s in verdict.swap_sentences(make_recipe(), found)]
    starts = ["brain (variant A)", "gene (variant B)", "gene (variant A)", "gene (variant A)"]
    assert len(said) == len(starts)
    for text, start in zip(said, starts, strict=True):
        assert text.startswith(f"Block {start} reaches 0.64")


@RECIPES
def test_performance_that_is_not_told_from_chance_inside_batches(recipe, chance):
    found = swap_table(chance, p_raw=0.0501)
    assert verdict.swap_sentences(recipe, found) == [
        caution(
            f"What block gene (variant A) tells of {recipe.experiment.outcome} (0.71) is not told "
            "apart from chance once labels are swapped within batch."
        )
    ]


@RECIPES
@pytest.mark.parametrize(
    ("said", "free_p", "inside"),
    [
        (False, 0.004, {"p_raw": 0.05}),
        (True, 0.01, {"p_raw": 0.0501}),
        (False, 0.0101, {"p_raw": 0.0501}),
        (False, 0.004, {"shift": 0.0499}),
        (True, 0.004, {"shift": 0.0501}),
    ],
)
def test_edges_of_swapping(recipe, chance, said, free_p, inside):
    if "shift" in inside:
        inside = {"reference": chance + inside["shift"]}
    sentences = verdict.swap_sentences(recipe, swap_table(chance, free_p, **inside))
    assert (sentences != [CLEAN_SWAP]) == said


def test_edge_of_swapping_belongs_to_the_finding():
    found = swap_table(0.0, reference=0.05)
    assert verdict.swap_sentences(score_recipe(), found) != [CLEAN_SWAP]


def test_nothing_swapped_within_is_not_called_clean():
    found = swap_table(0.5)
    assert verdict.swap_sentences(make_recipe(), found) == [CLEAN_SWAP]
    # A cohort without sites and batches, or whose labels cannot change places inside them.
    free = found[found["scheme"] == FREELY]
    assert verdict.swap_sentences(make_recipe(), free) == []
    assert verdict.swap_sentences(make_recipe(), found.head(0)) == []
    other = found[found["block"] == "gene"].assign(check="other")
    assert verdict.swap_sentences(make_recipe(), other) == []


# Blocks beside the covariates.


def model_table(covariates=0.61, joint=0.66, value=0.58, left_in=0.59, **more):
    model = {"check": "model", "target": "auroc"}
    rows = [
        {"check": "other", "block": "covariates", "value": 0.99},
        {"check": "other", "block": "gene", "value": 0.98},
        model | {"block": "covariates", "value": covariates},
        model | {"block": "brain", "value": value, "reference": left_in},
        model | {"block": "brain + covariates", "value": joint},
        model | {"block": "gene", "value": 0.56, "reference": 0.57},
        model | {"block": "gene + covariates", "value": 0.67},
    ]
    return table(*(row for row in rows if row["block"] not in more.get("without", ())))


def brain_of(found):
    return verdict.covariate_sentences(make_recipe(), found)[-1]


def test_blocks_beside_the_covariates():
    gene = ok(
        "Block gene: 0.56 with its confounds regressed out, 0.57 with them left in; covariates "
        "alone 0.61, both together 0.67."
    )
    brain = (
        "Block brain: 0.58 with its confounds regressed out, 0.59 with them left in; covariates "
        "alone 0.61, both together 0.66."
    )
    assert verdict.covariate_sentences(make_recipe(), model_table()) == [gene, ok(brain)]
    # Regressing confounds out costs, or the block adds nothing.
    costs = caution(brain.replace("0.59", "0.64"))
    assert brain_of(model_table(left_in=0.64)) == costs
    assert brain_of(model_table(joint=0.60)) == caution(brain.replace("0.66", "0.60"))
    # A block that was not predicted from is passed over.
    assert verdict.covariate_sentences(make_recipe(), model_table(without=["gene"])) == [ok(brain)]
    assert verdict.covariate_sentences(make_recipe(), model_table(without=["covariates"])) == []


@pytest.mark.parametrize(
    ("level", "numbers"),
    [
        ("ok", {"value": 0.58, "left_in": 0.6299}),
        ("caution", {"value": 0.58, "left_in": 0.6301}),
        ("caution", {"value": 0.0, "left_in": 0.05}),
        ("caution", {"covariates": 0.61, "joint": 0.61}),
        ("ok", {"covariates": 0.61, "joint": 0.6101}),
    ],
)
def test_edges_of_the_covariates(level, numbers):
    assert brain_of(model_table(**numbers))["level"] == level


# Harmonization.


def harmonized_recipe():
    method = HarmonizationMethod(id="combat_v1", method="combat", modalities=["smri"])
    return make_recipe().model_copy(update={"harmonization": method})


def harmonized(value=0.31, reference=0.72, age=(0.41, 0.43), sex=(0.81, 0.83), chance=0.25):
    brain = {"check": "harmonization", "block": "brain"}
    return table(
        {"check": "other", "block": "brain", "target": "site", "value": 0.99, "chance": 0.01},
        brain | {"target": "age", "unit": "R²", "value": age[0], "reference": age[1],
                 "chance": 0.002},
        brain | {"target": "site", "unit": "balanced accuracy", "value": value, "chance": chance,
                 "reference": reference},
        brain | {"target": "sex", "unit": "AUC", "value": sex[0], "reference": sex[1],
                 "chance": 0.004},
    )  # fmt: skip


STILL = " Most of site is still there."
HARMONIZED = (
    "Block brain, combat_v1: site is told with balanced accuracy 0.31, 0.72 without it (chance "
    "0.25). age: R² 0.41, 0.43 without it. sex: AUC 0.81, 0.83 without it."
)


def said_of(found):
    return harmonization.harmonization_sentences(harmonized_recipe(), found)


def test_harmonization_that_did_what_it_should():
    assert said_of(harmonized()) == [ok(HARMONIZED)]


def test_harmonization_that_left_the_site():
    text = HARMONIZED.replace("0.31", "0.62")
    assert said_of(harmonized(value=0.62)) == [caution(text + STILL)]


def test_harmonization_that_lost_biology():
    text = HARMONIZED.replace("0.41", "0.21").replace("0.81", "0.61")
    lost = " What was to be kept is partly lost: "
    assert said_of(harmonized(age=(0.21, 0.43), sex=(0.61, 0.83))) == [
        caution(f"{text}{lost}age, sex.")
    ]
    one = HARMONIZED.replace("0.81", "0.61")
    assert said_of(harmonized(sex=(0.61, 0.83))) == [caution(f"{one}{lost}sex.")]


@pytest.mark.parametrize(
    ("level", "numbers"),
    [
        # Readable beyond 0.10 above chance, and by more than half of what was there.
        ("ok", {"value": 0.25 + 0.0999, "reference": 0.3}),
        ("caution", {"value": 0.25 + 0.1001, "reference": 0.3}),
        ("ok", {"value": 0.5, "reference": 0.75}),
        ("caution", {"value": 0.501, "reference": 0.75}),
        ("ok", {"value": 0.499, "reference": 0.75}),
        # More than 0.05 lost.
        ("ok", {"age": (0.0, 0.05)}),
        ("caution", {"age": (0.0, 0.0501)}),
        ("ok", {"age": (0.1, 0.05)}),
    ],
)
def test_edges_of_harmonization(level, numbers):
    [sentence] = said_of(harmonized(**numbers))
    assert sentence["level"] == level
    lost = "age" in numbers
    assert (STILL in sentence["text"]) == (level == "caution" and not lost)


def test_edge_of_a_readable_site_is_not_beyond_it():
    [sentence] = said_of(harmonized(value=0.1, reference=0.1, chance=0.0))
    assert sentence["level"] == "ok"
    assert STILL not in sentence["text"]


def test_several_blocks_and_an_earlier_harmonization():
    second = [row | {"block": "other"} for row in harmonized().to_dict("records")]
    found = table(
        *(row | {"check": "harmonization"} for row in second if row["check"] == "harmonization"),
        *harmonized(value=0.62).to_dict("records"),
        {"check": "external harmonization", "value": 0.0, "detail": "Done with ComBat."},
        {"check": "external harmonization", "value": 1.0, "detail": "Subjects trained it."},
    )
    assert said_of(found) == [
        ok("Done with ComBat."),
        caution("Subjects trained it."),
        ok(HARMONIZED.replace("Block brain", "Block other")),
        caution(HARMONIZED.replace("0.31", "0.62") + STILL),
    ]


# All together.


def everything():
    """An audit that finds something everywhere."""
    parts = [
        unit_table(),
        loss_table().replace("G1", "G9"),
        table(
            {"check": "missingness alone", "block": "gene", "target": "outcome", "value": 0.7,
             "p_raw": 0.001},
            {"check": REPEATS, "block": "gene", "value": 20.0},
            {"check": "which fold", "block": "gene", "value": 0.7, "p_raw": 0.001},
            {"check": "decodability", "block": "gene", "target": "site", "detail": UNADJUSTED},
            {"check": "decodability", "block": "gene", "target": "site", "detail": ADJUSTED,
             "value": 0.7, "p_raw": 0.001},
        ),
        swap_table(0.5, reference=0.64),
        model_table(),
        harmonized(value=0.62),
    ]  # fmt: skip
    return table(*(row for part in parts for row in part.to_dict("records")))


def test_every_check_is_judged_and_the_worst_stands_first():
    found = verdict.judge_audit(harmonized_recipe(), everything())
    starts = [
        ("artefact", "G1: 83%"),
        ("artefact", "20 pairs of subjects"),
        ("caution", "Block brain, combat_v1"),
        ("caution", "G9: leaving it out"),
        ("caution", "Which data of block gene"),
        ("caution", "Block gene tells the fold"),
        ("caution", "site can be read"),
        ("caution", "Block gene (variant A)"),
        ("ok", "Block gene: 0.56"),
        ("ok", "Block brain: 0.58"),
    ]
    assert [s["level"] for s in found] == [level for level, _ in starts]
    for sentence, (_, start) in zip(found, starts, strict=True):
        assert sentence["text"].startswith(start)


def test_harmonization_alone_is_sorted_and_claims_no_more():
    fine = [row | {"block": "fine"} for row in harmonized().to_dict("records")]
    found = table(*fine, *harmonized(value=0.62).to_dict("records"))
    found = found[found["check"] == "harmonization"]
    sentences = verdict.judge_audit(harmonized_recipe(), found)
    assert [(s["level"], s["text"][:11]) for s in sentences] == [
        ("caution", "Block brain"),
        ("ok", "Block fine,"),
    ]


def test_nothing_checked_is_nothing_said():
    assert verdict.judge_audit(make_recipe(), AUDIT.empty()) == []
    assert verdict.judge_audit(make_recipe(), table({"check": "batch by outcome"})) == []


def test_worst_stands_first_whatever_the_order_of_the_table():
    rng = np.random.default_rng(0)
    rows = everything()
    expected = {s["text"] for s in verdict.judge_audit(harmonized_recipe(), rows)}
    for _ in range(3):
        shuffled = rows.iloc[rng.permutation(len(rows))]
        sentences = verdict.judge_audit(harmonized_recipe(), shuffled)
        order = [verdict.LEVELS.index(s["level"]) for s in sentences]
        assert order == sorted(order)
        assert len(sentences) == len(expected)
    assert verdict.LEVELS == ("artefact", "caution", "not told", "ok")
