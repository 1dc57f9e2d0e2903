"""Say where the results of the last demo run are."""

from pathlib import Path

REPORTING = Path("data/08_reporting")

if __name__ == "__main__":
    reports = sorted(REPORTING.glob("*/*/report.html"), key=lambda p: p.stat().st_mtime)
    cards = sorted(Path("kb/results/local").glob("*.yaml"), key=lambda p: p.stat().st_mtime)
    print()
    print(f"Report        {reports[-1] if reports else 'none yet'}")
    print(f"Result card   {cards[-1] if cards else 'none yet'}")
    if cards:
        print(f"              .venv/bin/kedro kb show {cards[-1].stem}")
    print("Compare runs  make ui     then open the address it prints")
    print("Lineage       make viz    then open the address it prints")
