from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from neurogenomics_kb.registry.cards import LAYOUT
from neurogenomics_kb.registry.schemas import FOLDER, json_schemas

KB = Path(__file__).parents[2] / "kb"
SCHEMAS = json_schemas()


@pytest.mark.parametrize("type_name", sorted(SCHEMAS))
def test_stored_schemas_are_those_of_the_code(type_name):
    stored = json.loads((KB / FOLDER / f"{type_name}.json").read_text())
    assert stored == json.loads(json.dumps(SCHEMAS[type_name])), "run `kedro kb schema`"


def card_files():
    for type_name, place in LAYOUT.items():
        target = KB / place
        yield from ((type_name, f) for f in ([target] if target.suffix else target.glob("*.yaml")))


@pytest.mark.parametrize(
    ("type_name", "file"), list(card_files()), ids=lambda x: getattr(x, "stem", x)
)
def test_every_card_file_fits_its_schema_and_points_to_it(type_name, file):
    text = file.read_text()
    jsonschema.Draft202012Validator(SCHEMAS[type_name]).validate(yaml.safe_load(text))
    if type_name not in ("result", "decision"):
        assert text.startswith(f"# yaml-language-server: $schema=../schemas/{type_name}.json\n")


def test_schemas_refuse_what_the_models_refuse():
    validator = jsonschema.Draft202012Validator(SCHEMAS["embedding_strategy"])
    good = {"a_v1": {"modality": "smri", "features": ["x"]}}
    assert validator.is_valid(good)
    for bad in ({"modality": "x"}, {"dims": 3}, {"projector": {"type": "pca", "dim": 0}}):
        assert not validator.is_valid({"a_v1": {**good["a_v1"], **bad}})
