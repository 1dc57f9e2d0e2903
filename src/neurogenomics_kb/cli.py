"""Commands of the project: ``kedro run`` with one-line errors, and ``kedro kb``."""

from __future__ import annotations

import os
import sys

import click
from kedro.framework.cli.project import run as kedro_run

from neurogenomics_kb.project.commands import kb
from neurogenomics_kb.project.garbage import search_seldom
from neurogenomics_kb.project.messages import explain, explain_interpolation, explain_parameters

__all__ = ["OneLineErrors", "cli", "explain", "explain_interpolation", "explain_parameters"]

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


def _run(**options):
    # Kedro keeps --pipeline, which is what people type, but warns about it at every run.
    pipeline = options.get("pipeline")
    if pipeline and not options.get("pipelines"):
        options.update(pipeline=None, pipelines=[pipeline])
    with search_seldom():
        return kedro_run.callback(**options)


cli.add_command(
    OneLineErrors(name="run", params=kedro_run.params, callback=_run, help=kedro_run.help)
)
cli.add_command(kb)
