"""``python -m neurogenomics_kb.calibration``: measure, store, and render the table for the docs."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import pandas as pd

from neurogenomics_kb.calibration.page import render_page
from neurogenomics_kb.calibration.picture import save_pictures
from neurogenomics_kb.calibration.suite import COLUMNS, SCENARIOS, run_suite

RESULTS = Path("docs/calibration/results.csv")
PAGE = Path("docs/calibration/index.md")
SHARDS = Path("build/calibration")


def main() -> None:
    """Run scenarios that the stored table lacks, or those named."""
    parser = argparse.ArgumentParser(prog="neurogenomics_kb.calibration", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--cohorts", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--render-only", action="store_true", help="only write the page again")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.scenarios if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("neurogenomics_kb.pipelines").setLevel(logging.WARNING)
    done = pd.DataFrame(columns=COLUMNS)
    if chosen.results.exists():
        done = pd.read_csv(chosen.results, keep_default_na=False)

    def save(table: pd.DataFrame) -> None:
        chosen.results.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(chosen.results, index=False, float_format="%.5g")

    if chosen.render_only:
        table = done
    else:
        table = run_suite(
            chosen.scenarios or None, cohorts=chosen.cohorts, n_jobs=chosen.jobs, done=done,
            save=save, shards=SHARDS,
        )  # fmt: skip
        save(table)
    chosen.page.write_text(render_page(table), encoding="utf-8")
    save_pictures(table, chosen.page.parent)
    print(f"{chosen.results} and {chosen.page}: {len(table)} rows")


if __name__ == "__main__":
    main()
