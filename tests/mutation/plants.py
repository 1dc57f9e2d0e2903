"""Faults that are planted by hand or by rule, and whether the tests see them.

mutmut changes what stands inside functions. What it does not know is planted here: fields that
change places, thresholds that turn round, constants of a module, and fields of the templates.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import io
import itertools
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.scope import ANALYSES, PACKAGE, REPORTING, ROOT, TEMPLATES, TESTS, all_modules

CCA, LOGO = f"{ANALYSES}/cca/present.py", f"{ANALYSES}/logo/present.py"
PREDICTION = f"{ANALYSES}/prediction/present.py"
CURVES = f"{ANALYSES}/prediction/present_curves.py"
ASSOCIATIONS = f"{ANALYSES}/partial_correlations/present.py"
FIELD = re.compile(r"{{ *(.+?) *}}")
# Where a mutant of a file should die soon, by a word of its path; others are tried after it.
FIRST = {
    "/audit/": f"{TESTS}/test_audit_verdict.py",
    "/analyses/": f"{TESTS}/test_parts.py",
    "": f"{TESTS}/test_family_and_decision.py",
}


@dataclass(frozen=True)
class Plant:
    """One fault.

    Parameters
    ----------
    kind : str
        What kind of fault it is.
    name : str
        Which one, in words.
    file : str
        Path from the project's root.
    text : str
        The whole file with the fault.
    """

    kind: str
    name: str
    file: str
    text: str


def swap(file: str, one: str, other: str, root: Path) -> str:
    """The file with two texts in each other's place; each must stand there once."""
    text = (root / file).read_text(encoding="utf-8")
    for part in (one, other):
        if text.count(part) != 1:
            raise LookupError(f"{file}: {part!r} stands there {text.count(part)} times")
    parts = re.split(f"({re.escape(one)}|{re.escape(other)})", text)
    return "".join({one: other, other: one}.get(part, part) for part in parts)


def change(file: str, old: str, new: str, root: Path) -> str:
    """The file with one text instead of another, which must stand there once."""
    text = (root / file).read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise LookupError(f"{file}: {old!r} stands there {text.count(old)} times")
    return text.replace(old, new)


