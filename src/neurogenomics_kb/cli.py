"""Commands of the project: ``kedro run`` with one-line errors, and ``kedro kb``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from copy import copy
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from neurogenomics_kb.project.commands import kb
from neurogenomics_kb.project.garbage import search_seldom
from neurogenomics_kb.project.messages import explain, explain_interpolation, explain_parameters
from neurogenomics_kb.project.run_file import require_run_file

__all__ = ["OneLineErrors", "cli", "explain", "explain_interpolation", "explain_parameters"]

TRACEBACK_VARIABLE = "NGKB_TRACEBACK"


@click.group(name="neurogenomics-kb")
def cli() -> None:
    """Commands of this project."""


class OneLineErrors(click.Command):
    """A command whose user errors end in one line instead of a traceback."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the options (the signature is click's)."""
        return in_one_line(super().make_context, *arguments, **options)

    def invoke(self, ctx: click.Context):
        """Run the command; show the root `InputError` of whatever was raised."""
        return in_one_line(super().invoke, ctx)


def in_one_line(step: Callable, *arguments: Any, **options: Any) -> Any:
    """Do a step of a command; what the user can mend ends it with one line and exit code 1."""
    try:
        return step(*arguments, **options)
    except click.ClickException:
        raise
    except Exception as error:
        message = explain(error)
        if message is None or os.environ.get(TRACEBACK_VARIABLE):
            raise
        click.secho(f"Error: {message}", fg="red", err=True)
        sys.exit(1)


def _looked_at(parameter: click.Parameter) -> click.Parameter:
    """``--config`` whose file is looked at before Kedro reads it; any other option as it is."""
    if parameter.name != "config":
        return parameter
    kedros = parameter.callback

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value:
            require_run_file(value)
        return kedros(ctx, param, value)

    looked_at = copy(parameter)
    looked_at.callback = callback
    return looked_at


def _run(**options):
    # Kedro keeps --pipeline, which is what people type, but warns about it at every run.
    pipeline = options.get("pipeline")
    if pipeline and not options.get("pipelines"):
        options.update(pipeline=None, pipelines=[pipeline])
    with search_seldom():
        return kedro_run.callback(**options)


cli.add_command(
    OneLineErrors(
        name="run",
        params=[_looked_at(p) for p in kedro_run.params],
        callback=_run,
        help=kedro_run.help,
    )
)
cli.add_command(kb)
