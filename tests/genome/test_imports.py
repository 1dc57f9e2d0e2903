"""Modules of the genome package import one another one way."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import neurogenomics_kb.genome

PACKAGE = "neurogenomics_kb.genome"


def imports(file: Path) -> set[str]:
    """Modules of the package that a module imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            place = node.module.removeprefix(PACKAGE).strip(".").split(".")[0]
            found |= {place} if place else {name.name for name in node.names}
    return found


def test_there_is_no_ring():
    folder = Path(neurogenomics_kb.genome.__file__).parent
    graph = {file.stem: imports(file) for file in folder.glob("*.py")}
    assert graph["variants"] >= {"vcf", "pgen", "plink1", "genotypes"}
    TopologicalSorter(graph).prepare()  # raises CycleError where there is one
