"""A cohort of tens of thousands, written tile by tile: what a large run costs is measured on it.

Gene embeddings arrive as they do from elsewhere, one wide Parquet file, beside FreeSurfer's group
tables and a table of participants. Embeddings of a gene are combinations of a few factors (people
carry few haplotypes of a gene), so that the planted axis is in their leading components.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from neurogenomics_kb.simulate.people import SITES, standardise

ENCODER = "caduceus_ps_131k"
# Rows that are drawn at once; results depend on it, so it is no setting.
TILE = 2000
FACTORS = 8
# Shares of a factor's variance and of a region's that a family has in common.
FAMILY_SHARE = 0.5
# Standard deviation of what factors do not explain, relative to what they do.
NOISE = 0.6
SUBCORTICAL = 32
BATCHES = 3
PCS = 10
FREESURFER = ("lh.aparc.thickness", "rh.aparc.thickness", "lh.aparc.volume", "rh.aparc.volume")


class ScaleSettings(BaseModel):
    """Size, seed and effects of the cohort.

    Attributes
    ----------
    people, genes, dims, regions : int
        Rows; genes and columns of each; brain columns in all.
    seed : int
        Equal settings give equal files.
    prevalence : float
        Share of cases.
    correlation : float
        Between the gene and the brain side of the planted axis; 0 plants none.
    effect : float
        Of each side of the axis on the liability, whose other causes have unit variance.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: int = Field(20_000, ge=60)
    genes: int = Field(38, ge=3)
    dims: int = Field(256, ge=1)
    regions: int = Field(512, ge=12)
    seed: int = 1
    prevalence: float = Field(0.3, gt=0, lt=1)
    correlation: float = Field(0.4, ge=0, lt=1)
    effect: float = Field(0.3, ge=0)

    @property
    def causal(self) -> int:
        """Genes whose first factor is on the axis."""
        return max(1, self.genes // 10)


@dataclass(frozen=True)
class ScalePeople:
    """What is known of everybody before a feature is drawn.

    Attributes
    ----------
    table : DataFrame
        The participants.
    family, ancestry, site : ndarray of int (n,)
        Positions.
    factors : ndarray of float32 (n, genes * FACTORS)
        Of the embeddings.
    gene, brain : ndarray (n,)
        The sides of the planted axis.
    etiv : ndarray (n,)
        Intracranial volume (mm³).
    """

    table: pd.DataFrame
    family: np.ndarray
    ancestry: np.ndarray
    site: np.ndarray
    factors: np.ndarray
    gene: np.ndarray
    brain: np.ndarray
    etiv: np.ndarray


def streams(settings: ScaleSettings, part: int, tile: int = 0) -> np.random.Generator:
    """Random numbers of one tile of one part, the same whatever else is drawn."""
    return np.random.default_rng([settings.seed, part, tile])


def draw_scale_people(settings: ScaleSettings) -> ScalePeople:
    """Families, demography, factors of the genes, the axis and the diagnosis.

    Parameters
    ----------
    settings : ScaleSettings
        Size, seed and effects.

    Returns
    -------
    ScalePeople
    """
    rng, n = streams(settings, 0), settings.people
    sizes = rng.choice([1, 2, 3], n, p=[0.86, 0.11, 0.03])
    family = np.repeat(np.arange(n), sizes)[:n]
    ancestry = (rng.random(n) < 0.25).astype(int)[family]
    site = rng.choice(len(SITES), n, p=[0.4, 0.28, 0.22, 0.1])
    age, male = np.round(rng.uniform(45, 80, n), 1), rng.random(n) < 0.48
    etiv = np.round(1.45e6 + 1.4e5 * male + 1.2e5 * rng.normal(size=n))
    factors = draw_factors(rng, settings, family, ancestry)
    leading = factors[:, : settings.causal * FACTORS : FACTORS].astype(float)
    # Ancestry moves the factors; the axis is what is left.
    for group in (0, 1):
        leading[ancestry == group] -= leading[ancestry == group].mean(axis=0)
    gene = standardise(leading.sum(axis=1))
    rho = settings.correlation
    brain = rho * gene + np.sqrt(1 - rho**2) * rng.normal(size=n)
    liability = settings.effect * (gene + brain) - 0.3 * male - 0.01 * (age - 62)
    liability += 0.2 * ancestry + np.array([0.2, -0.2, 0.0, 0.2])[site] + rng.normal(size=n)
    case = liability > np.quantile(liability, 1 - settings.prevalence)
    components = rng.normal(size=(n, PCS))
    components[:, 0] += 4 * ancestry
    width = len(str(n))
    table = pd.DataFrame(
        {
            "participant_id": [f"sub-{i + 1:0{width}d}" for i in range(n)],
            "age": age,
            "sex": np.where(male, "M", "F"),
            "site": np.array(SITES)[site],
            **{f"pc{k + 1}": components[:, k].round(4) for k in range(PCS)},
            "sequencing_batch": [f"B{b + 1}" for b in rng.integers(0, BATCHES, n)],
            "family_id": [f"fam-{f + 1:0{width}d}" for f in family],
            "mdd_diagnosis": case.astype(int),
            "phq9_score": np.clip(np.round(5 + 4 * standardise(liability)), 0, 27).astype(int),
        }
    )
    return ScalePeople(table, family, ancestry, site, factors, gene, brain, etiv)


def draw_factors(
    rng: np.random.Generator, settings: ScaleSettings, family: np.ndarray, ancestry: np.ndarray
) -> np.ndarray:
    """Factors of the genes, unit variance within an ancestry, alike within families."""
    width = settings.genes * FACTORS
    shared = rng.standard_normal((int(family[-1]) + 1, width), dtype=np.float32)
    own = rng.standard_normal((len(family), width), dtype=np.float32)
    drift = rng.normal(0, 0.3, width).astype(np.float32)
    factors = np.sqrt(np.float32(1 - FAMILY_SHARE)) * own
    factors += np.sqrt(np.float32(FAMILY_SHARE)) * shared[family]
    factors += ancestry[:, None].astype(np.float32) * drift
    return factors


def gene_tiles(settings: ScaleSettings, people: ScalePeople) -> Iterator[pa.Table]:
    """Embeddings by tiles of people: ``participant_id``, ``<encoder>__<gene>__<component>``."""
    rng = streams(settings, 1)
    loadings = rng.standard_normal((settings.genes, FACTORS, settings.dims), dtype=np.float32)
    # The leading factors of a gene explain most, as haplotype groups do.
    loadings *= (0.7 ** np.arange(FACTORS, dtype=np.float32))[:, None]
    shift = rng.normal(0, 0.1, (BATCHES, settings.genes * settings.dims)).astype(np.float32)
    batch = people.table["sequencing_batch"].str.removeprefix("B").astype(int).to_numpy() - 1
    names = [f"{ENCODER}__GENE{g + 1:02d}__{k}" for g in range(settings.genes)
             for k in range(settings.dims)]  # fmt: skip
    for tile, rows in tiles(settings.people):
        noise = streams(settings, 2, tile)
        values = noise.standard_normal((rows.stop - rows.start, len(names)), dtype=np.float32)
        values *= np.float32(NOISE)
        values += shift[batch[rows]]
        for gene in range(settings.genes):
            own = slice(gene * settings.dims, (gene + 1) * settings.dims)
            factors = people.factors[rows, gene * FACTORS : (gene + 1) * FACTORS]
            values[:, own] += factors @ loadings[gene]
        columns = np.ascontiguousarray(values.T)
        ids = pa.array(people.table["participant_id"].iloc[rows])
        yield pa.table([ids, *map(pa.array, columns)], names=["participant_id", *names])


def tiles(n: int) -> Iterator[tuple[int, slice]]:
    """Number and rows of every tile."""
    for tile, start in enumerate(range(0, n, TILE)):
        yield tile, slice(start, min(start + TILE, n))


def region_names(settings: ScaleSettings) -> dict[str, list[str]]:
    """Columns of every FreeSurfer table without ending, ``regions`` in all."""
    subcortical = min(SUBCORTICAL, settings.regions // 4)
    cortical = settings.regions - subcortical
    sizes = [cortical // 4 + (k < cortical % 4) for k in range(4)]
    names = {}
    for table, size in zip(FREESURFER, sizes, strict=True):
        side, _, measure = table.split(".")
        names[table] = [f"{side}_parcel{k + 1:03d}_{measure}" for k in range(size)]
    names["aseg.volume"] = [f"Structure-{k + 1:02d}" for k in range(subcortical)]
    return names


def brain_tiles(settings: ScaleSettings, people: ScalePeople) -> Iterator[dict[str, pa.Table]]:
    """FreeSurfer's group tables by tiles of people; the volumes have the intracranial one beside.

    A measure is a mean of the region plus age, sex, site, head size, a family's likeness, a few
    factors that regions share, and in every fourth region the planted axis.
    """
    names = region_names(settings)
    width = settings.regions
    rng = streams(settings, 3)
    mean = rng.uniform(0.8, 1.2, width)
    by_age, by_site = rng.normal(0.2, 0.1, width), rng.normal(0, 0.25, (len(SITES), width))
    loadings = rng.normal(0, 0.4, (6, width))
    axis = np.where(np.arange(width) % 4 == 0, rng.uniform(0.2, 0.4, width), 0.0)
    head = standardise(people.etiv)
    decades = (people.table["age"].to_numpy() - 62) / 10
    shared = streams(settings, 4).standard_normal((int(people.family[-1]) + 1, 6))
    order = [name for columns in names.values() for name in columns]
    thick = np.array([name.endswith("_thickness") for name in order])
    for tile, rows in tiles(settings.people):
        own = streams(settings, 5, tile)
        count = rows.stop - rows.start
        common = (
            np.sqrt(0.6) * own.normal(size=(count, 6))
            + np.sqrt(0.4) * (shared[people.family[rows]])
        )
        score = 0.8 * own.normal(size=(count, width)) + common @ loadings
        score += people.brain[rows, None] * axis - decades[rows, None] * by_age
        score += by_site[people.site[rows]] + np.outer(head[rows], np.where(thick, 0.0, 0.5))
        # mm, and mm³ around sizes that regions have
        score = np.where(thick, 2.5 * mean + 0.15 * score, 4000 * mean + 350 * score)
        yield split_tables(names, np.round(np.maximum(score, 0.5), 3), people, rows)


def split_tables(
    names: dict[str, list[str]], values: np.ndarray, people: ScalePeople, rows: slice
) -> dict[str, pa.Table]:
    """One table per file, the first column called as FreeSurfer calls it."""
    ids = pa.array(people.table["participant_id"].iloc[rows])
    found, start = {}, 0
    for table, columns in names.items():
        own = [pa.array(values[:, start + k]) for k in range(len(columns))]
        start += len(columns)
        first = "Measure:volume" if table.startswith("aseg") else table
        extra = {"EstimatedTotalIntraCranialVol": pa.array(people.etiv[rows])}
        extra = extra if table.startswith("aseg") else {}
        found[table] = pa.table([ids, *own, *extra.values()], names=[first, *columns, *extra])
    return found


def write_scale(folder: Path, settings: ScaleSettings) -> dict[str, Any]:
    """Write the cohort, a tile in memory at a time.

    Parameters
    ----------
    folder : Path
        New folder; what is there is written over.
    settings : ScaleSettings
        Size, seed and effects.

    Returns
    -------
    dict
        What was planted, as it stands in ``truth.json``.
    """
    people = draw_scale_people(settings)
    (folder / "genomics").mkdir(parents=True, exist_ok=True)
    (folder / "freesurfer").mkdir(exist_ok=True)
    people.table.to_csv(folder / "participants.tsv", sep="\t", index=False, lineterminator="\n")
    path = folder / "genomics" / "gene_embeddings.parquet"
    writer = None
    for table in gene_tiles(settings, people):
        # Noise has neither repeated values nor anything to compress.
        options = {"use_dictionary": False, "compression": "none", "write_statistics": False}
        writer = writer or pq.ParquetWriter(path, table.schema, **options)
        writer.write_table(table, row_group_size=TILE)
    writer.close()
    write_brain(folder / "freesurfer", settings, people)
    rng = streams(settings, 6)
    euler = 2 - 2 * rng.poisson(30, (settings.people, 2))
    sides = pd.DataFrame(euler, columns=["euler_lh", "euler_rh"])
    sides.insert(0, "participant_id", people.table["participant_id"])
    sides.to_csv(folder / "freesurfer" / "euler.tsv", sep="\t", index=False, lineterminator="\n")
    truth = {
        "note": "Simulated people; the axis is far stronger than in nature.",
        "genes": [f"GENE{g + 1:02d}" for g in range(settings.causal)],
        "regions": "every fourth column of the brain tables",
        "settings": settings.model_dump(),
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    return truth


def write_brain(folder: Path, settings: ScaleSettings, people: ScalePeople) -> None:
    """FreeSurfer's tables, one tile after the other."""
    options = pacsv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    for number, found in enumerate(brain_tiles(settings, people)):
        for name, table in found.items():
            with (folder / f"{name}.tsv").open("ab" if number else "wb") as stream:
                if not number:
                    stream.write(("\t".join(table.column_names) + "\n").encode())
                pacsv.write_csv(table, stream, options)
