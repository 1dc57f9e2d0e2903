"""``python scripts/simulate_ukb.py FOLDER``: a simulated extract in the shape of UK Biobank's."""

from pathlib import Path

import click

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.simulation.extract import write_extract
from neurogenomics_kb.simulate import SimulationSettings


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--subjects", default=200, show_default=True, type=click.IntRange(60))
@click.option("--filler", default=40, show_default=True, help="Fields that no card maps.")
@click.option(
    "--spelling", type=click.Choice(["platform", "showcase"]), default="platform", show_default=True
)
@click.option(
    "--format", "ending", type=click.Choice(["csv", "tsv", "parquet"]), default="csv",
    show_default=True,
)  # fmt: skip
@click.option("--seed", default=1, show_default=True)
def simulate(folder: Path, subjects: int, filler: int, spelling: str, ending: str, seed: int):
    """Write simulated people in the shape of a UK Biobank extract into the new FOLDER."""
    settings = SimulationSettings(cohort="ukb", seed=seed, n_subjects=subjects)
    try:
        extract = write_extract(folder, settings, n_filler=filler, spelling=spelling, ending=ending)
    except InputError as error:
        raise click.ClickException(str(error)) from None
    rows = extract.tables["participant"].num_rows
    click.echo(f"{rows} rows in {folder}; NGKB_UKB_DIR={folder} kedro run --env ukb reads them.")


if __name__ == "__main__":
    simulate()
