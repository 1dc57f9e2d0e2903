"""``ngkb jobs``: scripts for shards, with their cost."""

from __future__ import annotations

import logging
import sys
import time

import click

from neurogenomics_kb.project.shard_commands import (
    MODALITIES,
    config_option,
    env_option,
    explained,
    prepared_option,
)


@click.command("jobs")
@click.argument("way", type=click.Choice(["slurm", "dx", "local"]))
@click.argument("modality", type=click.Choice(MODALITIES))
@click.option("--shards", type=click.IntRange(1), required=True, help="Number of shards.")
@env_option
@config_option
@prepared_option
@click.option(
    "--probe",
    type=click.IntRange(1),
    metavar="K",
    help="Compute K items of each kind now, into the cache, to measure them.",
)
@click.option("--memory", type=click.IntRange(1), help="GB of a shard; by default as measured.")
@click.option("--minutes", type=click.IntRange(1), help="Time limit; by default as measured.")
@click.option("--cores", default=2, show_default=True, help="Shards at a time (local).")
@click.option("--partition", help="Partition of the cluster (slurm).")
@click.option(
    "--instance", default="mem1_ssd1_v2_x2", show_default=True, help="Type of machine (dx)."
)
@click.option(
    "--folder", default="/neurogenomics", show_default=True, help="Folder of the project (dx)."
)
@click.option("--price", type=float, help="Price of a machine's hour; none by default.")
@click.option("--unit", default="GBP", show_default=True, help="Currency of the price.")
@click.option("--price-source", help="Where and when the price was read, to be said with it.")
@explained
def jobs(
    way: str,
    modality: str,
    shards: int,
    env: str | None,
    config: str | None,
    prepared: bool,
    probe: int | None,
    memory: int | None,
    minutes: int | None,
    cores: int,
    partition: str | None,
    instance: str,
    folder: str,
    price: float | None,
    unit: str,
    price_source: str | None,
) -> None:
    """Print the script that runs the shards of MODALITY; nothing is submitted.

    What it will cost stands in its comments: items, seconds of each as measured by earlier shards
    or by --probe, hours, gigabytes. Every parameter is an option, which is why there are many.
    """
    begun = time.perf_counter()
    from neurogenomics_kb.project.jobs.estimate import estimate_shards, say
    from neurogenomics_kb.project.jobs.scripts import CLOUD_MINUTES, SCHEDULERS, Job
    from neurogenomics_kb.project.shards import open_cohort, run_shard

    if (price is None) != (price_source is None):
        raise click.UsageError("Give --price with --price-source: prices change.")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    cohort = open_cohort(modality, env, config, prepared=prepared)
    start = time.perf_counter() - begun
    if probe is not None:
        run_shard(cohort, None, most=probe)
    cost = estimate_shards(cohort, shards, start)
    overhead = 60 * CLOUD_MINUTES if way == "dx" else 0.0
    about = say(cost, price, unit, price_source or "", overhead)
    job = Job(
        modality, env, config, prepared, shards, cohort.cache, memory or cost.memory_gb,
        minutes or cost.minutes, cores, partition, instance, folder, tuple(about),
    )  # fmt: skip
    click.echo(SCHEDULERS[way](job), nl=False)
