from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.registry.cards import Table

CARD = Table.model_validate(
    {
        "file": "fields of participants",
        "id_column": "eid",
        "columns": {
            "31-0.0": {"name": "sex", "type": "category", "levels": {"0": "female", "1": "male"}},
            "21003-2.0": {
                "name": "age",
                "unit": "years",
                "range": [40, 90],
                "follows_visit": True,
                "description": "age at the visit",
            },
            "54-2.0": {
                "name": "site",
                "type": "category",
                "levels": {"11025": "cheadle", "11027": "newcastle"},
                "follows_visit": True,
            },
            "738-2.0": {
                "name": "income",
                "range": [1, 5],
                "missing_codes": [-1, -3],
                "required": False,
                "follows_visit": True,
            },
            "22009-0.1": {"name": "pc1", "description": "genetic principal component 1"},
            "22009-0.10": {"name": "pc10"},
        },
    }
)
IDS = ["1000001", "1000002", "1000003", "1000004"]


def showcase() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "eid": IDS,
            "31-0.0": [0, 1, 0, 1],
            "21003-0.0": [50, 51, 52, 53],
            "21003-2.0": [60, 61, 62, None],
            "21003-3.0": [64, None, None, None],
            "54-0.0": [11010, 11010, 11012, 11012],
            "54-2.0": [11025, 11027, 11025, None],
            "54-3.0": [11027, None, None, None],
            "738-2.0": [-1, -3, 4, None],
            "738-3.0": [5, None, None, None],
            "22009-0.1": [-1, 2.5, -3, 0.25],
            "22009-0.10": [0.1, 0.2, 0.3, 0.4],
            "22009-0.11": [9, 9, 9, 9],
            "99999-0.0": ["text", "more", "", "words"],
        }
    )


PLATFORM = {
    "31-0.0": "p31",
    "21003-0.0": "p21003_i0",
    "21003-2.0": "p21003_i2",
    "21003-3.0": "p21003_i3",
    "54-0.0": "p54_i0",
    "54-2.0": "p54_i2",
    "54-3.0": "p54_i3",
    "738-2.0": "p738_i2",
    "738-3.0": "p738_i3",
    "22009-0.1": "p22009_a1",
    "22009-0.10": "p22009_a10",
    "22009-0.11": "p22009_a11",
    "99999-0.0": "p99999",
}


@pytest.fixture
def card() -> Table:
    return CARD


@pytest.fixture
def extract() -> pd.DataFrame:
    """Wide table as ukbconv writes it."""
    return showcase()


@pytest.fixture
def write(tmp_path):
    """Write a table in the format of its name, return the path."""

    def write(table: pd.DataFrame, name: str = "fields.csv"):
        path = tmp_path / name
        if name.endswith(".parquet"):
            table.to_parquet(path, index=False)
        else:
            sep = "," if ".csv" in name else "\t"
            table.to_csv(path, index=False, sep=sep)
        return path

    return write
