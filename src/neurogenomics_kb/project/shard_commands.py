"""``ngkb embed``: the part of a long computation that one process does."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import wraps

import click

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.shards import Shard

MODALITIES = ("genomics", "fmri", "eeg", "smri")

env_option = click.option("--env", "-e", help="Environment of the cohort, as for `kedro run`.")
config_option = click.option(
    "--config",
    "-c",
    type=click.Path(dir_okay=False),
    help="File with the experiment, as for `kedro run`.",
)
prepared_option = click.option(
    "--prepared",
    is_flag=True,
    help="Read the distinct sequences that a run stored, instead of making them in every shard.",
)


def explained(command: Callable) -> Callable:
    """Errors of data and configuration end a command in one line with exit code 1."""

    @wraps(command)
    def wrapped(**arguments):
        try:
            return command(**arguments)
        except click.ClickException:
            raise
        except InputError as error:
            raise click.ClickException(str(error)) from None
        except Exception as error:
            from neurogenomics_kb.project.messages import explain

            message = explain(error)
            if message is None:
                raise
            raise click.ClickException(message) from None

    return wrapped


@click.command("embed")
@click.argument("modality", type=click.Choice(MODALITIES))
@env_option
@config_option
@click.option("--shard", metavar="I/N", help="Compute share I of N, for instance 3/16.")
@click.option(
    "--merge",
    "--check",
    "merged",
    metavar="N",
    type=click.IntRange(1),
    help="Look whether all N shares are there; exit code 1 with the commands for what is missing.",
)
@prepared_option
@explained
def embed(
    modality: str,
    env: str | None,
    config: str | None,
    shard: str | None,
    merged: int | None,
    prepared: bool,
) -> None:
    """Compute a share of MODALITY into the cache, from which `kedro run` takes it.

    Sequences are shared out by their hash, runs, recordings and volumes by subject. A shard writes
    to the cache and nowhere else, and tracks nothing. Exit code 1 when an item could not be
    computed.
    """
    from neurogenomics_kb.project.shards import holes, open_cohort, run_shard

    if (shard is None) == (merged is None):
        raise click.UsageError("Give either --shard I/N or --merge N.")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    share = None if shard is None else Shard.parse(shard)
    cohort = open_cohort(modality, env, config, prepared=prepared)
    if merged is not None:
        _say_holes(holes(cohort, merged), merged, modality, env, config, prepared)
        return
    failed, found = 0, run_shard(cohort, share)
    if not found:
        click.echo(f"{modality}: nothing to share out in this cohort and experiment.")
    for done in found:
        click.echo(
            f"{done.what}: {done.items} in shard {share}, {done.found} found, "
            f"{done.computed} computed in {done.seconds:.1f} s"
        )
        failed += len(done.problems)
        if done.problems:
            click.secho(f"{len(done.problems)} failed; the first: {done.problems[0]}", fg="red")
    sys.exit(1 if failed else 0)


def shard_command(
    modality: str, env: str | None, config: str | None, prepared: bool, *more: str
) -> str:
    """Command line of ``ngkb embed``.

    Parameters
    ----------
    modality, env, config, prepared
        As the command takes them.
    *more : str
        Further arguments.
    """
    words = ["ngkb", "embed", modality]
    words += ["--env", env] if env else []
    words += ["--config", str(config)] if config else []
    words += ["--prepared"] if prepared else []
    return " ".join([*words, *more])


def _say_holes(
    found: dict[int, int],
    of: int,
    modality: str,
    env: str | None,
    config: str | None,
    prepared: bool,
) -> None:
    """Say that all is there, or what is missing and how to get it."""
    if not found:
        click.secho(f"All {of} shards are in the cache.", fg="green")
        return
    total = sum(found.values())
    click.secho(
        f"{total} {'item is' if total == 1 else 'items are'} missing, of {len(found)} of {of} "
        "shards:",
        fg="red",
    )
    for number, count in found.items():
        line = shard_command(modality, env, config, prepared, "--shard", f"{number}/{of}")
        click.echo(f"  {line}   # {count}")
    sys.exit(1)
