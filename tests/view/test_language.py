"""What axes in words say, cell by cell, on tables in which every number is another."""

from __future__ import annotations

from neurogenomics_kb.pipelines.integration.analyses.language.present import present_language
from neurogenomics_kb.pipelines.integration.analyses.language.tables import AXES, SPACES
from tests.pipelines.conftest import make_recipe
from tests.view.tables import NAN, Numbers, rows_of

PAIR = {"bridge": "words", "x": "gene", "y": "white_matter", "component": 1}
OTHER = {"bridge": "words", "x": "gene", "y": "brain-stem", "component": 2}


def recipe():
    return make_recipe(analyses=["cca", "language"], bridges=["words"])


def tables():
    numbers = Numbers()
    sides = [
        ({**PAIR, "side": "x", "block": "gene"}, 0.0031, NAN),
        ({**PAIR, "side": "y", "block": "white_matter"}, 0.05, 0.21),
        ({**OTHER, "side": "y", "block": "brain-stem"}, 0.012, 0.43),
    ]
    axes = rows_of(
        AXES, numbers,
        *(
            {**side, "concept": concept, "rank": rank, "p_within": within,
             "p_adjusted": p if rank == 1 else NAN}
            for side, p, within in sides
            for rank, concept in enumerate(
                ("working_memory", "vision", "fear", "touch", "reward", "never_shown"), start=1
            )
        ),
    )  # fmt: skip
    spaces = rows_of(
        SPACES, numbers,
        {"bridge": "words", "block": "gene", "measure": "likeness", "note": "", "recall": NAN,
         "recall_chance": NAN, "p_adjusted": 0.021, "p_within": NAN},
        {"bridge": "words", "block": "gene", "measure": "retrieval", "note": "",
         "p_adjusted": 0.32},
        {"bridge": "words", "block": "white_matter", "measure": "likeness", "note": "",
         "recall": NAN, "recall_chance": NAN, "p_adjusted": 0.05},
        {"bridge": "others", "block": "", "measure": "", "note": "no weights here", "n_units": NAN,
         "n_lost": NAN, "n_permutations": NAN, "statistic": NAN, "chance": NAN, "recall": NAN,
         "recall_chance": NAN, "p_raw": NAN, "p_within": NAN, "p_claimed": NAN,
         "p_claimed_low": NAN, "p_claimed_high": NAN, "p_adjusted": NAN},
    )  # fmt: skip
    return axes, spaces


def test_axes_and_blocks_in_words(says):
    says("language", present_language(recipe(), *tables()))


def test_where_nothing_stands_out_the_report_says_so_for_every_axis():
    axes, spaces = tables()
    first = axes["rank"] == 1
    part = present_language(recipe(), axes.assign(p_adjusted=0.05).where(first, axes), spaces)
    assert part.findings[0] == "In words: no concept stands out."
    notes = [item.text for item in part.sections[0].items if item.kind == "note"]
    assert sum(text.endswith("no concept stands out.") for text in notes) == 3
    table = part.sections[0].items[0]
    assert [row.css for row in table.rows] == [""] * 15


def test_without_weights_there_is_one_line_and_no_section():
    _, spaces = tables()
    part = present_language(recipe(), AXES.empty(), spaces[spaces["block"] == ""])
    assert part.cautions == ["Language, others: not told: no weights here"]
    assert (part.sections, part.findings, part.statements) == ([], [], [])


def test_every_row_has_its_head():
    part = present_language(recipe(), *tables())
    for item in part.sections[0].items:
        if item.kind == "table":
            assert {len(row.cells) for row in item.rows} == {len(item.head)}
