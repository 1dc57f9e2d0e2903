"""JSON Schemas of the card types, with which editors complete and check cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.cards import CARD_TYPES

FOLDER = "schemas"


def json_schemas() -> dict[str, dict[str, Any]]:
    """Schema by card type; types that share a file are described as a mapping of ids."""
    out = {}
    for type_name, model in CARD_TYPES.items():
        schema = model.model_json_schema()
        if model.place.endswith(".yaml"):
            definitions = schema.pop("$defs", {})
            # The id is the key in the file; a card may be of one of several classes.
            for each in (schema, *(definitions[name] for name in classes_of(schema))):
                if "required" in each:
                    each["required"] = [n for n in each["required"] if n != "id"]
            definitions[model.__name__] = schema
            schema = {
                "title": f"{model.__name__}s by id",
                "type": "object",
                "additionalProperties": {"$ref": f"#/$defs/{model.__name__}"},
                "$defs": definitions,
            }
        out[type_name] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return out


def classes_of(schema: dict[str, Any]) -> list[str]:
    """Names of the definitions that a card is one of, where it is of one of several classes."""
    return [option["$ref"].rsplit("/", 1)[-1] for option in schema.get("oneOf", [])]


def write_schemas(folder: Path) -> list[Path]:
    """Write one file per card type; returns their paths."""
    files = []
    for type_name, schema in json_schemas().items():
        file = folder / FOLDER / f"{type_name}.json"
        write_text_whole(file, json.dumps(schema, indent=1, ensure_ascii=False) + "\n")
        files.append(file)
    return files
