"""JSON Schemas of the card types, with which editors complete and check cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neurogenomics_kb.registry.cards import CARD_TYPES, LAYOUT
from neurogenomics_kb.registry.yaml_file import write_atomically

FOLDER = "schemas"


def json_schemas() -> dict[str, dict[str, Any]]:
    """Schema by card type; types that share a file are described as a mapping of ids."""
    out = {}
    for type_name, model in CARD_TYPES.items():
        schema = model.model_json_schema()
        if LAYOUT.get(type_name, "").endswith(".yaml"):
            definitions = schema.pop("$defs", {})
            # The id is the key in the file.
            schema["required"] = [n for n in schema.get("required", []) if n != "id"]
            definitions[model.__name__] = schema
            schema = {
                "title": f"{model.__name__}s by id",
                "type": "object",
                "additionalProperties": {"$ref": f"#/$defs/{model.__name__}"},
                "$defs": definitions,
            }
        out[type_name] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return out


def write_schemas(folder: Path) -> list[Path]:
    """Write one file per card type; returns their paths."""
    files = []
    for type_name, schema in json_schemas().items():
        file = folder / FOLDER / f"{type_name}.json"
        write_atomically(file, json.dumps(schema, indent=1, ensure_ascii=False) + "\n")
        files.append(file)
    return files
