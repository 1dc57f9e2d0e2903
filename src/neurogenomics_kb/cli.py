"""Commands of the project: ``kedro run`` with one-line errors, and ``kedro kb``."""

from __future__ import annotations

import os
import re
import sys

import click
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.io import DatasetError
from kedro.validation import ParameterValidationError
from omegaconf.errors import InterpolationKeyError, InterpolationResolutionError

from neurogenomics_kb.foundation.errors import Defect, InputError
from neurogenomics_kb.project.commands import kb

TRACEBACK_VARIABLE = "NGKB_TRACEBACK"


@click.group(name="neurogenomics-kb")
def cli() -> None:
    """Commands of this project."""


class OneLineErrors(click.Command):
    """A command whose user errors end in one line instead of a traceback."""

    def invoke(self, ctx: click.Context):
        """Run the command; show the root `InputError` of whatever was raised."""
        try:
            return super().invoke(ctx)
        except click.ClickException:
            raise
        except Exception as error:
            message = explain(error)
            if message is None or os.environ.get(TRACEBACK_VARIABLE):
                raise
            click.secho(f"Error: {message}", fg="red", err=True)
            sys.exit(1)


def explain(error: BaseException) -> str | None:
    """One line for an error that the user can mend, or None for a defect of the program."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Defect):
            return None
        if isinstance(seen, InputError):
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, ParameterValidationError):
        return explain_parameters(str(error))
    if isinstance(error, InterpolationKeyError):
        return explain_interpolation(str(error))
    unsaid = re.match(r"Globals key '(.+?)' not found", str(error))
    if isinstance(error, InterpolationResolutionError) and unsaid:
        return f"globals.yml of the environment does not say '{unsaid.group(1)}'. Write it there."
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
    what = key.group(1) if key else " ".join(message.split())
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


def _run(**options):
    # Kedro keeps --pipeline, which is what people type, but warns about it at every run.
    pipeline = options.get("pipeline")
    if pipeline and not options.get("pipelines"):
        options.update(pipeline=None, pipelines=[pipeline])
    return kedro_run.callback(**options)


cli.add_command(
    OneLineErrors(name="run", params=kedro_run.params, callback=_run, help=kedro_run.help)
)
cli.add_command(kb)
