"""Identifiers are found in every spelling that tables and people give them, and nothing else is."""

from __future__ import annotations

import html
import unicodedata

import numpy as np
import pytest

from neurogenomics_kb.registry.identifiers import Identifiers

IDS = ["sub-NDARINV0A1B2C", "1000001", "sub-0012", "0004567", "HBN 100-2003-77"]


def spellings(one: str) -> dict[str, str]:
    """Ways in which a table, a file name or a page may write an identifier."""
    out = {
        "itself": one,
        "upper": one.upper(),
        "title": one.title(),
        "other separator": one.replace("-", "_").replace(" ", "."),
        "no separator": one.replace("-", "").replace(" ", ""),
        "in a path": f"data/{one.replace(' ', '-')}_bold.nii.gz",
        "in a sentence": f"left out ({one}), twice",
        "escaped for a page": html.escape(one).replace("-", "&#45;"),
        "escaped for an address": one.replace("-", "%2D").replace(" ", "%20"),
        "wide letters": "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in one),
    }
    if one.isdigit():
        n = int(one)
        out["thousands"] = f"{n:,}" if n > 9999 else one
        out["float"] = f"{n}.0" if n > 9999 else one
        out["exponent"] = f"{n:.10e}" if n > 9999 else one
        out["padded"] = one.zfill(9) if n > 9999 else one
    return out


@pytest.mark.parametrize("one", IDS)
def test_every_spelling_is_found(one):
    known = Identifiers(IDS)
    missed = [how for how, text in spellings(one).items() if not known.in_text(text)]
    assert missed == []


@pytest.mark.parametrize(
    "text",
    [
        "p = 0.0012", "0.1000001", "10000010", "21000001", "participants 120", "4567 people", "12",
        "2026-11-28", "NDARINV0A1B2", "sub-0013", "version 1.0.12", "100-2003", "1,000,002", "",
    ],
)  # fmt: skip
def test_other_texts_are_no_identifier(text):
    assert not Identifiers(IDS).in_text(text)


def test_a_short_number_is_somebodys_only_where_a_word_says_so():
    known = Identifiers(["12", "7"])
    assert not known.in_text("12 of 400 tests, k = 7")
    assert known.in_text("subject 12")
    assert known.in_text("sub-012_bold")
    assert not known.is_number(12)


def test_numbers_are_compared_as_numbers():
    known = Identifiers(["1000001"])
    assert known.is_number(1000001.0)
    assert known.is_number(np.int64(1000001))
    assert not known.is_number(1000001.5)
    assert not known.is_number(float("nan"))
    assert not known.is_number(float("inf"))


def test_databases_numbers_are_found_without_their_prefix():
    known = Identifiers(["sub-1000001"])
    assert known.in_text("eid 1000001")
    assert known.is_number(1000001)


def test_people_numbered_from_one_on_need_a_word_before_their_number():
    known = Identifiers([f"sub-{i:05d}" for i in range(1, 20_001)])
    for clean in ("20000 people, 19,874 analysed", "n = 12345.0", "max_rows: 16384", "1e4"):
        assert not known.in_text(clean)
    assert not known.is_number(20_000)
    for named in ("sub-20000", "SUB_12345", "subject 16384", "sub-00042", "00042", "eid 12345"):
        assert known.in_text(named)


def test_random_numbers_are_hardly_ever_taken_for_people():
    rng = np.random.default_rng(0)
    known = Identifiers([str(i) for i in rng.integers(10**6, 10**7, 50_000)])
    texts = [f"r = {r:.4f}, p = {p:.3g}" for r, p in rng.random((2_000, 2))]
    assert not any(known.in_text(text) for text in texts)


def test_nobody_is_found_where_nobody_is_known():
    assert not Identifiers().in_text("sub-0001 1000001")


def test_pictures_inside_a_page_are_left_out():
    known = Identifiers(["abcde12345"])
    assert not known.in_text('<img src="data:image/png;base64,abcde12345=">')
    assert known.in_text('<p title="abcde12345">')
    assert unicodedata.normalize("NFKC", "１") == "1"
