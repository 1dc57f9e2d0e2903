"""Tables of a run in which every number is another, so that a swapped field shows."""

from __future__ import annotations

import itertools

import pandas as pd

from neurogenomics_kb.foundation.contracts import Contract


class Numbers:
    """Numbers that never repeat, neighbours far apart: 0.718, 0.446, …; whole ones from 1001."""

    def __init__(self) -> None:
        self.fractions = (round(0.1 + 0.618033988 * i % 0.89, 4) for i in itertools.count(1))
        self.wholes = itertools.count(1001)

    def of(self, kind: str, name: str):
        if kind == "text":
            return f"<{name}>"
        if kind == "flag":
            return False
        return next(self.wholes) if kind == "integer" else next(self.fractions)


def rows_of(contract: Contract, numbers: Numbers, *changes: dict) -> pd.DataFrame:
    """A table of a contract, a row for each of `changes`, the rest filled with numbers."""
    rows = []
    for change in changes:
        row = {c.name: numbers.of(c.kind, c.name) for c in contract.columns}
        assert not set(change) - set(row), set(change) - set(row)
        rows.append(row | change)
    table = pd.DataFrame(rows, columns=list(contract.names))
    contract.check(table)
    return table


def text_of(view) -> str:
    """Everything that a view says, a line each, with the classes of rows and cells."""
    lines: list[str] = []

    def walk(value, name: str) -> None:
        if isinstance(value, dict):
            kind = value.get("kind")
            if kind == "table":
                lines.append(f"{name} table {value['name']!r}")
                lines.append("    " + " | ".join(_cell(c) for c in value["head"]))
                for row in value["rows"]:
                    mark = f"[{row['css']}] " if row["css"] else ""
                    lines.append("    " + mark + " | ".join(_cell(c) for c in row["cells"]))
                return
            if set(value) == {"text", "css"}:
                lines.append(f"{name} {_cell(value)}")
                return
            if not value:
                lines.append(f"{name} {{}}")
            for key, item in value.items():
                walk(item, f"{name}.{key}")
        elif isinstance(value, list):
            if not value:
                lines.append(f"{name} []")
            for i, item in enumerate(value):
                walk(item, f"{name}[{i}]")
        else:
            shown = f"{value:.10g}" if isinstance(value, float) else value
            lines.append(f"{name} = {shown}")

    walk(view.model_dump(), "")
    return "\n".join(lines) + "\n"


def _cell(cell: dict) -> str:
    return f"{cell['text']}" + (f" ({cell['css']})" if cell["css"] else "")


NAN = float("nan")
