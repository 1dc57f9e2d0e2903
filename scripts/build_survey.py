"""Make the table of a survey catalogue from the curated list's own README.

    python scripts/build_survey.py path/to/README.md

The list is cloned or downloaded beforehand; nothing is fetched here. With --check nothing is
written, and the exit code says whether the stored table is that of the list.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.survey import FOLDER, parse_list, write_table

TABLE = Path(__file__).parents[1] / "kb" / FOLDER / "fms_medical_catalog.csv"


def main() -> int:
    """Read the list, write or compare the table, say what was counted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("readme", type=Path, help="README.md of the list")
    parser.add_argument("--out", type=Path, default=TABLE, help="table to write")
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    options = parser.parse_args()
    try:
        entries = parse_list(options.readme.read_text(encoding="utf-8"), options.readme)
    except (InputError, OSError, UnicodeDecodeError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    counts = Counter(e.kind for e in entries)
    print(f"{len(entries)} entries: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    if not options.check:
        write_table(entries, options.out)
        print(f"written to {options.out}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "fresh.csv"
        write_table(entries, fresh)
        same = options.out.is_file() and fresh.read_bytes() == options.out.read_bytes()
    print("the stored table is the same" if same else f"{options.out} differs from the list")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
