"""What the audit says in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit.said_of_proxies import proxy_sentences
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    LEVEL,
    LEVELS,
    READABLE_AUC,
    READABLE_GAP,
    READABLE_LIKENESS,
    READABLE_R,
    SEEN_BLOCK_AUC,
    SINGLE_AUC,
    STRICT,
    WORTH_AUC,
    WORTH_R,
)
from neurogenomics_kb.pipelines.view import (
    Bullets,
    Cell,
    Item,
    Note,
    Part,
    Section,
    Table,
    Verdict,
    head,
    number,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe

NAME = "audit"


def present_audit(recipe: Recipe, audit: pd.DataFrame, verdict: list[dict[str, str]]) -> Part:
    """Sentences, table and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    audit : DataFrame
        Table of the analysis.
    verdict : list of dict
        ``level`` and ``text``, worst first.
    """
    items: list[Item] = [Note(text="None in this experiment.")]
    if verdict:
        items = [
            Bullets(
                items=[
                    Cell(text=f"{v['level']}: {v['text']}", css=v["level"].replace(" ", "-"))
                    for v in verdict
                ]
            ),
            _table(audit),
            Note(
                text="Decoders are linear, on the folds of the run; AUC over classes, one against "
                "the rest. Labels are relabelled by families, for rows swapped within sites or "
                "batches inside these, and “against” is then the mean under relabelling: what "
                "sites or batches explain by themselves; for units, and for a block against the "
                "outcome, it is the standard error over "
                f"families. Sites and batches of fewer than {MINIMUM_CELL} subjects are taken "
                f"together, and counts below {MINIMUM_CELL} are not shown. These p-values are "
                "diagnostic and no part of the family of confirmatory tests."
            ),
            Note(
                text=f"A check speaks where its p over all its rows is at most {LEVEL} and p by "
                f"relabelling at most {STRICT}, from an AUC of {WORTH_AUC} (r or V {WORTH_R}) on. "
                "“Seen from” is the size that it finds in 80 of 100 such cohorts; ok is said where "
                f"that is at most an AUC of {READABLE_AUC:.2f} (r or V {READABLE_R:.2f}; likeness "
                f"{READABLE_LIKENESS:.2f}; {READABLE_GAP:.2f} above chance on relabelled outcomes; "
                f"a feature alone {SINGLE_AUC:.2f}, scales together {SEEN_BLOCK_AUC:.2f})."
            ),
        ]
    # What makes the run's findings another's: they are read before them.
    made = [v["text"] for v in proxy_sentences(recipe, audit) if v["level"] == "caution"]
    return Part(
        analysis=NAME,
        first=[*(v["text"] for v in verdict if v["level"] == "artefact"), *made],
        sections=[Section(id=NAME, title="Audit of leakage and confounding", items=items)],
        verdict=[Verdict(**v) for v in verdict],
        metrics={
            f"audit/{level}": float(sum(v["level"] == level for v in verdict))
            for level in (LEVELS if verdict else ())
        },
    )


def _table(audit: pd.DataFrame) -> Table:
    """Every check."""
    return Table(
        name="audit",
        head=head(
            ["check", "block", "of", "labels swapped", "unit"],
            ["value", "against", "chance", "p", "p, all rows of the check", "seen from"],
            ["detail"],
        ),
        rows=[
            row(
                [
                    word(r.check),
                    word(r.block),
                    word(r.target),
                    word(r.scheme),
                    word(r.unit),
                    number(r.value),
                    number(r.reference),
                    number(r.chance),
                    p_cell(r.p_raw),
                    p_cell(r.p_adjusted),
                    number(r.seen),
                    word(r.detail),
                ]
            )
            for r in audit.itertuples()
        ],
    )
