"""The faults that `make mutants` plants can be planted, and the page shows what was measured."""

from __future__ import annotations

import ast
import json

import pytest

from tests.mutation.page import SHARE, render
from tests.mutation.plants import all_plants, by_hand
from tests.mutation.run import EQUIVALENT, PAGE, RESULTS, equivalents, problems_of
from tests.mutation.scope import ROOT, all_modules

# Each survived every test once.
KINDS = {
    "family-wise and uncorrected p",
    "chance and held-out correlation",
    "sides of stability",
    "ends of an interval",
    "p and q of associations",
    "direction of a hit",
    "sign of loadings",
}


def test_every_kind_of_fault_can_be_planted():
    assert {plant.kind for plant in by_hand()} == KINDS
    plants = all_plants()
    assert {plant.kind for plant in plants} == KINDS | {"constants", "fields of templates"}
    files = {plant.file for plant in plants if plant.kind == "fields of templates"}
    assert len(files) == 6
    for plant in plants:
        assert plant.text != (ROOT / plant.file).read_text(encoding="utf-8"), plant.name
        if plant.file.endswith(".py"):
            ast.parse(plant.text)


def test_every_module_is_there():
    assert len(set(all_modules())) == len(all_modules()) == 30
    assert all((ROOT / module).is_file() for module in all_modules())


def test_page_shows_what_is_stored_and_it_is_enough():
    result = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == render(result)
    assert problems_of(result) == []
    assert {p["kind"] for p in result["planted"]} >= KINDS


def test_every_equivalent_mutant_has_its_reason():
    found = equivalents()
    assert all(len(e["reason"]) > 20 for e in found), EQUIVALENT
    keys = [(e["function"], e["removed"], e["added"]) for e in found]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("survives", [True, False])
def test_a_planted_fault_that_survives_is_a_problem(survives):
    planted = [{"kind": "k", "name": "n", "file": "f", "survives": survives}]
    modules = [{"subject": "s", "module": "m", "mutants": 100, "killed": 90, "equivalent": 0}]
    measured = {"modules": modules, "survivors": equivalents(), "planted": planted}
    assert problems_of(measured) == (["planted and not seen: k: n (f)"] if survives else [])
    modules[0]["killed"] = 89
    assert problems_of(measured)[0] == f"89 of 100 mutants are killed, less than {SHARE:.0%}"
