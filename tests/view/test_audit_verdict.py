"""What the audit concludes, sentence by sentence, on tables in which every number is another."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.pipelines.integration.analyses.audit import (
    harmonization,
    said_of_decoders,
    said_of_people,
    said_of_proxies,
    said_of_units,
    verdict,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.checks import ADJUSTED, UNADJUSTED
from neurogenomics_kb.pipelines.integration.analyses.audit.table import (
    AUDIT,
    FEW,
    FREELY,
    ONE_ROW,
    OWN_FOLDS,
    WITHIN,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.undeclared import CHECK as LIKENESS
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
    assert said_of_units.unit_sentences(unit_table()) == [artefact(text + left)]
    # A filter of the fold may have dropped it there.
    assert said_of_units.unit_sentences(unit_table(left=None)) == [artefact(text)]


def test_unit_whose_signal_is_not_explained():
    sentences = said_of_units.unit_sentences(unit_table(inside=0.6, left=0.9))
    worth = WORTH.replace("0.52 among", "0.60 among")
    assert sentences == [caution(START + SHARES + worth + UNEXPLAINED)]


def test_unit_in_batches_too_small_to_count():
    # Cases and controls of small batches are not counted, so nothing is known of their shares.
    assert said_of_units.unit_sentences(unit_table(shares=None)) == [
        caution(START + WORTH + UNEXPLAINED)
    ]


def test_unit_that_tells_nothing():
    sentences = said_of_units.unit_sentences(unit_table(alone=0.51, loss=0.0))
    assert sentences == [caution(START + SHARES + NOTHING)]


def concluded(**numbers):
    [sentence] = said_of_units.unit_sentences(unit_table(**numbers))
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
    monkeypatch.setattr(said_of_units, "ALONE", 0.0625)
    monkeypatch.setattr(said_of_units, "UNEVEN", 0.0625)
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
    assert said_of_units.unit_sentences(rows) == [
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
    assert said_of_units.batch_sentences(loss_table()) == [caution(GOES_WITH)]


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
    assert bool(said_of_units.batch_sentences(loss_table(**numbers))) == said


def test_loss_of_a_unit_that_is_missing_by_batch_is_spoken_of_once():
    rows = loss_table().to_dict("records")
    second = [row | {"unit": "G3"} for row in rows if row["unit"] == "G1"]
    gone = {"check": MISSING, "target": "batch"}
    # Missing in the block is what counts, not a unit of this name in another block.
    found = table(G1 | gone, {"block": "brain", "unit": "G3"} | gone, *rows, *second)
    assert said_of_units.batch_sentences(found) == [caution(GOES_WITH.replace("G1", "G3"))]


# Gaps that tell the outcome.


SURE = {"p_raw": 0.01, "p_adjusted": 0.002}


@pytest.mark.parametrize(
    ("recipe", "edge", "promised", "measure"),
    [(make_recipe(), 0.55, 0.60, "AUC"), (score_recipe(), 0.10, 0.20, "r")],
    ids=["classes", "score"],
)
def test_gaps_that_tell_the_outcome(recipe, edge, promised, measure):
    alone = {"check": "missingness alone", "target": "the outcome"} | SURE
    found = table(
        alone | {"block": "one", "value": edge},
        alone | {"block": "two", "value": edge + 0.12},
        # Too little, by chance over all blocks, by chance by relabelling.
        alone | {"block": "three", "value": edge - 0.0001, "seen": promised},
        alone | {"block": "four", "value": 0.9, "p_adjusted": 0.0021, "seen": promised - 0.02},
        alone | {"block": "five", "value": 0.9, "p_raw": 0.0101, "seen": promised + 0.0001},
        {"check": "other", "block": "six", "value": 0.9, "p_raw": 0.002},
    )
    assert said_of_decoders.missingness_sentences(recipe, found) == [
        *(
            caution(
                f"Which data of block {block} is missing tells the outcome by itself ({measure} "
                f"{value:.2f}): filled gaps carry that over to the block."
            )
            for block, value in (("one", edge), ("two", edge + 0.12))
        ),
        ok(
            "Which data of block three and four is missing does not tell the outcome: an "
            f"{measure} of {promised:.2f} would have been seen in 80 of 100 such cohorts."
        ),
        not_told(
            "Whether missing data of block five tells the outcome is open: nothing was found, but "
            f"it takes an {measure} of {promised:.2f} to be seen in 80 of 100 such cohorts, and "
            f"{promised:.2f} should be."
        ),
    ]


# Repeats and relatives.

REPEATS, SAME_PERSON = "duplicates across folds", "same person across folds"
RELATIVES, FAMILIES = "relatives across folds", "relatives across families"
TOGETHER = " Should folds keep these together?"


def clean_of(blocks):
    return ok(
        f"No subject's features of block {blocks} occur on both sides of a fold boundary: equal "
        "rows are always seen, a person measured again up to 1% of the squared distance of "
        "strangers."
    )


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
    assert said_of_people.duplicate_sentences(found) == [
        artefact(
            "10 pairs of subjects have the same features of block gene on both sides of a fold "
            "boundary: the same data, or person, under two ids." + TOGETHER
        ),
        artefact(
            "Fewer than 10 pairs of subjects have the same features of block brain on both sides "
            "of a fold boundary: the same data, or person, under two ids." + TOGETHER
        ),
        artefact(
            "11 pairs of subjects carry the same genotypes on both sides of a fold boundary: one "
            "person, or twins, under two family ids." + TOGETHER
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
        {"check": REPEATS, "block": "gene", "value": NAN, "detail": "not told, since for this"},
        {"check": REPEATS, "block": "scales", "value": NAN, "detail": f"30 {ONE_ROW}: a floor"},
        {"check": SAME_PERSON, "value": NAN, "detail": "not told, since for that"},
        {"check": FAMILIES, "value": NAN, "detail": "not told, since as for folds"},
        {"check": RELATIVES, "value": 0.0, "detail": "ancestry unknown"},
    )
    assert said_of_people.duplicate_sentences(found) == [
        clean_of("brain"),
        not_told("Duplicates across folds, block gene: for this."),
        caution(f"Duplicates across folds, block scales: 30 {ONE_ROW}: a floor."),
        not_told("Same person across folds: for that."),
    ]


def test_what_was_drawn_is_said_of_the_rest():
    rest = "not told of the rest: pairs of 50,000 subjects, drawn from 90,000, were looked at"
    found = table(
        {"check": REPEATS, "block": "brain", "value": 0.0},
        {"check": REPEATS, "block": "brain", "value": NAN, "detail": rest},
    )
    assert said_of_people.duplicate_sentences(found) == [
        clean_of("brain"),
        not_told(
            "Duplicates across folds, block brain: of the rest: pairs of 50,000 subjects, drawn "
            "from 90,000, were looked at."
        ),
    ]


def test_clean_is_said_only_where_it_was_told():
    # Relatives were looked for, duplicates could not be.
    untold = {"check": REPEATS, "block": "gene", "value": NAN, "detail": "not told, since so"}
    clean = table(untold, {"check": SAME_PERSON, "value": 0.0})
    assert said_of_people.duplicate_sentences(clean) == [
        not_told("Duplicates across folds, block gene: so.")
    ]
    assert said_of_people.duplicate_sentences(table({"check": "other"})) == []
    zero = table({"check": REPEATS, "block": "gene", "value": 0.0}, {"check": REPEATS, "block": "b",
                  "value": 0.0})  # fmt: skip
    assert said_of_people.duplicate_sentences(zero) == [clean_of("gene and b")]


# Folds, sites and batches.


def test_blocks_that_tell_the_fold():
    fold = {"check": "which fold", "target": "fold", "unit": "", "seen": 0.59} | SURE
    found = table(
        fold | {"block": "gene", "value": 0.55},
        fold | {"block": "brain", "value": 0.712, "detail": "expected: folds are sites"},
        fold | {"block": "low", "value": 0.549},
        fold | {"block": "chance", "value": 0.9, "p_raw": 0.0101, "seen": 0.6001},
        {"check": "other", "block": "other", "value": 0.9, "p_raw": 0.001},
    )
    said = [
        caution(
            "Block gene tells the fold a subject is in (AUC 0.55): folds differ in more than "
            "chance."
        ),
        ok("Block brain tells the fold a subject is in (AUC 0.71); expected: folds are sites."),
    ]
    none = [
        ok(
            "Block low does not tell which fold a subject is in: an AUC of 0.59 would have been "
            "seen in 80 of 100 such cohorts."
        ),
        not_told(
            "Whether block chance tells the fold is open: nothing was found, but it takes an AUC "
            "of 0.60 to be seen in 80 of 100 such cohorts, and 0.60 should be."
        ),
    ]
    assert said_of_decoders.fold_sentences(found) == said + none
    quiet = found[found["block"].isin(["low", "chance", "other"])]
    assert said_of_decoders.fold_sentences(quiet) == none
    assert said_of_decoders.fold_sentences(quiet[quiet["block"] == "other"]) == []


READ = {"check": "decodability", "block": "gene", "target": "site", "seen": 0.58} | SURE
AFTER = {"detail": ADJUSTED}


def test_sites_that_can_be_read():
    before = {"detail": UNADJUSTED}
    found = table(
        READ | before | {"block": "brain", "value": 0.98},
        READ | before | {"target": "batch", "value": 0.97},
        {"check": "other", "block": "gene", "target": "site", "value": 0.96} | before,
        READ | before | {"value": 0.83},
        READ | AFTER | {"value": 0.55},
        READ | AFTER | {"block": "brain", "value": 0.64, "scheme": OWN_FOLDS},
        READ | AFTER | {"block": "low", "value": 0.549},
        READ | AFTER | {"block": "chance", "value": 0.9, "p_adjusted": 0.0021},
        {"check": "other", "block": "gene", "value": 0.9, "p_raw": 0.001} | AFTER,
    )
    assert said_of_decoders.decodability_sentences(found) == [
        caution(
            "site can be read from block gene: AUC 0.55 after its confounds are regressed out, "
            "0.83 before."
        ),
        caution(
            "site can be read from block brain: AUC 0.64 after its confounds are regressed out, "
            "0.98 before, on folds of its own since those of the run do not mix it."
        ),
        ok(
            "site cannot be read from block low and chance once its confounds are regressed out: "
            "an AUC of 0.58 would have been seen in 80 of 100 such cohorts."
        ),
    ]
    assert said_of_decoders.decodability_sentences(found[found["detail"] == UNADJUSTED]) == []


def test_sites_and_batches_that_could_not_be_seen():
    rows = [
        READ | AFTER | {"value": 0.51, "p_adjusted": 0.4, "seen": 0.63},
        READ | AFTER | {"value": 0.52, "p_adjusted": 0.4, "seen": 0.66, "block": "brain"},
        READ | AFTER | {"value": 0.53, "p_adjusted": 0.4, "target": "batch", "scheme": OWN_FOLDS},
    ]
    assert said_of_decoders.decodability_sentences(table(*rows)) == [
        not_told(
            "Whether site can be read from block gene and brain is open: nothing was found, but "
            "it takes an AUC of 0.63 to 0.66 to be seen in 80 of 100 such cohorts, and 0.60 "
            "should be."
        ),
        ok(
            "batch cannot be read from block gene once its confounds are regressed out, on folds "
            "of its own since those of the run do not mix it: an AUC of 0.58 would have been seen "
            "in 80 of 100 such cohorts."
        ),
    ]


def unknown(what, why="no test fold holds two kinds to tell apart"):
    return not_told(f"Whether {what} is not known: {why}.")


def test_what_no_fold_could_show_is_not_called_clean():
    fold = {"check": "which fold", "target": "fold", "seen": 0.59}
    found = table(fold | {"block": "gene", "value": NAN}, fold | {"block": "b", "value": 0.52})
    assert said_of_decoders.fold_sentences(found) == [
        unknown("block gene tells the fold"),
        ok(
            "Block b does not tell which fold a subject is in: an AUC of 0.59 would have been "
            "seen in 80 of 100 such cohorts."
        ),
    ]
    rows = [
        READ | AFTER | {"value": NAN},
        READ | {"value": NAN, "detail": UNADJUSTED},
        # A number without anything to hold it against, and a reason.
        READ | AFTER | {"block": "brain", "value": 0.52, "p_adjusted": NAN,
                        "unit": "not told, since there are too few families"},
        READ | AFTER | {"block": "dti", "value": 0.71},
        READ | {"block": "dti", "value": 0.82, "detail": UNADJUSTED},
    ]  # fmt: skip
    assert said_of_decoders.decodability_sentences(table(*rows)) == [
        caution(
            "site can be read from block dti: AUC 0.71 after its confounds are regressed out, "
            "0.82 before."
        ),
        unknown("site can be read from block gene"),
        unknown("site can be read from block brain", "there are too few families"),
    ]
    gaps = {"check": "missingness alone", "block": "gene", "target": "mdd", "value": NAN}
    assert said_of_decoders.missingness_sentences(make_recipe(), table(gaps)) == [
        unknown("missing data of block gene tells mdd")
    ]


@pytest.mark.parametrize("check", verdict.RELABELLED)
def test_too_few_permutations_are_said_instead_of_a_clean_bill(check):
    line = {"check": check, "block": "gene", "target": "x", "value": 0.9, "p_raw": 0.0102}
    found = table(line | {"detail": ADJUSTED, "p_adjusted": 0.3, "seen": 0.0})
    few, enough = (recipe_with_permutations(n) for n in (98, 99))
    assert verdict.judge_audit(few, found) == [
        not_told(
            "With 98 permutations no p-value reaches 0.01: whether sites, batches, folds or "
            "missing data can be read from a block, share or tell the outcome, whether a block is "
            "part of it, and whether small groups are alike, was not tested. Run at least 99."
        )
    ]
    assert "With 9" not in str(verdict.judge_audit(enough, found))
    assert verdict.blind_sentences(few, table({"check": "which one"})) == []


def recipe_with_permutations(n):
    recipe = make_recipe()
    experiment = recipe.experiment.model_copy(update={"n_permutations": n})
    return recipe.model_copy(update={"experiment": experiment})


# Labels swapped within sites and batches.

GENE = {"check": "outcome, labels swapped", "block": "gene", "detail": "variant A"}
CLEAN_SWAP = ok(
    "Swapping labels within site and batch leaves no performance: 0.01 above chance at most, and "
    "0.05 would be said."
)


def swap_table(chance, free_p=0.001, **inside):
    within = {"scheme": WITHIN, "value": 0.93, "p_raw": 0.011, "reference": chance + 0.01}
    none = {"p_raw": 0.9, "p_adjusted": 0.9}
    return table(
        # Another check, another variant and another block come first.
        {"check": "other", "block": "gene", "detail": "variant A", "scheme": FREELY, "p_raw": 0.9},
        GENE | within | {"block": "brain", "target": "site"},
        GENE | {"block": "brain", "scheme": FREELY, "value": 0.81} | none,
        GENE | within | {"detail": "variant B", "target": "site"},
        GENE | {"detail": "variant B", "scheme": FREELY, "value": 0.82} | none,
        GENE | within | {"target": "site"},
        GENE | within | {"target": "batch"} | inside,
        GENE | {"scheme": FREELY, "value": 0.71, "p_raw": 0.01, "p_adjusted": free_p,
                "reference": 0.9, "target": "diagnosis"},
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
    assert said_of_decoders.swap_sentences(recipe, found) == [
        caution(
            f"Block gene (variant A) reaches {chance + 0.14:.2f} on {outcome} with labels swapped "
            "within batch, and 0.71 with the true ones: batch alone tells that much."
        )
    ]


def test_blocks_are_judged_in_the_order_of_the_table():
    found = swap_table(0.5).assign(reference=0.64)
    said = [s["text"] for s in said_of_decoders.swap_sentences(make_recipe(), found)]
    starts = ["brain (variant A)", "gene (variant B)", "gene (variant A)", "gene (variant A)"]
    assert len(said) == len(starts)
    for text, start in zip(said, starts, strict=True):
        assert text.startswith(f"Block {start} reaches 0.64")


@RECIPES
def test_performance_that_is_not_told_from_chance_inside_batches(recipe, chance):
    found = swap_table(chance, p_raw=0.0501)
    assert said_of_decoders.swap_sentences(recipe, found) == [
        caution(
            f"What block gene (variant A) tells of {recipe.experiment.outcome} (0.71) is not told "
            "apart from chance once labels are swapped within batch."
        )
    ]


@RECIPES
@pytest.mark.parametrize(
    ("said", "free_p", "inside"),
    [
        (False, 0.001, {"p_raw": 0.05}),
        (True, 0.002, {"p_raw": 0.0501}),
        (False, 0.0021, {"p_raw": 0.0501}),
        (False, 0.001, {"shift": 0.0499}),
        (True, 0.001, {"shift": 0.0501}),
    ],
)
def test_edges_of_swapping(recipe, chance, said, free_p, inside):
    if "shift" in inside:
        inside = {"reference": chance + inside["shift"]}
    sentences = said_of_decoders.swap_sentences(recipe, swap_table(chance, free_p, **inside))
    assert any(t["level"] == "caution" for t in sentences) == said


def test_edge_of_swapping_belongs_to_the_finding():
    found = swap_table(0.0, reference=0.05)
    assert said_of_decoders.swap_sentences(score_recipe(), found)[0]["level"] == "caution"


def test_nothing_swapped_within_is_not_called_clean():
    found = swap_table(0.5)
    assert said_of_decoders.swap_sentences(make_recipe(), found) == [CLEAN_SWAP]
    # A cohort without sites and batches, or whose labels cannot change places inside them.
    free = found[found["scheme"] == FREELY]
    assert said_of_decoders.swap_sentences(make_recipe(), free) == []
    assert said_of_decoders.swap_sentences(make_recipe(), found.head(0)) == []
    other = found[found["block"] == "gene"].assign(check="other")
    assert said_of_decoders.swap_sentences(make_recipe(), other) == []


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


def test_a_model_without_a_number_is_not_called_fine():
    for hole in ({"value": NAN}, {"joint": NAN}, {"left_in": NAN}, {"covariates": NAN}):
        assert brain_of(model_table(**hole)) == not_told(
            "Block brain beside the covariates: not every model has a number."
        )


# The model refitted on relabelled outcomes.


def refit_row(value=0.503, p=0.002, seen=0.55, reference=0.71):
    return {"check": "outcome relabelled, model refitted", "block": "fusion", "target": "mdd",
            "value": value, "reference": reference, "chance": 0.5, "p_adjusted": p, "seen": seen,
            "detail": "30 refits of linear in each fold"}  # fmt: skip


def refitted(value):
    return (
        "Fitted again on relabelled mdd (30 refits of linear in each fold), the model fusion "
        f"reaches {value}, where chance is 0.50 and the true one gives 0.71"
    )


def test_model_that_predicts_what_means_nothing():
    assert said_of_decoders.refit_sentences(table(refit_row(0.5201))) == [
        artefact(
            f"{refitted('0.52')}: people of a test fold are known from training, as copies and "
            "relatives are, or a step saw them."
        )
    ]


@pytest.mark.parametrize("row", [refit_row(0.5199), refit_row(0.6, p=0.0021), refit_row()])
def test_model_that_does_not(row):
    [sentence] = said_of_decoders.refit_sentences(table(row))
    assert sentence == ok(
        f"{refitted(format(row['value'], '.2f'))}: 0.55 would have been seen in 80 of 100 such "
        "cohorts."
    )


def test_refits_that_could_not_show_it():
    assert said_of_decoders.refit_sentences(table(refit_row(seen=0.5501, p=0.4))) == [
        not_told(
            f"{refitted('0.50')}: no leak was found, but it takes 0.55 to be seen in 80 of 100 "
            "such cohorts, and 0.55 should be."
        )
    ]
    assert said_of_decoders.refit_sentences(table(refit_row(value=NAN))) == [
        not_told(
            "What the model fusion reaches on relabelled mdd is not known: too few could be "
            "fitted (30 refits of linear in each fold)."
        )
    ]


# Groups whose members are alike, and shared sites.

HOUSE = {"check": LIKENESS, "block": "gene", "target": "household", "unit": "40 levels",
         "detail": "61 pairs", "seen": 0.09} | SURE  # fmt: skip


def test_groups_that_look_like_families():
    found = table(
        HOUSE | {"value": 0.02},
        HOUSE | {"block": "brain", "value": 0.0199},
        HOUSE | {"block": "dti", "value": 0.3, "p_adjusted": 0.0021, "seen": 0.1001},
        HOUSE | {"block": "eeg", "value": 0.3, "p_adjusted": NAN},
        {"check": "other", "block": "other", "value": 0.9} | SURE,
    )
    assert said_of_people.likeness_sentences(found) == [
        caution(
            "People of one household (40 levels, 61 pairs) are alike in block gene: likeness "
            "0.02, where strangers have 0. Should folds keep these together? Then name household "
            "as the group of the folds and as exchangeability."
        ),
        not_told(
            "Whether people of one household are alike in block eeg is not known: nobody may "
            "change places."
        ),
        ok(
            "People of one household are not alike in block brain: a likeness of 0.09 would have "
            "been seen in 80 of 100 such cohorts."
        ),
        not_told(
            "Whether people of one household are alike in block dti is open: nothing was found, "
            "but it takes a likeness of 0.10 to be seen in 80 of 100 such cohorts, and 0.10 "
            "should be."
        ),
    ]


def test_sites_that_share_the_outcome_unevenly():
    shared = {"check": "batch by outcome", "unit": "Cramér's V", "seen": 0.19} | SURE
    found = table(
        shared | {"target": "site", "value": 0.1},
        shared | {"target": "batch", "value": 0.31},
        shared | {"target": "scanner", "value": 0.0999},
        shared | {"target": "plate", "value": 0.3, "p_raw": 0.0101, "seen": 0.2001},
        shared | {"target": "wave", "value": 0.0, "p_adjusted": NAN},
    )
    assert said_of_people.sharing_sentences(make_recipe(), found) == [
        caution(
            "site shares diagnosis unevenly (Cramér's V 0.10): it is among the confounds, and "
            "what both have in common is regressed out of the blocks."
        ),
        caution(
            "batch shares diagnosis unevenly (Cramér's V 0.31): it is not among the confounds, "
            "and whatever tells it tells diagnosis."
        ),
        not_told(
            "Whether wave shares diagnosis evenly is not known: relabelling families leaves it as "
            "it is."
        ),
        ok(
            "diagnosis is shared evenly by scanner: a Cramér's V of 0.19 would have been seen in "
            "80 of 100 such cohorts."
        ),
        not_told(
            "Whether diagnosis is shared evenly by plate is open: nothing was found, but it takes "
            "a Cramér's V of 0.20 to be seen in 80 of 100 such cohorts, and 0.20 should be."
        ),
    ]
    score = said_of_people.sharing_sentences(score_recipe(), found[found["target"] == "scanner"])
    assert score[0]["text"].startswith("score is shared evenly by scanner: an eta of 0.19")


# Blocks that may be part of the outcome.


def proxy_table(whole=0.81, p=0.002, typical=2.4, left=0.03, error=0.05, single=0.71, seen=0.8,
                alone_seen=0.9, se=0.03, p_raw=0.01, p_single=0.002):  # fmt: skip
    gene = {"block": "gene", "target": "mdd"}
    return table(
        gene | {"check": "feature alone", "unit": "feature7", "value": single,
                "p_adjusted": p_single, "seen": alone_seen},
        gene | {"check": "feature alone", "unit": "feature3", "value": 0.55, "p_adjusted": 1.0,
                "seen": alone_seen},
        gene | {"check": "block against outcome", "value": whole, "reference": se, "chance": 0.5,
                "p_raw": p_raw, "p_adjusted": p, "seen": seen},
        gene | {"check": "typical feature", "value": typical},
        gene | {"check": "in common beside the outcome", "value": left, "reference": error},
        {"check": "typical feature", "block": "other", "value": 9.0},
        {"check": "feature alone", "block": "other", "value": 0.99, "p_adjusted": 0.0001},
    )  # fmt: skip


def proxied(recipe=None, **numbers):
    return said_of_proxies.proxy_sentences(recipe or make_recipe(), proxy_table(**numbers))


MADE = (
    "Block gene tells mdd with AUC 0.81, each of its features does (typical |z| 2.4), and beside "
    "mdd they have nothing in common (correlations of 0.03): possibly part of how the outcome was "
    "made, as the scales of a diagnosis are."
)
NOT_MADE = (
    "Block gene (AUC 0.81) as part of mdd: no feature alone tells it all, and it is not the one "
    "thing that the features have in common. A feature of AUC 0.90, or scales that together have "
    "0.80, would have been seen in 80 of 100 such cohorts."
)
UNSEEN = (
    "Block gene (AUC 0.81) as part of mdd: nothing was found, but it takes a feature of AUC 0.90, "
    "or scales that together have 0.80, to be seen in 80 of 100 such cohorts, and 0.90 and 0.80 "
    "should be."
)


def test_scales_of_the_outcome():
    assert proxied() == [caution(MADE)]
    assert proxied(left=-0.02) == [caution(MADE.replace("0.03", "0.00"))]
    assert proxied(typical=1.49) == [ok(NOT_MADE)]
    assert proxied(typical=1.49, seen=0.8001) == [not_told(UNSEEN)]
    assert proxied(typical=1.49, alone_seen=0.9001) == [not_told(UNSEEN)]


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        (True, {"typical": 1.5}),
        (False, {"typical": 1.4999}),
        # 0.06 beside two errors of what is measured.
        (True, {"left": 0.0781}),
        (False, {"left": 0.0782}),
        (True, {"left": 0.06, "error": 0.0}),
        (False, {"left": 0.0601, "error": 0.0}),
        # A block that predicts.
        (True, {"whole": 0.65}),
        (False, {"whole": 0.6499}),
        (False, {"p": 0.0021}),
        (False, {"p_raw": 0.0101}),
        (False, {"left": NAN}),
    ],
)
def test_edges_of_scales(said, numbers):
    assert (proxied(**numbers)[0]["level"] == "caution") == said


def test_feature_that_tells_all():
    text = (
        "feature7 of block gene alone tells mdd with AUC 0.90 (the whole block: AUC 0.97): "
        "possibly part of how the outcome was made, or recorded after it."
    )
    assert proxied(single=0.9, whole=0.97, typical=1.0) == [caution(text)]


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        (False, {"single": 0.8999, "whole": 0.95}),
        # As much as the whole block, but for 0.03.
        (True, {"single": 0.8, "whole": 0.8299}),
        (False, {"single": 0.8, "whole": 0.8301}),
        (False, {"single": 0.7999, "whole": 0.7}),
        (False, {"single": 0.95, "p_single": 0.0021}),
    ],
)
def test_edges_of_a_feature(said, numbers):
    found = proxied(typical=1.0, **numbers)
    assert (found[0]["level"] == "caution") == said


def test_instruments_that_surely_predict():
    recipe = make_recipe()
    scales = recipe.blocks["gene"].model_copy(update={"modality": "behaviour"})
    recipe = recipe.model_copy(update={"blocks": recipe.blocks | {"gene": scales}})
    found = proxied(recipe, typical=1.0, whole=0.787)  # 2.9 errors of 0.03 above 0.70
    assert found == [
        caution(
            "Block gene is of instruments and tells mdd with AUC 0.79: possibly part of how the "
            "outcome was made."
        )
    ]
    assert proxied(recipe, typical=1.0, whole=0.7869)[0]["level"] == "ok"


def test_blocks_of_which_it_cannot_be_asked():
    found = proxy_table(single=0.6)
    few = found[~((found["block"] == "gene") & found["check"].isin(["typical feature"]))]
    assert said_of_proxies.proxy_sentences(make_recipe(), few) == [
        not_told(
            "Block gene (AUC 0.81) as part of mdd: fewer than 4 features do not show what they "
            "have in common; alone none tells 0.90, or all that the block does."
        )
    ]
    assert proxied(whole=NAN) == [
        not_told(
            "Whether block gene is part of mdd is not known: it has no performance to hold "
            "against it."
        )
    ]


def ceiling_of(check, **numbers):
    line = {"check": check, "block": "gene", "target": "mdd", "value": 0.9, "reference": 0.81,
            "seen": 0.03, "unit": "heritability 0.37, prevalence 0.15"} | numbers  # fmt: skip
    block = {"check": "block against outcome", "block": "gene", "p_adjusted": 0.002}
    return said_of_proxies.ceiling_sentences(make_recipe(), table(block, line))


def test_blocks_above_what_heritability_and_reliability_allow():
    start = (
        "Block gene tells mdd with AUC {}; no genetic predictor exceeds 0.81 (heritability 0.37, "
        "prevalence 0.15)"
    )
    assert ceiling_of("heritability ceiling") == [
        caution(
            f"{start.format('0.90')}: it tells something that is no heritable liability, as batch, "
            "ancestry or a leak, or is possibly part of how the outcome was made."
        )
    ]
    # 2.9 standard errors of 0.03 are 0.087; another 0.84 of them are seen in 80 of 100.
    assert ceiling_of("heritability ceiling", value=0.896) == [
        ok(f"{start.format('0.90')}, and 0.92 would have been seen in 80 of 100 such cohorts.")
    ]
    [reliable] = ceiling_of("reliability ceiling")
    assert reliable["text"].endswith(
        ": possibly part of how the outcome was made, or another leak."
    )
    assert "no predictor of the true state exceeds 0.81" in reliable["text"]
    assert ceiling_of("heritability ceiling", value=NAN)[0]["level"] == "not told"


def test_ceilings_that_the_card_does_not_state():
    unstated = {"reference": NAN, "detail": "heritability, prevalence"}
    assert ceiling_of("heritability ceiling", **unstated) == [
        not_told(
            "Whether block gene exceeds what the heritability of mdd allows a genetic predictor is "
            "not known: the dataset card does not state it (heritability, prevalence)."
        )
    ]
    line = {"check": "heritability ceiling", "block": "gene"} | unstated
    quiet = {"check": "block against outcome", "block": "gene", "p_adjusted": 0.0021}
    # A block that predicts nothing exceeds nothing.
    assert said_of_proxies.ceiling_sentences(make_recipe(), table(quiet, line)) == []


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


@pytest.mark.parametrize(
    ("numbers", "unit", "why"),
    [
        (
            {"value": NAN, "reference": NAN},
            "not told, since 2 sites are too few",
            "2 sites are too few",
        ),
        ({"value": NAN, "reference": 0.4}, "balanced accuracy", "no fold shows it"),
    ],
)
def test_harmonization_without_a_number_is_not_called_done(numbers, unit, why):
    found = harmonized(**numbers)
    found.loc[found["target"] == "site", "unit"] = unit
    assert said_of(found) == [
        not_told(
            f"Block brain, combat_v1: whether site is less readable with it is not known: {why}."
        )
    ]


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
            {"check": "missingness alone", "block": "gene", "target": "outcome", "value": 0.7}
            | SURE,
            {"check": REPEATS, "block": "gene", "value": 20.0},
            {"check": "which fold", "block": "gene", "value": 0.7} | SURE,
            {"check": "decodability", "block": "gene", "target": "site", "detail": UNADJUSTED},
            {"check": "decodability", "block": "gene", "target": "site", "detail": ADJUSTED,
             "value": 0.7} | SURE,
            refit_row(value=0.6),
            {"check": "batch by outcome", "target": "site", "value": 0.4} | SURE,
            {"check": LIKENESS, "block": "gene", "target": "household", "value": 0.4} | SURE,
            *proxy_table(whole=0.96, single=0.95).to_dict("records"),
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
        ("artefact", "Fitted again on relabelled"),
        ("caution", "Block brain, combat_v1"),
        ("caution", "G9: leaving it out"),
        ("caution", "feature7 of block gene"),
        ("caution", "Block gene tells mdd"),
        ("caution", "Which data of block gene"),
        ("caution", "Block gene tells the fold"),
        ("caution", "site can be read"),
        ("caution", "People of one household"),
        ("caution", "site shares diagnosis unevenly"),
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
    assert verdict.judge_audit(make_recipe(), table({"check": "share of outcome classes"})) == []


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
