"""The file of ``kedro run --config``, looked at before Kedro reads it."""

from __future__ import annotations

from pathlib import Path

import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.yaml_file import SafeLoader

REMEDY = "Write `run:` and below it options of `kedro run`, as the files in conf/experiments do."

WORDS = {type(None): "empty", list: "a list", dict: "a mapping", int: "a number", float: "a number"}


def require_run_file(path: str | Path) -> None:
    """Refuse a file that names no options of a run.

    Parameters
    ----------
    path : str or Path
        What ``--config`` names.

    Raises
    ------
    InputError
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=SafeLoader)
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start + 1:,} is not UTF-8 text", file=path, remedy="Save it as UTF-8."
        ) from None
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=path, remedy="Check path and rights."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
        raise InputError(
            f"not valid YAML: {problem}",
            file=f"{path}:{mark.line + 1}" if mark else path,
            remedy="Fix the syntax; YAML is indented by spaces.",
        ) from None
    if not isinstance(content, dict) or "run" not in content:
        raise InputError(f"it is {WORDS.get(type(content), 'a word')} without `run`", file=path,
                         remedy=REMEDY)  # fmt: skip
    if not isinstance(content["run"], dict):
        found = WORDS.get(type(content["run"]), "a word")
        raise InputError(f"`run` is {found}", file=path, column="run", remedy=REMEDY)
    if not isinstance(content["run"].get("params", {}), dict):
        raise InputError(
            f"`params` is {WORDS.get(type(content['run']['params']), 'a word')}",
            file=path,
            column="run.params",
            remedy="Write parameters with their values below it.",
        )
