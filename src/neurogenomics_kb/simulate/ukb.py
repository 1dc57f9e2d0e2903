"""A simulated cohort in the shape of a UK Biobank extract, with the traps of real ones.

Values come from the cohort, field ids and codes from the dataset card, so that the extract is what
the card says an extract is. Planted on purpose: codes that mean missing, income that two in five do
not state, a repeat imaging visit with other values, assessment centres that are no imaging centres,
people who never came to imaging, redacted rows, withdrawn people who are still in the tables, pairs
of relatives below the threshold, arrays longer than what is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from neurogenomics_kb.extracts.fields import FieldName, Spelling, parse_field, spell_field
from neurogenomics_kb.registry.cards import Column, Table
from neurogenomics_kb.simulate.cohort import SimulatedCohort

INCOME_MISSING = 0.4
REPEATED = 0.2
NOT_IMAGED = 0.1
WITHDRAWN = 0.02
BASELINE_CENTRES = ["11010", "11012", "11020"]
FIRST_FILLER = 50_000
PCS = 40


@dataclass(frozen=True)
class UkbExtract:
    """What is written.

    Attributes
    ----------
    tables : dict of str to pa.Table
        Field tables by file name without ending.
    ids : dict of str to str
        Id in the simulated cohort to eid.
    withdrawn : list of str
        Who is on the list; the last of them is in no table.
    kinship, scores, embeddings : DataFrame
    """

    tables: dict[str, pa.Table]
    ids: dict[str, str]
    withdrawn: list[str]
    kinship: pd.DataFrame
    scores: pd.DataFrame
    embeddings: pd.DataFrame


def express_extract(
    cohort: SimulatedCohort,
    tables: Mapping[str, Table],
    *,
    seed: int = 1,
    n_filler: int = 40,
    spelling: Spelling = "platform",
) -> UkbExtract:
    """Write a simulated cohort in fields.

    Parameters
    ----------
    cohort : SimulatedCohort
        The cohort to express.
    tables : mapping of str to Table
        Tables of the dataset card: ``participants`` and ``freesurfer``.
    seed : int
        Seed of the random numbers. Default 1.
    n_filler : int
        Fields that no card maps.
    spelling : {"platform", "showcase"}
        How the extract spells field names. Default platform.

    Returns
    -------
    UkbExtract
    """
    rng = np.random.default_rng(seed)
    people = cohort.participants
    n = len(people)
    ids = dict(zip(people["participant_id"], draw_ids(rng, n), strict=True))
    eids = pd.Index([ids[i] for i in people["participant_id"]], name="eid")
    canonical = canonical_participants(rng, people).set_axis(eids)
    brain = canonical_brain(cohort, tables["freesurfer"], ids).reindex(eids)
    imaged = brain["etiv"].notna().to_numpy()
    canonical.loc[~imaged, ["head_motion"]] = np.nan

    fields = encode(rng, canonical, tables["participants"])
    # From a stream of its own, so that these fields change no other value of an extract.
    own = np.random.default_rng((seed, len(people)))
    quality = genetic_quality(own, canonical, people["family_id"].set_axis(eids))
    quality = encode(own, quality, tables["participants"])
    measures = encode(rng, brain, tables["freesurfer"])
    columns = {**tables["participants"].columns, **tables["freesurfer"].columns}
    both = add_visits(rng, plant_traps(rng, fields) | quality | measures, columns)
    # Under text, since pandas takes tuples for levels.
    frame = pd.DataFrame({str(name): values for name, values in both.items()}, index=eids)
    imaging = [str(name) for name in both if name.instance >= 2]
    others = [str(name) for name in both if name.instance < 2]
    frame = pd.concat([frame, never_imaged(rng, frame[others], max(1, int(NOT_IMAGED * n)))])
    frame = frame.join(filler(rng, frame.index, n_filler))
    names = spell_names(frame.columns, spelling)
    main = to_table(frame.drop(columns=imaging), names)
    scans = frame[["31-0.0", *imaging]].dropna(how="all", subset=imaging)
    scans = to_table(scans.iloc[rng.permutation(len(scans))], names)
    gone = rng.choice(eids[imaged], max(2, int(WITHDRAWN * n)), replace=False).tolist()
    gone.append(str(int(max(eids)) + 1))
    scores = cohort.polygenic_scores.assign(eid=eids).drop(columns="participant_id")
    return UkbExtract(
        tables={"participant": with_redacted_row(main), "imaging": scans},
        ids=ids,
        withdrawn=gone,
        kinship=draw_kinship(rng, people["family_id"].to_numpy(), eids),
        scores=scores[["eid", *scores.columns.drop("eid")]],
        embeddings=draw_embeddings(rng, cohort, eids),
    )


def draw_ids(rng: np.random.Generator, n: int) -> list[str]:
    """Seven-digit ids in random order."""
    return [str(i) for i in rng.choice(np.arange(1_000_000, 6_000_000), n, replace=False)]


def canonical_participants(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """Participants under the canonical names of the card."""
    n = len(people)
    table = people.drop(columns=["participant_id", "family_id", "phq9_score"]).assign(
        sex=people["sex"].map({"F": "female", "M": "male"}),
        neuroticism_score=np.clip(np.round(people["phq9_score"] / 2), 0, 12),
        head_motion=np.round(rng.gamma(4, 0.03, n), 4),
    )
    lost = rng.random(n) < (INCOME_MISSING - table["income"].isna().mean()) / max(
        table["income"].notna().mean(), 1e-9
    )
    table["income"] = table["income"].mask(lost)
    return table


def genetic_quality(
    rng: np.random.Generator, people: pd.DataFrame, family: pd.Series
) -> pd.DataFrame:
    """Quality of the genotypes under the names of the card: what is not "yes" is empty."""
    n = len(people)
    relatives = family.groupby(family).transform("size") > 1
    good = rng.random(n) < 0.97
    batches = [*range(-11, 0), *range(1, 96)]
    return pd.DataFrame(
        {
            "genotyping_batch": rng.choice(batches, n).astype(float),
            "genetic_sex": people["sex"],
            "genetic_group": np.where(rng.random(n) < 0.85, "caucasian", None),
            "sex_chromosome_aneuploidy": np.where(rng.random(n) < 0.005, "yes", None),
            "used_in_genetic_pcs": np.where(good & ~relatives, "yes", None),
            "genetic_kinship": np.where(relatives, "at_least_one", "none_found"),
            "genotype_outlier": np.where(good, None, "yes"),
        },
        index=people.index,
    )


def canonical_brain(cohort: SimulatedCohort, card: Table, ids: Mapping[str, str]) -> pd.DataFrame:
    """FreeSurfer measures of the card from the tables of the cohort."""
    found = {}
    for file, table in cohort.freesurfer.items():
        group = "aseg_volume" if file.startswith("aseg") else file.split(".")[2]
        suffix = "" if group == "aseg_volume" else f"_{group}"
        for column in table:
            found[f"{group}__{column.removesuffix(suffix)}"] = table[column]
        found["etiv"] = table.get("EstimatedTotalIntraCranialVol", table.get("eTIV"))
    names = [c.name for c in card.columns.values()]
    brain = pd.DataFrame({name: found[name] for name in names})
    return brain.set_axis(brain.index.map(ids))


def encode(
    rng: np.random.Generator, table: pd.DataFrame, card: Table
) -> dict[FieldName, pd.Series]:
    """Canonical columns as fields with their codes."""
    fields = {}
    for source, column in card.columns.items():
        name = parse_field(source)
        if name is None or column.name not in table:
            continue
        fields[name] = encode_column(rng, table[column.name], column)
    return fields


def encode_column(rng: np.random.Generator, values: pd.Series, column: Column) -> pd.Series:
    """Codes of a column; where several codes have one meaning, one of them at random."""
    if not column.levels:
        return values
    codes: dict[str, list[str]] = {}
    for code, meaning in column.levels.items():
        if code.isdigit():
            codes.setdefault(str(meaning), []).append(code)
    text = values.map(lambda v: str(int(v)) if isinstance(v, float) else str(v), na_action="ignore")
    return text.map(lambda v: rng.choice(codes[v]), na_action="ignore").astype("Float64")


def plant_traps(
    rng: np.random.Generator, fields: dict[FieldName, pd.Series]
) -> dict[FieldName, pd.Series]:
    """Codes for missing values, and elements of arrays that nobody asked for."""
    fields = dict(fields)
    income = next(name for name in fields if name.field == 738)
    fields[income] = code_gaps(rng, fields[income], [-1, -3], share=0.7)
    status = FieldName(20126)
    other = rng.random(len(fields[status])) < 0.02
    codes = rng.choice([1, 2, -818], len(fields[status]))
    fields[status] = fields[status].mask(other, pd.Series(codes, fields[status].index))
    motion = next(name for name in fields if name.field == 25741)
    fields[motion] = fields[motion].mask(rng.random(len(fields[motion])) < 0.02, -1.0)
    index = fields[status].index
    known = sum(name.field == 22009 for name in fields)
    for k in range(known + 1, PCS + 1):
        fields[FieldName(22009, 0, k)] = pd.Series(rng.normal(size=len(index)).round(4), index)
    return fields


def code_gaps(
    rng: np.random.Generator, values: pd.Series, codes: list[int], share: float
) -> pd.Series:
    """Some of the gaps as codes."""
    chosen = values.isna().to_numpy() & (rng.random(len(values)) < share)
    drawn = pd.Series(rng.choice(codes, len(values)), values.index)
    return values.mask(chosen, drawn)


def add_visits(
    rng: np.random.Generator, fields: dict[FieldName, pd.Series], columns: Mapping[str, Column]
) -> dict[FieldName, pd.Series]:
    """Repeat imaging for some, with other values, and assessments before imaging."""
    follow = {parse_field(s) for s, c in columns.items() if c.follows_visit}
    index = next(iter(fields.values())).index
    again = pd.Series(rng.random(len(index)) < REPEATED, index)
    out = dict(fields)
    for name, values in fields.items():
        if name not in follow:
            continue
        numbers = values.astype(float)
        if name.field == 21003:
            later = numbers + rng.integers(2, 5, len(index))
            out[name._replace(instance=0)] = numbers - rng.integers(5, 12, len(index))
        elif name.field == 54:
            later = numbers
            centres = rng.choice(np.array(BASELINE_CENTRES, dtype=float), len(index))
            out[name._replace(instance=0)] = pd.Series(centres, index)
        elif name.field == 738:
            later = numbers
        else:
            later = (numbers * rng.normal(0.99, 0.01, len(index))).round(4)
        out[name._replace(instance=3)] = later.where(again)
    return out


def never_imaged(rng: np.random.Generator, frame: pd.DataFrame, n: int) -> pd.DataFrame:
    """People with an initial assessment only: like others, but without what later visits give."""
    rows = frame.sample(n, random_state=int(rng.integers(1 << 31)), replace=True)
    return rows.set_axis(pd.Index([str(6_000_000 + i) for i in range(n)], name="eid"))


def filler(rng: np.random.Generator, index: pd.Index, n_columns: int) -> pd.DataFrame:
    """Fields that no card maps: counts, measurements, sparse codes."""
    n = len(index)
    columns = {}
    for k in range(n_columns):
        name = str(FieldName(FIRST_FILLER + k // 4, 0, k % 4))
        if k % 3 == 0:
            columns[name] = rng.integers(0, 500, n).astype(np.int16)
        elif k % 3 == 1:
            columns[name] = rng.normal(size=n).round(3).astype(np.float32)
        else:
            columns[name] = np.where(rng.random(n) < 0.8, np.nan, -3).astype(np.float32)
    return pd.DataFrame(columns, index=index)


def spell_names(columns: Sequence[str], spelling: Spelling) -> dict[str, str]:
    """Spelled name of every column; the platform leaves out indices that are 0 throughout."""
    names = {column: parse_field(column) for column in columns}
    instances: dict[int, set[int]] = {}
    arrays: dict[int, set[int]] = {}
    for name in names.values():
        instances.setdefault(name.field, set()).add(name.instance)
        arrays.setdefault(name.field, set()).add(name.array)
    return {
        column: spell_field(
            name,
            spelling,
            instances=instances[name.field] != {0},
            arrays=arrays[name.field] != {0},
        )
        for column, name in names.items()
    }


def to_table(frame: pd.DataFrame, names: Mapping[str, str]) -> pa.Table:
    """Field table with the id first; gaps are empty, whole numbers whole."""
    columns = {"eid": pa.array(frame.index.astype(str).astype(np.int64))}
    for column in frame:
        values = frame[column]
        if pd.api.types.is_float_dtype(values):
            whole = (values.dropna() % 1 == 0).all()
            numbers = pa.array(values.astype(float), from_pandas=True)
            columns[names[column]] = numbers.cast(pa.int64() if whole else pa.float64())
        else:
            columns[names[column]] = pa.array(values, from_pandas=True)
    return pa.table(columns)


def with_redacted_row(table: pa.Table) -> pa.Table:
    """Table with the row of somebody whose id was made negative."""
    row = table.slice(0, 1)
    row = row.set_column(0, "eid", pa.array([-1], pa.int64()))
    return pa.concat_tables([table, row])


def draw_kinship(rng: np.random.Generator, family: np.ndarray, eids: pd.Index) -> pd.DataFrame:
    """Pairs of one family as first-degree relatives, and a few distant pairs."""
    pairs = []
    for members in pd.Series(range(len(family))).groupby(family).groups.values():
        pairs += [(a, b, 0.25) for i, a in enumerate(members) for b in members[i + 1 :]]
    distant = rng.choice(len(family), (5, 2))
    pairs += [(a, b, 0.02) for a, b in distant if a != b]
    table = pd.DataFrame(pairs, columns=["ID1", "ID2", "Kinship"])
    table["Kinship"] = (table["Kinship"] + rng.normal(0, 0.004, len(table))).round(4)
    for column in ("ID1", "ID2"):
        table[column] = eids[table[column].astype(int)]
    return table.assign(HetHet=0.1, IBS0=0.01)[["ID1", "ID2", "HetHet", "IBS0", "Kinship"]]


def draw_embeddings(
    rng: np.random.Generator, cohort: SimulatedCohort, eids: pd.Index, dim: int = 4
) -> pd.DataFrame:
    """Vectors of genes, as if extracted elsewhere: noise around the number of alternate alleles."""
    genes = cohort.annotation["gene_name"].dropna().unique()[:6]
    order = [cohort.samples.index(i) for i in cohort.participants["participant_id"]]
    load = np.clip(cohort.genotypes, 0, None).sum(axis=(0, 2))[order]
    load = (load - load.mean()) / max(load.std(), 1e-9)
    values = rng.normal(size=(len(eids), len(genes) * dim)) + 0.3 * load[:, None]
    columns = [f"caduceus_ps_131k__{g}__{k}" for g in genes for k in range(dim)]
    table = pd.DataFrame(values.astype(np.float32), columns=columns)
    table.insert(0, "eid", eids.to_numpy())
    return table


def write_table(table: pa.Table, path: Path) -> None:
    """CSV, TSV or Parquet by the path's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
        return
    delimiter = "\t" if path.suffix == ".tsv" else ","
    pacsv.write_csv(table, path, pacsv.WriteOptions(delimiter=delimiter))
