"""``python -m tests.mutation.run``: mutate a copy, test, store and render the result.

Run by the interpreter of an environment that has mutmut beside what the project needs; see
``make mutants``.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from tests.mutation.page import SHARE, render
from tests.mutation.scope import ROOT, TESTS, all_modules, modules, pattern_of

RESULTS = ROOT / "docs/calibration/mutants.json"
PAGE = ROOT / "docs/calibration/mutants.md"
EQUIVALENT = Path(__file__).parent / "equivalent.json"
# What the tests read beside src and tests, which mutmut copies itself.
ALSO_COPY = ["conf", "kb"]
# Failed tests, and mutants that never end, told by the processor's time and not by the clock's.
KILLED = {1, 3, 24, -24, 152}
PLANTED, TRIED, MEASURED = "planted.jsonl", "tried.json", "measured.json"
# Beside it, faults are planted, one at a time.
CHILDREN = 1


def main() -> None:
    """Measure, store, render; fail where the tests see too little."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=int, default=CHILDREN, help="tests at a time")
    parser.add_argument(
        "--again", type=Path, help="folder of an earlier run: try what survived on the tests of now"
    )
    given = parser.parse_args()
    folder = given.again or Path(tempfile.mkdtemp(prefix="mutants-"))
    (try_again if given.again else measure)(folder, given.children)
    copy = folder / "mutated"
    result = {
        **json.loads((folder / MEASURED).read_text(encoding="utf-8")),
        "modules": counts(copy),
        "survivors": survivors(copy),
        "planted": planted_in(folder / "planted"),
    }
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(render(result), encoding="utf-8")
    problems = problems_of(result)
    if problems:
        raise SystemExit("\n".join([*problems, f"the mutants lie in {folder}"]))
    shutil.rmtree(folder)


def measure(folder: Path, children: int) -> None:
    """Mutate in one copy, plant in another."""
    copy, field = folder / "mutated", folder / "planted"
    copy_project(copy)
    copy_project(field)
    print(f"mutants are made in {folder}", flush=True)
    note_run(folder)
    planting = start_planting(field)
    mutate(copy, children, [name for module in all_modules() for name in pattern_of(module)])
    print("planting", flush=True)
    if planting.wait():
        raise SystemExit("planting failed")


def note_run(folder: Path) -> None:
    """When and on what the run is."""
    said = {"date": datetime.now(UTC).date().isoformat(), "commit": commit(), "mutmut": version()}
    (folder / MEASURED).write_text(json.dumps(said), encoding="utf-8")


def try_again(folder: Path, children: int) -> None:
    """Try what survived on the tests as they are now; killed ones stay killed by more tests."""
    copy, field = folder / "mutated", folder / "planted"
    for module in all_modules():
        if (copy / module).read_bytes() != (ROOT / module).read_bytes():
            raise SystemExit(f"{module} has changed since; run without --again")
    note_run(folder)
    for place in (copy, field):
        shutil.copytree(ROOT / "tests", place / "tests", dirs_exist_ok=True)
    before = planted_in(field)
    if any(p["survives"] for p in before):
        (field / TRIED).write_text(json.dumps([p for p in before if p["survives"]]))
        if start_planting(field, TRIED).wait():
            raise SystemExit("planting failed")
        now = {(p["file"], p["name"]): p for p in planted_in(field)}
        lines = [json.dumps(now.get((p["file"], p["name"]), p)) for p in before]
        (field / PLANTED).write_text("\n".join(lines), encoding="utf-8")
    codes = {n: c for module in all_modules() for n, c in exit_codes(copy, module).items()}
    alive = [name for name, code in codes.items() if code not in KILLED]
    if alive:
        mutate(copy, children, alive)


