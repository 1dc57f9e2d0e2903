"""The page of the documentation that shows what was measured."""

from __future__ import annotations

from itertools import groupby

SHARE = 0.90
INTRODUCTION = """# Measured tests

Would a test notice if the report said the opposite? The modules that turn numbers into sentences,
tables and verdicts are mutated, one small fault at a time (an operator, a number, an argument, a
word), and the tests of `tests/view` run on every mutant. A mutant that they pass is a fault that
nobody would see. `make mutants` measures this in a copy of the project and writes this page;
nothing on it is typed by hand. It is no part of `make test`, since it takes about half an hour on
two cores; the tests themselves are pure and take under 2 s, imports left out.
"""
PLANTED = """## Planted faults

What mutmut does not know: fields that change places, thresholds that turn round, the constants of
the modules, and the fields of the templates. Each was planted by a script in a copy.
"""
SURVIVORS = """## Mutants that behave as the original

No test can tell these from the original, for the reason beside each.
"""
OTHERS = """## Other survivors

Faults that no test sees.
"""


def render(result: dict) -> str:
    """The page as Markdown.

    Parameters
    ----------
    result : dict
        As `mutants.json` holds it.
    """
    made = sum(m["mutants"] for m in result["modules"])
    equivalent = sum(m["equivalent"] for m in result["modules"])
    killed = sum(m["killed"] for m in result["modules"])
    lines = [
        INTRODUCTION,
        f"Measured on {result['date']} at `{result['commit']}` with mutmut {result['mutmut']}: "
        f"{killed:,} of {made:,} mutants are killed; {equivalent} of the others behave as the "
        f"original. That is {killed / (made - equivalent):.1%} of those that can be, and at least "
        f"{SHARE:.0%} is asked for.",
        "",
        "## By module",
        "",
        "| subject | module | mutants | killed | equivalent | other survivors |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
        *(_module_row(m) for m in result["modules"]),
        "",
        PLANTED,
        "| kind | planted | survive |",
        "| --- | ---: | ---: |",
        *_planted_rows(result["planted"]),
        "",
    ]
    alike = [s for s in result["survivors"] if s["reason"]]
    others = [s for s in result["survivors"] if not s["reason"]]
    if alike:
        lines += [SURVIVORS, *_survivor_rows(alike)]
    if others:
        lines += [OTHERS, *_survivor_rows(others)]
    return "\n".join(lines).rstrip() + "\n"


def _module_row(module: dict) -> str:
    """One module."""
    left = module["mutants"] - module["killed"] - module["equivalent"]
    return (
        f"| {module['subject']} | `{module['module']}` | {module['mutants']} | "
        f"{module['killed']} | {module['equivalent']} | {left} |"
    )


def _planted_rows(planted: list[dict]) -> list[str]:
    """One row per kind, in the order in which they were planted."""
    return [
        f"| {kind} | {len(found)} | {sum(p['survives'] for p in found)} |"
        for kind, group in groupby(planted, key=lambda p: p["kind"])
        for found in [list(group)]
    ]


def _survivor_rows(survivors: list[dict]) -> list[str]:
    """One row per mutant."""
    return [
        "| function | original | mutant | reason |",
        "| --- | --- | --- | --- |",
        *(
            f"| {_code(_name(s['function']))} | {_code(s['removed'])} | {_code(s['added'])} | "
            f"{s['reason']} |"
            for s in survivors
        ),
        "",
    ]


def _name(function: str) -> str:
    """Module and function, without the mark that mutmut puts before the name."""
    module, _, name = function.rpartition(".")
    return f"{module}.{name.removeprefix('x_')}"


def _code(text: str) -> str:
    """Source in a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"
