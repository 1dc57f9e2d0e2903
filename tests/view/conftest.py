"""Compare what a view says with what was read and found right, line by line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.view.tables import text_of

EXPECTED = Path(__file__).parent / "expected"


@pytest.fixture
def says():
    """Check a view against the stored text of a name.

    NGKB_WRITE_EXPECTED=1 writes it; read every line of the difference before it is committed.
    """

    def check(name: str, view) -> None:
        file, text = EXPECTED / f"{name}.txt", text_of(view)
        if os.environ.get("NGKB_WRITE_EXPECTED"):
            file.write_text(text, encoding="utf-8")
        assert text.splitlines() == file.read_text(encoding="utf-8").splitlines()

    return check
