"""A card type is one module, one line in `CARD_TYPES`, and its written schema."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import CARD_TYPES, LAYOUT
from neurogenomics_kb.registry.drafts import new_card
from neurogenomics_kb.registry.schemas import write_schemas
from neurogenomics_kb.registry.site import Catalogue
from tests.extending.toys.scanner_card import Scanner


@pytest.fixture
def kb(monkeypatch, tmp_path):
    monkeypatch.setitem(CARD_TYPES, Scanner.type_name, Scanner)
    (tmp_path / "scanners.yaml").write_text("prisma: {tesla: 3}\nsolo: {tesla: 1.5}\n")
    return tmp_path


def test_its_cards_are_read_checked_and_found(kb):
    registry = Registry(kb)
    assert registry.validate() == []
    assert registry.ids("scanner") == ["prisma", "solo"]
    assert registry.get("prisma").tesla == 3
    assert [card.id for card in registry.find("1.5")] == ["solo"]
    (kb / "scanners.yaml").write_text("prisma:\n  tesla: 3\n  measured: nowhere\n")
    problem = Registry(kb).validate()[0]
    assert (problem.line, problem.field) == (3, "prisma.measured")
    assert "there is no dataset 'nowhere'" in problem.message
    with pytest.raises(InputError, match="no card type 'scaner', did you mean 'scanner'"):
        Registry(kb).ids("scaner")


def test_it_is_drafted_described_and_shown(kb):
    new_card(Registry(kb), "scanner", "terra")
    assert Registry(kb).get("terra").tesla == 3
    write_schemas(kb)
    schema = json.loads((kb / "schemas/scanner.json").read_text())
    cards = yaml.safe_load((kb / "scanners.yaml").read_text())
    jsonschema.Draft202012Validator(schema).validate(cards)
    assert not jsonschema.Draft202012Validator(schema).is_valid({"x": {"tesla": "three"}})
    pages = Catalogue(Registry(kb)).pages()
    assert "# Scanners" in pages["catalogue/scanner/index.md"]
    assert "terra" in pages["catalogue/scanner/terra.md"]


def test_every_type_says_where_it_lives_and_how_it_begins():
    for name, model in CARD_TYPES.items():
        assert model.type_name == name
        assert model.heading
        assert model.place or name == "experiment"
    assert len(set(LAYOUT.values())) == len(LAYOUT) == len(CARD_TYPES) - 1
