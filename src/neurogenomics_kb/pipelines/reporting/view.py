"""The report of a run as one view: statements, sections and numbers, before any template."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pydantic import Field

from neurogenomics_kb.pipelines.reporting import sections
from neurogenomics_kb.pipelines.reporting.cautions import general_cautions
from neurogenomics_kb.pipelines.view import (
    STANDS,
    Cell,
    ModelVerdict,
    Part,
    Row,
    Section,
    Statement,
    Verdict,
    View,
)
from neurogenomics_kb.registry.recipe import Recipe

# Order of the report, by the ids of its sections; a section that is not named stands before the
# methods.
ORDER = [
    "findings", "warnings", "flow", "cca", "assumptions", "joint-axes", "prediction", "rivals",
    "ladder", "logo", "brain", "reference-maps", "language", "associations", "tests", "audit",
    "dimension-search", "methods", "provenance",
]  # fmt: skip
BEFORE = "methods"


class ReportView(View):
    """What report, result card and tracking take from a run.

    Parameters
    ----------
    title, subtitle : str
        Head of the report.
    n_subjects : int
        People analysed.
    findings, cautions : list of str
        Sentences for the top.
    statements : list of Statement
        Main result of every analysis, in numbers.
    primary : list of Statement
        Claims that the run was made for.
    surviving : list of Statement
        Claims that stand over the run.
    n_tests : int
        Claims of the run.
    verdict : list of Verdict
        Sentences with a level.
    flow : list of dict
        ``step``, ``excluded``, ``remaining``; exact counts.
    folds, decision : dict
        As the nodes save them.
    sections : list of Section
        In the order of the report.
    metrics : dict of str to float
        Flat numbers for comparing runs.
    models : list of ModelVerdict
        Which models earned their place.
    """

    title: str
    subtitle: str
    n_subjects: int
    findings: list[str]
    cautions: list[str]
    statements: list[Statement]
    primary: list[Statement]
    surviving: list[Statement]
    n_tests: int
    verdict: list[Verdict]
    flow: list[dict[str, Any]]
    folds: dict[str, Any]
    decision: dict[str, Any]
    sections: list[Section]
    metrics: dict[str, float]
    models: list[ModelVerdict] = Field(default_factory=list)


def build_view(
    recipe: Recipe,
    flow: pd.DataFrame,
    folds: dict[str, Any],
    dimensions: pd.DataFrame,
    tests: pd.DataFrame,
    decision: dict[str, Any],
    notes: list[str],
    *parts: Part,
) -> ReportView:
    """Everything that a run says, in order.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    flow, dimensions, tests : DataFrame
        Tables that every run has.
    folds, decision : dict
        Summary of the folds, and what the rule gives.
    notes : list of str
        What the assembly of the sample noticed.
    *parts : Part
        What each analysis adds, in the order of the registry's list.
    """
    n = int(flow["remaining"].iloc[-1])
    # Where the ladder was run, the run was made for what it decides.
    decided = sections.decision_findings(decision)
    asked = bool(decision.get("inputs"))
    findings = [
        *(decided if asked else []),
        *(line for part in parts for line in part.first),
        *sections.primary_findings(recipe, tests),
        *(line for part in parts for line in part.findings),
        *sections.family_findings(recipe, tests),
        *([] if asked else decided),
    ]
    cautions = [*notes, *(c for part in parts for c in part.cautions), *general_cautions(recipe)]
    found = [
        sections.bullets("findings", "What this run says", findings),
        *([sections.bullets("warnings", "Read with care", cautions, "warn")] if cautions else []),
        sections.flow_section(folds),
        *(section for part in parts for section in part.sections),
        *sections.brain_sections([r for part in parts for r in part.regional]),
        sections.tests_section(recipe, tests),
        sections.methods_section(recipe, dimensions, decision),
    ]
    blocks = ", ".join(f"{name} ({s.id})" for name, s in recipe.blocks.items())
    primary, hits = tests[tests["tier"] == sections.PRIMARY], tests[tests["standing"] == STANDS]
    return ReportView(
        title=recipe.experiment.id,
        subtitle=f"Cohort {recipe.cohort}, N = {n}, outcome {recipe.experiment.outcome}; "
        f"blocks {blocks}",
        n_subjects=n,
        findings=findings,
        cautions=cautions,
        statements=[s for part in parts for s in part.statements],
        primary=[sections.claim_statement(line) for line in primary.itertuples()],
        surviving=[sections.claim_statement(line) for line in hits.itertuples()],
        n_tests=len(tests),
        verdict=[v for part in parts for v in part.verdict],
        flow=flow.to_dict("records"),
        folds=folds,
        decision=decision,
        sections=in_order(found),
        models=[m for part in parts for m in part.models],
        metrics={
            "n_subjects": float(n),
            **{k: v for part in parts for k, v in part.metrics.items()},
        },
    )


def in_order(found: list[Section]) -> list[Section]:
    """Sections in the order of the report.

    Parameters
    ----------
    found : list of Section
        In any order; those that `ORDER` does not name keep theirs, before the methods.
    """
    place = {name: float(i) for i, name in enumerate(ORDER)}
    return sorted(found, key=lambda s: place.get(s.id, place[BEFORE] - 0.5))


def provenance_section(cards: dict[str, str], card: dict[str, Any], attribution: str) -> Section:
    """Cards with their hashes, code, run and result card.

    Parameters
    ----------
    cards : dict of str to str
        Hash of every card of the recipe.
    card : dict
        The result card.
    attribution : str
        Whom the data's licence asks to name.
    """
    rows = [
        Row(cells=[Cell(text=name), Cell(text=value, css="code")]) for name, value in cards.items()
    ]
    return sections.provenance(rows, card, attribution)
