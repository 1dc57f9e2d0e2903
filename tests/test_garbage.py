"""Searches for garbage are put off while a run starts, and only there."""

from __future__ import annotations

import gc

import pytest

from neurogenomics_kb.project.garbage import PYTHONS_OWN, SELDOM, forget_what_stays, search_seldom


@pytest.fixture(autouse=True)
def untouched():
    before = gc.get_threshold()
    yield
    assert gc.get_threshold() == before
    gc.unfreeze()


def test_a_run_searches_seldom_until_its_libraries_are_loaded():
    with search_seldom():
        assert gc.get_threshold()[2] == SELDOM
        forget_what_stays()
        assert gc.get_threshold()[2] == PYTHONS_OWN
        assert gc.get_freeze_count() > 10_000


def test_elsewhere_garbage_is_found_as_ever():
    frozen = gc.get_freeze_count()
    forget_what_stays()
    assert gc.get_freeze_count() == frozen
    assert gc.get_threshold()[2] != SELDOM


def test_a_run_that_fails_leaves_the_search_as_it_was():
    before = gc.get_threshold()
    with pytest.raises(RuntimeError), search_seldom():
        raise RuntimeError
    assert gc.get_threshold() == before
