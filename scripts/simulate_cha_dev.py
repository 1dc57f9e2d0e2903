"""``python scripts/simulate_cha_dev.py FOLDER``: a simulated longitudinal cohort of children."""

from pathlib import Path

import click

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.simulation.children import write_children
from neurogenomics_kb.simulate.children import ChildrenSettings


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--children", default=160, show_default=True, type=click.IntRange(40))
@click.option("--eeg-seconds", default=70.0, show_default=True, help="0 leaves EEG out.")
@click.option("--effects", default=1.0, show_default=True, help="0 is the null.")
@click.option("--seed", default=1, show_default=True)
def simulate(folder: Path, children: int, eeg_seconds: float, effects: float, seed: int):
    """Write simulated children, their visits, brains, EEG and behaviour into the new FOLDER."""
    settings = ChildrenSettings(children, seed, eeg_seconds=eeg_seconds, effects=effects)
    try:
        cohort = write_children(folder, settings)
    except InputError as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"{len(cohort.participants)} children, {len(cohort.sessions)} visits in {folder}; "
        f"NGKB_CHA_DEV_DIR={folder} kedro run --env cha_dev --pipeline=integration reads them."
    )


if __name__ == "__main__":
    simulate()
