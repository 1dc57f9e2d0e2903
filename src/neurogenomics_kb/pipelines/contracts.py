"""Contracts of all tables that nodes save, by name."""

from __future__ import annotations

from neurogenomics_kb.foundation.contracts import by_name
from neurogenomics_kb.pipelines import modality_tables
from neurogenomics_kb.pipelines.integration import tables
from neurogenomics_kb.pipelines.integration.analyses import load_analyses

CONTRACTS = by_name(
    [
        *modality_tables.TABLES,
        *tables.TABLES,
        *(table for analysis in load_analyses() for table in analysis.tables),
    ]
)


def describe_tables() -> str:
    """Every table with its columns as a page of the documentation, in Markdown."""
    lines = [
        "# Tables",
        "",
        "Every table that a run saves: what a row is, where it lies, who may see it, and what its "
        "columns mean. Made from the contracts that are checked on save.",
    ]
    for contract in CONTRACTS.values():
        place = contract.path("data", "<cohort>", "<experiment>")
        lines += ["", f"## {contract.name}", "", f"{contract.meaning} In `{place}`; seen by "
                  f"{contract.seen_by}."]  # fmt: skip
        if contract.index:
            lines += ["", f"Rows are named by `{contract.index}`."]
        if contract.columns:
            lines += ["", "| column | kind | unit | meaning |", "| --- | --- | --- | --- |"]
            lines += [
                f"| `{c.name}` | {c.kind} | {c.unit} | {c.meaning} |" for c in contract.columns
            ]
        if contract.further:
            lines += ["", f"Further columns: {contract.further.replace('<', '&lt;')}"]
    return "\n".join(lines) + "\n"
