"""One line for what goes wrong in configuration and data, without the talk of libraries."""

from __future__ import annotations

import errno
import re

from kedro.config import MissingConfigException
from kedro.io import DatasetError
from kedro.validation import ParameterValidationError
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from neurogenomics_kb.foundation.errors import Defect, InputError
from neurogenomics_kb.project.files import NO_RIGHT
from neurogenomics_kb.project.store import GO_ON, STORE_ERRORS, said_of

MAKE_ROOM = "Make room and run again with --only-missing-outputs."
# What a machine says that cannot write, and what to do.
UNWRITTEN = {
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EROFS: "Work in a folder that can be written.",
    errno.ENOSPC: MAKE_ROOM,
    errno.EDQUOT: MAKE_ROOM,
    errno.EFBIG: MAKE_ROOM,
}


def explain(error: BaseException) -> str | None:
    """One line for an error that the user can mend, or None for a defect of the program."""
    seen: BaseException | None = error
    unwritten: str | None = None
    while seen is not None:
        if isinstance(seen, Defect):
            return None
        if isinstance(seen, InputError):
            return str(seen)
        if isinstance(seen, OSError) and seen.errno in UNWRITTEN:
            unwritten = f"{seen.filename or 'the disk'}: {seen.strerror}. {UNWRITTEN[seen.errno]}"
        if isinstance(seen, STORE_ERRORS):
            return f"the tracking store gives an error: {said_of(seen)}. {GO_ON}"
        seen = seen.__cause__ or seen.__context__
    if unwritten:
        return unwritten
    if isinstance(error, ParameterValidationError):
        return explain_parameters(str(error))
    if isinstance(error, InterpolationKeyError):
        return explain_interpolation(str(error))
    unsaid = re.match(r"Globals key '(.+?)' not found", str(error))
    if isinstance(error, InterpolationResolutionError) and unsaid:
        return f"globals.yml of the environment does not say '{unsaid.group(1)}'. Write it there."
    if isinstance(error, OmegaConfBaseException):
        return explain_interpolation(" ".join(str(error).split()))
    unset = re.match(r"Dataset 'params:(.+?)' not found", str(error))
    if isinstance(error, DatasetError) and unset:
        return (
            f"there are no parameters '{unset.group(1)}'. Write them into parameters/ of the "
            "environment, or name an experiment with --config."
        )
    if isinstance(error, DatasetError | MissingConfigException):
        return " ".join(str(error).split())
    if isinstance(error, ValueError) and "Failed to find the pipeline named" in str(error):
        return " ".join(str(error).split())
    return None


def explain_interpolation(message: str) -> str:
    """A reference of the configuration that leads nowhere, as one line."""
    key = re.search(r"Interpolation key '(.+?)' not found", message)
    entry = re.search(r"full_key: (\S+)", message)
    where = f"{entry.group(1)}: " if entry else ""
    if key is None:
        said = re.sub(r" *(full_key|object_type|reference_type)[:=] *\S+", "", message)
        said = " ".join(said.split())
        return f"{where}{said}. Text with a dollar sign and braces is a reference."
    what = key.group(1)
    return (
        f"{where}there is no '{what}' in the configuration. Check globals.yml of the environment: "
        "the comments beside its values list the choices."
    )


def explain_parameters(message: str) -> str:
    """Kedro's report of wrong parameters as one line without library talk."""
    found, group = [], ""
    lines = message.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        named = re.search(r"Parameter '([^']+)'", line)
        group = named.group(1) if named else group
        fault = re.match(r"\s+(.*) \[type=(\w+), input_value=(.*), input_type=", line)
        if fault:
            text, kind, value = fault.groups()
            field = before.strip()
            field = f"{group}.{field}" if re.fullmatch(r"[\w.]+", field) else group
            if kind == "extra_forbidden":
                found.append(f"{field}: there is no such parameter (got {value})")
            elif kind == "value_error":
                found.append(f"{field}: {text.removeprefix('Value error, ')}")
            else:
                found.append(f"{field}: {text} (got {value})")
    return "; ".join(found) if found else " ".join(message.split())
