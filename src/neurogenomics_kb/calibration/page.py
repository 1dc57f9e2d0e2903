"""The results table as a page of the documentation."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.calibration.suite import SCENARIOS, is_naive

HEADINGS = {
    "null": (
        "False-positive rates",
        "Share of cohorts without the effect in which p ≤ 0.05, with its exact 99 % interval. "
        "*Calibrated*: inside the range that 99 % of exact 5 % tests would fall in. "
        "*Conservative*: below it; the claim is safe and costs power. *Too many*: above it.",
    ),
    "violation": (
        "Where an assumption is broken",
        "The same test on cohorts whose people are not exchangeable, or whose confounds do not act "
        "along lines, and no axis. *Too many* is what is expected here of the design of the card; "
        "what matters is that the run says so (below), and what the remedy gives (*rows of one "
        "length*, *named nested* among the false-positive rates above, *with curves and "
        "interactions* here).",
    ),
    "warning": (
        "Warnings",
        "Share of cohorts in which the run's first sentences warn. On clean cohorts, with and "
        "without a true axis, these are false alarms; elsewhere they are what the check sees.",
    ),
    "power": ("Power", "Share of cohorts with the planted effect in which p ≤ 0.05."),
    "coverage": (
        "Coverage of 95 % intervals",
        "Share of cohorts whose interval holds the true value; 93 to 97 % is asked for.",
    ),
}

# Picture below the heading.
SHOWN = {"null": "rates.svg", "violation": "violations.svg"}
NOTES = {
    "null": (
        "Why some are conservative: a second component is tested given a first one, so under a "
        "global null it is rarely significant (see *true first axis* for its level). Comparisons "
        "ask whether a model beats another; a model with a useless block is a little worse, and "
        "the corrected t is cautious with five folds. Where confounds predict the outcome, a block "
        "without signal scores slightly below chance once they are regressed out, which the "
        "audit's swapped labels show.",
        "Not covered: features whose rows are heavy-tailed as a whole (one subject extreme in all) "
        "with a third as many confounds as subjects; normal scores of columns leave 7 % there.",
    ),
    "coverage": (
        "The true value of a cross-validated score is that of the fitted fold models. Brier scores "
        "and small differences are covered more often than stated; families with rare outcomes and "
        "many features can fall below.",
    ),
}


def render_page(table: pd.DataFrame) -> str:
    """Markdown page of the stored results.

    Parameters
    ----------
    table : DataFrame
        As `suite.run_suite` returns it.

    Returns
    -------
    str
    """
    parts = [
        "# Measured calibration\n",
        "Every kind of p-value and interval that a run prints, on simulated cohorts, through the "
        "pipeline's own nodes. `make calibrate` measures what the stored table lacks and writes "
        "this page; nothing on it is typed by hand. Rows that begin with *naive* show what common "
        "shortcuts do on the same cohorts; they are not offered by the pipeline.\n",
    ]
    for question, (heading, text) in HEADINGS.items():
        rows = table[table["question"] == question]
        if rows.empty:
            continue
        parts.append(f"## {heading}\n\n{text}\n")
        if question in SHOWN:
            parts.append(f"![{heading}, each with its 99 % interval]({SHOWN[question]})\n")
        for naive in (False, True):
            chosen = rows[rows["kind"].map(is_naive) == naive]
            if chosen.empty:
                continue
            if naive:
                parts.append("### Naive alternatives on the same cohorts\n")
            parts.append(_markdown(chosen))
        parts += [f"{note}\n" for note in NOTES.get(question, ())]
    waiting = [name for name in SCENARIOS if name not in set(table["scenario"])]
    if waiting:
        parts.append(
            "## Not measured yet\n\nScenarios that are registered and have no stored rate; `make "
            "calibrate` measures them.\n\n" + "\n".join(f"- {name}" for name in waiting) + "\n"
        )
    return "\n".join(parts)


def _markdown(rows: pd.DataFrame) -> str:
    lines = ["| what | cohorts of scenario | n | rate | 99 % interval | |",
             "| --- | --- | ---: | ---: | ---: | --- |"]  # fmt: skip
    for row in rows.sort_values("kind", kind="stable").itertuples():
        verdict = row.verdict if isinstance(row.verdict, str) else ""
        lines.append(
            f"| {row.kind} | {row.scenario} | {row.cohorts:,} | {row.rate:.3f} | "
            f"{row.low:.3f}–{row.high:.3f} | {verdict} |"
        )
    return "\n".join(lines) + "\n"
