"""Write the paper summaries of docs/generated/kb_curated/ from the cards in kb/.

    python scripts/build_summaries.py

With --check nothing is written, and the exit code says whether the files are those of the cards.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.site import Catalogue
from neurogenomics_kb.registry.summaries import FOLDER, summary_files

PROJECT = Path(__file__).parents[1]


def differences(project: Path) -> dict[Path, str | None]:
    """Files that are not what the cards say, with the text that they should have (None: none)."""
    docs = project / "docs"
    wanted = {
        docs / path: content
        for path, content in summary_files(Catalogue(Registry(project / "kb", project))).items()
    }
    found = set((docs / FOLDER).rglob("*.md"))
    stale: dict[Path, str | None] = {
        path: content
        for path, content in wanted.items()
        if path not in found or path.read_text(encoding="utf-8") != content
    }
    return stale | dict.fromkeys(found - wanted.keys())


def main() -> int:
    """Write or compare the files and say which."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--project", type=Path, default=PROJECT, help="folder with kb/ and docs/")
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    options = parser.parse_args()
    stale = differences(options.project)
    for path, content in sorted(stale.items()):
        print(f"{path.relative_to(options.project)}: {'stale' if options.check else 'written'}")
        if options.check:
            continue
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    print(f"{len(stale)} files {'differ from' if options.check else 'brought up to'} the cards")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
