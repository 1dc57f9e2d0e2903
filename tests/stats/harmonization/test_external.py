from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.harmonization.external import check_manifest

SITES = pd.Series(["a", "b", "a"], index=["s1", "s2", "s3"], name="site")


def manifest(**changes):
    good = {
        "program": "MURD 1.0",
        "trained_subjects": ["x1", "x2"],
        "trained_sites": ["a", "b"],
        "harmonized_subjects": ["s1", "s2", "s3", "s4"],
    }
    return {**good, **changes}


def test_other_peoples_training_passes_and_is_told():
    notes = check_manifest(manifest(), SITES)
    assert len(notes) == 1
    assert "MURD 1.0 before this run, trained on 2 subjects of 2 sites" in notes[0]


def test_test_subjects_in_its_training_are_refused_unless_said_so():
    seen = manifest(trained_subjects=["x1", "s2", "s3"])
    with pytest.raises(
        InputError, match=r"'trained_subjects': MURD 1.0 was trained on subjects .*2 of 3 subjects"
    ):
        check_manifest(seen, SITES)
    notes = check_manifest(seen, SITES, accept_trained_subjects=True)
    assert "may be optimistic" in notes[1]
    assert "s2" not in " ".join(notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"harmonized_subjects": ["s1", "s2"]}, r"not among those that were harmonized.*1 of 3"),
        ({"trained_sites": ["a"]}, r"site b is none that MURD 1.0 was trained on.*1 of 3"),
        ({"trained_subjects": "s1"}, "'trained_subjects': the field is not a list"),
        ({"trained_subjects": None}, "'trained_subjects': the field is not a list"),
        ({"trained_sites": {"a": 1}}, "'trained_sites': the field is not a list"),
        ({"program": ""}, "'program': the field is not a text"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        check_manifest(manifest(**changes), SITES)


@pytest.mark.parametrize("field", list(manifest()))
def test_a_missing_field_is_named(field):
    short = {k: v for k, v in manifest().items() if k != field}
    with pytest.raises(InputError, match=f"column '{field}': .*lacks this field"):
        check_manifest(short, SITES)


def test_not_a_manifest():
    with pytest.raises(InputError, match="not a mapping"):
        check_manifest(["MURD"], SITES)
