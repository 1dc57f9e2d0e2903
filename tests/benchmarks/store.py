"""Results of benchmarks: where they are kept, and the page that is made of them."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import Record
from threadpoolctl import threadpool_info

DOCS = Path(__file__).parents[2] / "docs"
STORE = DOCS / "benchmarks" / "results.json"
PAGE = DOCS / "benchmarks" / "index.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "kedro")
# Module to heading, in the order of the page.
BENCHMARKS = {
    "cca": "Permutation of canonical correlations",
    "held_out": "Held-out canonical correlations",
    "attribution": "Leave one gene out",
    "roc": "Areas under the ROC curve",
    "combat": "ComBat",
    "polygenic": "Polygenic scores",
    "sequences": "Personal sequences",
    "encoders": "Encoders of sequences",
    "brain_encoders": "Encoders of brains",
    "towers": "Two towers",
    "connectivity": "Connectivity",
    "ukb": "UK Biobank tables",
    "knowledge_base": "Knowledge base",
    "demo": "The demo by stage",
}


def there(name: str) -> bool:
    """Whether a benchmark's module is."""
    return (Path(__file__).parent / f"bench_{name}.py").is_file()


def describe_machine() -> dict[str, Any]:
    """Processor, cores, BLAS and versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    model = next((li.split(":", 1)[1].strip() for li in lines if li.startswith("model name")), "")
    blas = next((each for each in threadpool_info() if each["user_api"] == "blas"), {})
    return {
        "processor": model or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "blas": f"{blas.get('internal_api', '?')} {blas.get('version', '')}".strip(),
        "architecture": blas.get("architecture", platform.machine()),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
    }


def read(path: Path = STORE) -> dict[str, Any]:
    """Everything that is stored: benchmark to machine and records."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write(name: str, records: list[Record], path: Path = STORE) -> None:
    """Store one benchmark's records in the place of older ones."""
    stored = read(path) | {name: {"machine": describe_machine(), "records": records}}
    stored = {key: stored[key] for key in [*BENCHMARKS, *stored] if key in stored}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def tables(stored: dict[str, Any]) -> str:
    """The page's part that is made of what is stored."""
    if not stored:
        return "Nothing is stored yet; `make benchmark` measures.\n"
    parts = []
    for name, each in stored.items():
        machine = each["machine"]
        parts += [
            f"## {BENCHMARKS.get(name, name)}",
            "",
            "| what | size | ours | beside | its time | ratio (quartiles) | memory, ours and its "
            "(MB) | agreement |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *[row(record) for record in each["records"] if not record.get("skipped")],
            "",
        ]
        notes = [f"{r['name']}, {r['size']}: {r['note']}" for r in each["records"] if r.get("note")]
        missing = [f"{r['alternative']} ({r['skipped']})" for r in each["records"]
                   if r.get("skipped")]  # fmt: skip
        said = [*dict.fromkeys(notes)]
        if missing:
            said.append(f"Not compared: {', '.join(missing)}")
        said.append(
            f"{machine['processor']}, {machine['cores']} cores, {machine['blas']} "
            f"({machine['architecture']}), NumPy {machine['numpy']}, SciPy {machine['scipy']}, "
            f"scikit-learn {machine['scikit-learn']}, {machine['date']}"
        )
        parts += [". ".join(text[0].upper() + text[1:] for text in said) + ".", ""]
    return "\n".join(parts)


def row(record: Record) -> str:
    """A line of the table; what has no alternative leaves its cells empty."""
    other, ratio, memory = "", "", ""
    if record.get("other_s") is not None:
        other = seconds(record["other_s"])
        low, high = record["spread"]
        ratio = f"{number(record['ratio'])} ({number(low)}–{number(high)})"
    if record.get("peak_ours_mb") is not None:
        theirs = record.get("peak_other_mb")
        memory = f"{number(record['peak_ours_mb'])}, {'—' if theirs is None else number(theirs)}"
    cells = [
        record["name"], record.get("size", ""), seconds(record["ours_s"]),
        record.get("alternative", ""), other, ratio, memory, record["agreement"],
    ]  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def number(value: float) -> str:
    """Three digits.

    Examples
    --------
    >>> number(1234.5), number(0.01234), number(4.0)
    ('1,230', '0.0123', '4.00')
    """
    if abs(value) >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:#.3g}"


def seconds(value: float) -> str:
    """Time in a unit that suits it.

    Examples
    --------
    >>> seconds(0.00123), seconds(2.5), seconds(0.0000042)
    ('1.23 ms', '2.50 s', '4.20 µs')
    """
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size or unit == "µs":
            return f"{number(value / size)} {unit}"
    raise AssertionError(value)


def page_with(text: str, made: str) -> str:
    """Page whose part between the markers is what was made."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{made}\n{END}{after}"


def write_page(path: Path = PAGE) -> None:
    """Bring the page up to what is stored."""
    text = path.read_text(encoding="utf-8")
    path.write_text(page_with(text, tables(read())), encoding="utf-8")
