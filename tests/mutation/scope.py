"""What is mutated, and what its tests are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = "tests/view"
PACKAGE = "src/neurogenomics_kb"
REPORTING = f"{PACKAGE}/pipelines/reporting"
INTEGRATION = f"{PACKAGE}/pipelines/integration"
ANALYSES = f"{INTEGRATION}/analyses"
TEMPLATES = f"{REPORTING}/templates"
# Functions of a module that also computes: only these speak.
FUNCTIONS = {f"{ANALYSES}/audit/harmonization.py": ["harmonization_sentences"]}


def modules() -> dict[str, list[str]]:
    """Modules by the subject that they belong to, as paths from the project's root."""
    present = sorted((ROOT / ANALYSES).glob("*/present*.py"))
    return {
        "report": [
            f"{PACKAGE}/pipelines/view.py",
            *(f"{REPORTING}/{name}.py" for name in ("view", "sections", "cautions", "report")),
            *(path.relative_to(ROOT).as_posix() for path in present),
            f"{ANALYSES}/cca/loadings.py",
        ],
        "family of tests": [f"{INTEGRATION}/family.py", f"{ANALYSES}/base.py"],
        "verdict of the audit": [
            f"{ANALYSES}/audit/verdict.py",
            *(
                f"{ANALYSES}/audit/said_of_{of}.py"
                for of in ("decoders", "people", "proxies", "units")
            ),
            f"{ANALYSES}/audit/saying.py",
            f"{ANALYSES}/audit/thresholds.py",
            f"{ANALYSES}/audit/harmonization.py",
        ],
        "decision": [f"{INTEGRATION}/decision.py"],
    }


def all_modules() -> list[str]:
    """Every module that is mutated."""
    return [module for found in modules().values() for module in found]


def pattern_of(module: str) -> list[str]:
    """Names of a module's mutants, as mutmut writes them."""
    dotted = module.removeprefix("src/").removesuffix(".py").replace("/", ".")
    wanted = FUNCTIONS.get(module)
    return [f"{dotted}.x_{name}__mutmut_*" for name in wanted] if wanted else [f"{dotted}.*"]
