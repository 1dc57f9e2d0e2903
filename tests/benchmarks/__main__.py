"""``python -m tests.benchmarks [NAME …]``: run and store benchmarks, and make their page."""

from __future__ import annotations

import gc
from importlib import import_module

import click
from tests.benchmarks.store import BENCHMARKS, row, there, write, write_page


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS]))
@click.option("--tiny", is_flag=True, help="Small sizes, for agreement alone; nothing is stored.")
@click.option("--page", is_flag=True, help="Only make the page of what is stored.")
def main(names: tuple[str, ...], tiny: bool, page: bool) -> None:
    """Run the benchmarks NAMES, or all, and store what they find."""
    for name in () if page else names or [each for each in BENCHMARKS if there(each)]:
        click.echo(f"{BENCHMARKS[name]} …")
        records = import_module(f"tests.benchmarks.bench_{name}").run(tiny=tiny)
        for record in records:
            why = record.get("skipped")
            click.echo(
                f"  not compared with {record['alternative']}: {why}" if why else row(record)
            )
        if not tiny:
            write(name, records)
        gc.collect()
    if not tiny:
        write_page()


if __name__ == "__main__":
    main()
