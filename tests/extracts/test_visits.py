from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.extracts.visits import (
    check_visits,
    join_visits,
    natural_order,
    one_row_per_visit,
    spread_over_visits,
)
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.cards import Visits

PEOPLE = pd.DataFrame({"participant_id": ["sub-a", "sub-b", "sub-c"], "sex": ["F", "M", "F"]})
SESSIONS = pd.DataFrame(
    {
        "participant_id": ["sub-a", "sub-a", "sub-b"],
        "session_id": ["ses-1", "ses-2", "ses-1"],
        "age_months": [30.0, 55.0, 28.0],
    }
)
RULES = Visits(
    age="age_months", windows={"ses-1": (18, 42), "ses-2": (42, 66)}, constant=["family_id"]
)


def canonical() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "child_id": ["a", "a", "b"],
            "wave_id": ["ses-1", "ses-2", "ses-1"],
            "age_months": [30.0, 55.0, 28.0],
            "family_id": ["f1", "f1", "f2"],
        },
        index=["a_ses-1", "a_ses-2", "b_ses-1"],
    )


def test_visits_have_what_is_known_of_child_and_visit():
    ratings = pd.DataFrame(
        {"participant_id": ["sub-a"], "session_id": ["ses-2"], "attention": [3.0]}
    )
    birth = pd.DataFrame({"participant_id": ["sub-b"], "birth_weight": [3100.0]})
    table = join_visits(PEOPLE, SESSIONS, {"ratings.tsv": ratings, "birth.tsv": birth})
    assert table["visit_id"].tolist() == ["sub-a_ses-1", "sub-a_ses-2", "sub-b_ses-1"]
    assert table["sex"].tolist() == ["F", "F", "M"]
    # A wave without a rating stays, with a gap.
    assert table["attention"].isna().tolist() == [True, False, True]
    assert table["birth_weight"].tolist()[2] == 3100


@pytest.mark.parametrize(
    ("sessions", "phenotype", "message"),
    [
        (pd.concat([SESSIONS, SESSIONS.iloc[:1]]), None, r"2 rows repeat a visit.*1 of 2 subjects"),
        (
            SESSIONS.assign(session_id=[None, "ses-2", "ses-1"]),
            None,
            "1 rows repeat a visit or",
        ),
        (SESSIONS.assign(participant_id=["x", "sub-a", "sub-b"]), None, "not in participants.tsv"),
        (SESSIONS.assign(sex="F"), None, "another table has the columns sex too"),
        (SESSIONS, SESSIONS.assign(session_id="ses-9"), r"rows repeat a visit"),
        (SESSIONS, SESSIONS.iloc[:1].assign(session_id="ses-9"), "1 rows are of visits that"),
        (SESSIONS, SESSIONS, "another table has the columns age_months too"),
    ],
)
def test_visits_that_do_not_fit_are_refused(sessions, phenotype, message):
    tables = {} if phenotype is None else {"ratings.tsv": phenotype}
    with pytest.raises(InputError, match=message):
        join_visits(PEOPLE, sessions, tables)


def test_sound_visits_pass():
    check_visits(canonical(), RULES, "sessions.tsv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wave_id": ["ses-1", "ses-1", "ses-1"]}, "2 visits repeat a wave of the same child"),
        ({"wave_id": ["ses-1", None, "ses-1"]}, "column 'wave_id'.*1 visits have no value"),
        ({"family_id": ["f1", "f3", "f2"]}, r"column 'family_id'.*differs.*1 of 2 subjects"),
        ({"age_months": [30.0, 41.0, 28.0]}, r"1 visits are outside .* 41 in ses-2 \(42 to 66\)"),
        ({"age_months": [2.5, 4.6, 2.3]}, "they are in years, months are expected"),
    ],
)
def test_what_only_visits_get_wrong_is_named(change, message):
    with pytest.raises(InputError, match=message):
        check_visits(canonical().assign(**change), RULES, "sessions.tsv")


def test_a_missing_age_is_no_age_outside_the_window():
    check_visits(canonical().assign(age_months=[30.0, np.nan, 28.0]), RULES, "sessions.tsv")


def test_what_is_known_once_per_child_is_repeated():
    genes = pd.DataFrame({"g": [1.0, 2.0]}, index=["a", "z"])
    spread = spread_over_visits(genes, canonical()["child_id"])
    assert spread.index.tolist() == ["a_ses-1", "a_ses-2"]
    assert spread["g"].tolist() == [1.0, 1.0]


def test_tables_of_waves_take_the_names_of_visits():
    index = pd.MultiIndex.from_tuples([("a", "ses-1"), ("b", "")], names=["subject_id", "wave_id"])
    table = one_row_per_visit(pd.DataFrame({"x": [1, 2]}, index=index))
    assert table.index.tolist() == ["a_ses-1", "b"]
    own = spread_over_visits(table, canonical()["child_id"])
    pd.testing.assert_frame_equal(own, table)


def test_waves_are_ordered_by_their_numbers():
    assert natural_order(pd.Series(["ses-10", "ses-2", None, "ses-2"])) == ["ses-2", "ses-10"]