def copy_project(copy: Path) -> None:
    """What git knows of the project, without data and documentation, ready for mutmut."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard",
         "src", "tests", *ALSO_COPY, "pyproject.toml"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    settings = {
        "source_paths": ["src"],
        "only_mutate": all_modules(),
        "also_copy": ALSO_COPY,
        "pytest_add_cli_args_test_selection": [TESTS],
        "pytest_add_cli_args": ["-p", "no:cacheprovider"],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    with (copy / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(["", "[tool.mutmut]", *lines, "use_git_change_detection = false", ""]))


def start_planting(copy: Path, *wanted: str) -> subprocess.Popen:
    """Plant every fault, or those that a file names, in a copy of its own."""
    path = os.pathsep.join([str(copy / "src"), str(copy)])
    with (copy / PLANTED).open("w", encoding="utf-8") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.mutation.plants", *wanted],
            cwd=copy, env=os.environ | {"PYTHONPATH": path}, stdout=file,
        )  # fmt: skip


def planted_in(copy: Path) -> list[dict]:
    """Every fault that was planted, and whether it survived."""
    return [json.loads(line) for line in (copy / PLANTED).read_text("utf-8").splitlines()]


def mutate(copy: Path, children: int, names: list[str]) -> None:
    """Let mutmut make and test mutants of these names."""
    command = [*MUTMUT, "run", "--max-children", str(children), *names]
    subprocess.run(command, cwd=copy, check=True, env=environment())


MUTMUT = [sys.executable, "-m", "mutmut"]


def environment() -> dict[str, str]:
    """Variables for mutmut, which finds the mutated modules itself."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def exit_codes(copy: Path, module: str) -> dict[str, int | None]:
    """Exit code of the tests by mutant of a module."""
    meta = json.loads((copy / "mutants" / f"{module}.meta").read_text(encoding="utf-8"))
    codes = meta["exit_code_by_key"]
    wanted = pattern_of(module)
    return {n: c for n, c in codes.items() if any(fnmatch.fnmatch(n, p) for p in wanted)}


def counts(copy: Path) -> list[dict]:
    """Mutants made and killed by module, with those whose survival is explained."""
    listed = {(e["function"], e["removed"], e["added"]) for e in equivalents()}
    rows = []
    for subject, found in modules().items():
        for module in found:
            codes = exit_codes(copy, module)
            alive = [change_of(copy, module, n) for n, c in codes.items() if c not in KILLED]
            keys = [(e["function"], e["removed"], e["added"]) for e in alive]
            rows.append(
                {
                    "subject": subject,
                    "module": module.removeprefix("src/neurogenomics_kb/"),
                    "mutants": len(codes),
                    "killed": sum(c in KILLED for c in codes.values()),
                    "equivalent": sum(key in listed for key in keys),
                }
            )
    return rows


def survivors(copy: Path) -> list[dict]:
    """Every mutant that no test saw, with the reason where it is equivalent."""
    reasons = {(e["function"], e["removed"], e["added"]): e["reason"] for e in equivalents()}
    out = []
    for module in all_modules():
        for name, code in exit_codes(copy, module).items():
            if code not in KILLED:
                change = change_of(copy, module, name)
                key = (change["function"], change["removed"], change["added"])
                out.append(change | {"reason": reasons.get(key, "")})
    return out


def equivalents() -> list[dict]:
    """Mutants that behave as the original, each with its reason."""
    return json.loads(EQUIVALENT.read_text(encoding="utf-8"))


@cache
def change_of(copy: Path, module: str, name: str) -> dict:
    """What a mutant changes, in lines; numbers of mutants move with every edit, lines do not."""
    shown = subprocess.run(
        [*MUTMUT, "show", name], cwd=copy, check=True, capture_output=True, text=True,
        env=environment(),
    ).stdout.splitlines()  # fmt: skip
    lines = [line for line in shown if not line.startswith(("---", "+++"))]
    function = name.rpartition("__mutmut_")[0].removeprefix("neurogenomics_kb.pipelines.")
    return {
        "function": function,
        "removed": " ".join(line[1:].strip() for line in lines if line.startswith("-")),
        "added": " ".join(line[1:].strip() for line in lines if line.startswith("+")),
    }


def commit() -> str:
    """Commit that was measured, with a mark where files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    return subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def version() -> str:
    """Release of mutmut."""
    from importlib.metadata import version as of

    return of("mutmut")


def problems_of(result: dict) -> list[str]:
    """Why the tests see too little; empty where they see enough."""
    out = []
    made = sum(m["mutants"] - m["equivalent"] for m in result["modules"])
    killed = sum(m["killed"] for m in result["modules"])
    if killed < SHARE * made:
        out.append(f"{killed} of {made} mutants are killed, less than {SHARE:.0%}")
    alive = [p for p in result["planted"] if p["survives"]]
    out += [f"planted and not seen: {p['kind']}: {p['name']} ({p['file']})" for p in alive]
    seen = {(s["function"], s["removed"], s["added"]) for s in result["survivors"]}
    stale = [e for e in equivalents() if (e["function"], e["removed"], e["added"]) not in seen]
    out += [f"listed as equivalent and no survivor: {e['function']}: {e['added']}" for e in stale]
    return out


if __name__ == "__main__":
    main()
