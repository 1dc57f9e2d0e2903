"""The file of ``kedro run --config``, looked at before Kedro reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import refuse_large
from neurogenomics_kb.registry.yaml_file import MAX_BYTES, SafeLoader, refuse_nesting, unreadable

# Aliases of aliases write a file of a kilobyte out into gigabytes.
MOST_VALUES = 100_000
REMEDY = "Write `run:` and below it options of `kedro run`, as the files in conf/experiments do."

WORDS = {type(None): "empty", list: "a list", dict: "a mapping", int: "a number", float: "a number"}


def require_run_file(path: str | Path) -> dict[str, Any]:
    """Options of a run in a file; refuse one that names none.

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
        refuse_large(path, MAX_BYTES, "the file of a run")
        text = path.read_text(encoding="utf-8")
        refuse_nesting(text, path, aliases=True)
        content = yaml.load(text, Loader=SafeLoader)
        refuse_written_out(content, path)
        # What Kedro reads it with, which refuses a key that comes twice.
        OmegaConf.create(text)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=path, remedy="Check path and rights."
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise unreadable(error, path, "Fix the syntax; YAML is indented by spaces.") from None
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
    return content["run"]


def refuse_written_out(content: Any, path: Path) -> None:
    """Refuse a parsed file that is small only as long as its aliases are not written out."""
    if size_written_out(content) > MOST_VALUES:
        raise InputError(
            f"its aliases make more than {MOST_VALUES:,} values of it",
            file=path,
            remedy="Write what the run needs.",
        )


def size_written_out(content: Any) -> int:
    """How many values a parsed file holds where every alias stands for what it names."""
    known: dict[int, int] = {}

    def size(value: Any) -> int:
        parts = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(parts, list):
            return 1
        if id(value) not in known:
            known[id(value)] = MOST_VALUES  # of an alias inside what it names
            known[id(value)] = 1 + sum(map(size, parts))
        return known[id(value)]

    return size(content)