# kind, file, one text, the other text: they change places.
SWAPS = [
    ("family-wise and uncorrected p", CCA,
     "p_cell(r.p_adjusted, r.p_adjusted_low, r.p_adjusted_high, alpha)",
     "p_cell(r.p_raw, r.p_raw_low, r.p_raw_high, alpha)"),
    ("family-wise and uncorrected p", CCA, '"p, family-wise"', '"p, uncorrected"'),
    ("family-wise and uncorrected p", CCA,
     "p_raw=finite(line.p_raw)", "p_raw=finite(line.p_adjusted)"),
    ("family-wise and uncorrected p", LOGO,
     "p_cell(r.p_adjusted, r.p_adjusted_low, r.p_adjusted_high, alpha)",
     "p_cell(r.p_raw, r.p_raw_low, r.p_raw_high, alpha)"),
    ("family-wise and uncorrected p", f"{REPORTING}/sections.py",
     "p_cell(r.p_raw)", "p_cell(r.p_adjusted)"),
    ("family-wise and uncorrected p", f"{REPORTING}/sections.py",
     "_entered(r)", "_over_the_run(r, alpha)"),
    ("ends of an interval", CCA,
     "r.p_adjusted_low", "r.p_adjusted_high"),
    ("ends of an interval", CCA,
     "r.p_held_out_adjusted_low", "r.p_held_out_adjusted_high"),
    ("ends of an interval", CCA,
     "line.p_adjusted_low, line", "line.p_adjusted_high, line"),
    ("ends of an interval", LOGO, "r.p_raw_low", "r.p_raw_high"),
    ("ends of an interval", f"{REPORTING}/sections.py",
     "p_low=finite(low)", "p_low=finite(high)"),
    ("chance and held-out correlation", CCA, "{first.null_mean:.2f}", "{first.held_out:.2f}"),
    ("chance and held-out correlation", CCA, "{first.correlation:.2f}", "{first.held_out:.2f}"),
    ("chance and held-out correlation", CCA, "{format_p(first.p_held_out_adjusted)}",
     "{format_p(first.p_adjusted)}"),
    ("chance and held-out correlation", CCA, '"chance"', '"held out"'),
    ("sides of stability", CCA,
     "{format_number(r.stability_x, 2)}", "{format_number(r.stability_y, 2)}"),
    ("sides of stability", CCA, 'grouped["stability_x"]', 'grouped["stability_y"]'),
    ("sides of stability", CCA, "r.bootstrap_x", "r.bootstrap_y"),
    ("sides of stability", CCA, "r.split_half_x", "r.split_half_y"),
    ("sides of stability", CCA, "r.x_redundancy", "r.y_redundancy"),
    ("sides of stability", CCA, "{r.x_dim}", "{r.y_dim}"),
    ("ends of an interval", f"{PACKAGE}/pipelines/view.py",
     "{low:{sign}.{digits}f}", "{high:{sign}.{digits}f}"),
    ("ends of an interval", LOGO, "finite(r.ci_low)", "finite(r.ci_high)"),
    ("ends of an interval", LOGO, "r.single_low", "r.single_high"),
    ("ends of an interval", ASSOCIATIONS, "finite(r.ci_low)", "finite(r.ci_high)"),
    ("ends of an interval", ASSOCIATIONS,
     "{format_number(r.ci_low, 2)}", "{format_number(r.ci_high, 2)}"),
    ("ends of an interval", CURVES, "r.curved_ci_low, r.curved_ci_high", "r.ci_low, r.ci_high"),
    ("family-wise and uncorrected p", CURVES, "finite(r.curved_p_raw)", "finite(r.p_raw)"),
    ("family-wise and uncorrected p", CURVES, "finite(r.p_change)", "finite(r.curved_p_raw)"),
    ("p and q of associations", ASSOCIATIONS, "p_cell(r.p_raw)", "p_cell(r.p_adjusted)"),
    ("p and q of associations", ASSOCIATIONS, "finite(r.p_raw)", "finite(r.p_adjusted)"),
    ("p and q of associations", ASSOCIATIONS, '"p", ', '"q (FDR)", '),
]  # fmt: skip
# kind, file, old text, new text.
CHANGES = [
    *(("direction of a hit", file, f"hit={p} < alpha", f"hit={p} > alpha")
      for file, p in ((PREDICTION, "r.p_adjusted"), (ASSOCIATIONS, "r.p_adjusted"))),
    *(("direction of a hit", file, f"{standing} == STANDS", f"{standing} != STANDS")
      for file, standing in (
          (CCA, "hit=_standing(r, alpha)"), (LOGO, "hit=_standing(r, alpha)"),
          (f"{REPORTING}/sections.py", "hit=r.standing"),
          (f"{REPORTING}/view.py", 'tests["standing"]'))),
    ("direction of a hit", f"{PACKAGE}/pipelines/view.py", "STANDS if p < alpha",
     "STANDS if p > alpha"),
    ("sign of loadings", f"{ANALYSES}/cca/loadings.py",
     'rows.set_index("unit")["loading"]', '-rows.set_index("unit")["loading"]'),
    ("sign of loadings", CCA, "np.sign(value) == np.sign(side.correlation)",
     "np.sign(value) == -np.sign(side.correlation)"),
    ("sign of loadings", CCA, "values=panel.bars.to_dict()", "values=(-panel.bars).to_dict()"),
]  # fmt: skip


def by_hand(root: Path = ROOT) -> Iterator[Plant]:
    """The kinds of faults that once survived every test.

    Parameters
    ----------
    root : Path
        Project, or a copy of it.
    """
    for kind, file, one, other in SWAPS:
        yield Plant(kind, f"{one} and {other}", file, _swapped(file, one, other, root))
    for kind, file, old, new in CHANGES:
        yield Plant(kind, f"{old} to {new}", file, change(file, old, new, root))


def _swapped(file: str, one: str, other: str, root: Path) -> str:
    """Where the second text is the first the other way round, one replacement does it."""
    text = (root / file).read_text(encoding="utf-8")
    return change(file, one, other, root) if other not in text else swap(file, one, other, root)


def of_constants(root: Path = ROOT) -> Iterator[Plant]:
    """Numbers and words in constants of the modules, one at a time.

    Parameters
    ----------
    root : Path
        Project, or a copy of it.
    """
    for file in all_modules():
        text = (root / file).read_text(encoding="utf-8")
        lines = text.encode().splitlines(keepends=True)
        for statement in ast.parse(text).body:
            if not isinstance(statement, ast.Assign):
                continue
            names = ", ".join(ast.unparse(t) for t in statement.targets)
            for node in ast.walk(statement.value):
                if not isinstance(node, ast.Constant):
                    continue
                for value in changed_constant(node.value):
                    name = f"{names}: {node.value!r} to {value!r}"
                    yield Plant("constants", name, file, _replaced(lines, node, value))


