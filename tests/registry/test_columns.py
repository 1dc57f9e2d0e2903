from __future__ import annotations

import pytest
from pydantic import ValidationError

from neurogenomics_kb.registry.cards import Column


def test_codes_read_as_text_whatever_they_are_in_yaml():
    column = Column.model_validate({"name": "x", "missing_codes": [-1, -3.0, 99.5, "n/k"]})
    assert column.missing_codes == ["-1", "-3", "99.5", "n/k"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"missing_codes": [False]}, "quote missing codes"),
        ({"missing_codes": -1}, "valid list"),
        ({"missing_codes": [1], "levels": {"1": "a"}}, "both a level and a missing code"),
        ({"folows_visit": True}, "folows_visit"),
    ],
)
def test_columns_that_contradict_themselves(body, words):
    with pytest.raises(ValidationError, match=words):
        Column.model_validate({"name": "x", **body})


@pytest.mark.parametrize("role", ["site", "batch", "group"])
@pytest.mark.parametrize("stated", [{}, {"type": "number"}, {"type": "binary"}])
def test_sites_batches_and_groups_are_categories(role, stated):
    assert Column.model_validate({"name": "x", "role": role, **stated}).type == "category"
    assert Column(name="x", role=role, type="text").type == "text"
    assert Column.model_validate({"name": "x", "role": "confound", **stated}).type != "category"
