"""``python scripts/simulate_scale.py FOLDER``: a cohort of tens of thousands, for `--env scale`."""

from pathlib import Path

import click

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.simulation.folder import refuse_used
from neurogenomics_kb.simulate.scale import ScaleSettings, write_scale


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--people", default=20_000, show_default=True, type=click.IntRange(60))
@click.option("--genes", default=38, show_default=True, type=click.IntRange(3))
@click.option("--dims", default=256, show_default=True, type=click.IntRange(1), help="Per gene.")
@click.option("--regions", default=512, show_default=True, type=click.IntRange(12))
@click.option("--seed", default=1, show_default=True)
def simulate(folder: Path, people: int, genes: int, dims: int, regions: int, seed: int):
    """Write simulated people with gene embeddings and FreeSurfer tables into the new FOLDER."""
    settings = ScaleSettings(people=people, genes=genes, dims=dims, regions=regions, seed=seed)
    try:
        refuse_used(folder)
    except InputError as error:
        raise click.ClickException(str(error)) from None
    write_scale(folder, settings)
    click.echo(
        f"{people} people, {genes * dims} gene and {regions} brain columns in {folder}; "
        f"NGKB_SCALE_DIR={folder} kedro run --pipeline=integration --env scale reads them."
    )


if __name__ == "__main__":
    simulate()