def changed_constant(value: object) -> list[object]:
    """Other values of a constant: a hundredth more and less, one more and less, another word."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, float):
        return [value * 1.01, value * 0.99]
    return [value + 1, value - 1] if isinstance(value, int) else [f"XX{value}"]


def _replaced(lines: list[bytes], node: ast.Constant, value: object) -> str:
    """The file with another value of a constant; columns of the parser are bytes."""
    before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    last = lines[node.end_lineno - 1]
    after = last[node.end_col_offset :] + b"".join(lines[node.end_lineno :])
    return (before + repr(value).encode() + after).decode()


def of_templates(root: Path = ROOT) -> Iterator[Plant]:
    """Fields of every template that change places, and fields left out.

    Parameters
    ----------
    root : Path
        Project, or a copy of it.
    """
    for path in sorted((root / TEMPLATES).rglob("*.html")):
        file, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        fields = list(FIELD.finditer(text))
        for one, other in itertools.combinations(fields, 2):
            if one[1] == other[1]:
                continue
            name = f"{_where(text, one)} and {_where(text, other)} change places"
            mutant = (
                text[: one.start()] + other[0] + text[one.end() : other.start()] + one[0]
                + text[other.end() :]
            )  # fmt: skip
            yield Plant("fields of templates", name, file, mutant)
        for one in fields:
            name = f"{_where(text, one)} left out"
            left = text[: one.start()] + text[one.end() :]
            yield Plant("fields of templates", name, file, left)


def _where(text: str, field: re.Match) -> str:
    """A field with its line."""
    return f"{field[1]} (line {text.count(chr(10), 0, field.start()) + 1})"


def all_plants(root: Path = ROOT) -> list[Plant]:
    """Every fault that is planted.

    Parameters
    ----------
    root : Path
        Project, or a copy of it.
    """
    return [*by_hand(root), *of_constants(root), *of_templates(root)]


def survives(plant: Plant, root: Path) -> bool:
    """Whether the tests pass with the fault, in a copy of the project.

    Parameters
    ----------
    plant : Plant
    root : Path
        The copy; it is as before afterwards.
    """
    file = root / plant.file
    before = file.read_text(encoding="utf-8")
    _write(file, plant.text)
    try:
        child = os.fork()
        if not child:
            os._exit(_run_tests(plant.file))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        _write(file, before)


# Compiled files are told from stale ones by seconds, and mutants are made within one.
TIMES = itertools.count(1_000_000_000)


def _write(file: Path, text: str) -> None:
    """Write a source file with a time that no version of it had."""
    file.write_text(text, encoding="utf-8")
    time = next(TIMES)
    os.utime(file, (time, time))


def _run_tests(file: str = "") -> int:
    """Run the tests in this process on the modules as the files are now."""
    import pytest

    # All that is mutated stands among the pipelines; what these import need not be read anew.
    for name in list(sys.modules):
        if name.startswith(("neurogenomics_kb.pipelines", "tests.")):
            del sys.modules[name]
    importlib.invalidate_caches()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:warnings"]
        first = next(tests for word, tests in FIRST.items() if word in file)
        return int(pytest.main([*options, first]) or pytest.main([*options, TESTS]))


def main() -> None:
    """Plant faults in the project in which this runs, a copy, and print a line for each.

    All of them, or those that the file of the first argument lists.
    """
    import json

    root = Path.cwd()
    for module in all_modules():  # what they import is then there in every child
        dotted = module.removeprefix("src/").removesuffix(".py").replace("/", ".")
        importlib.import_module(dotted)
    gc.freeze()  # children need not look through what was there before
    if _clean() != 0:
        raise SystemExit("the tests fail without any fault")
    plants = all_plants(root)
    if sys.argv[1:]:
        wanted = {(p["file"], p["name"]) for p in json.loads(Path(sys.argv[1]).read_text())}
        plants = [p for p in plants if (p.file, p.name) in wanted]
    for plant in plants:
        found = {"kind": plant.kind, "name": plant.name, "file": plant.file}
        print(json.dumps(found | {"survives": survives(plant, root)}), flush=True)


def _clean() -> int:
    """Exit code of the tests without a fault."""
    child = os.fork()
    if not child:
        os._exit(_run_tests())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
