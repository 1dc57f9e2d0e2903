"""Who is analysed, on what, and why the others are not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.euler import SITE_LIMITS, limit_by_site
from neurogenomics_kb.foundation.delimited import BLANK_ROWS, notes_of
from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.foundation.naming import parse_feature_name, units_of
from neurogenomics_kb.foundation.wide import StoredTable, columns_of, rows_of
from neurogenomics_kb.genome.pooling import ALL_GENES
from neurogenomics_kb.genome.regulatory import BETWEEN
from neurogenomics_kb.pipelines.integration.design import ancestry_columns
from neurogenomics_kb.pipelines.integration.visits import (
    check_design,
    choose_visits,
    spread_tables,
)
from neurogenomics_kb.pipelines.losses import classes_of, loss_notes
from neurogenomics_kb.registry.cards import EmbeddingStrategy
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import QUALITY_COVARIATES, Recipe, refuse_two_classes
from neurogenomics_kb.stats.confounds import refuse_missing
from neurogenomics_kb.stats.prediction.folds import refuse_one_class
from neurogenomics_kb.stats.transformers.filters import varies

logger = logging.getLogger(__name__)

# In the order of the pipeline's inputs.
MODALITIES = ("genomics", "smri", "dmri", "fmri", "eeg", "behaviour", "clinical")
EULER_REMEDY = "Limits by site: smri.quality.euler_limit."


def assemble_cohort(
    recipe: Recipe,
    participants: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    quality: Mapping[str, pd.DataFrame],
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.DataFrame, list[str]]:
    """Intersect blocks, outcome and confounds; every exclusion is counted.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    participants : DataFrame
        Canonical, indexed by subject.
    features, quality : mapping of modality to DataFrame
        As the modality pipelines give them.

    Returns
    -------
    cohort : DataFrame
        Outcome, associations, groups and covariates of the analysed subjects.
    blocks : dict of str to DataFrame
        Features of every block that the cohort has, same rows as `cohort`.
    flow : DataFrame
        ``step``, ``excluded``, ``remaining``.
    notes : list of str
        What the report should say.
    """
    notes = notes_of(participants)
    features = spread_tables(recipe, participants, features)
    quality = spread_tables(recipe, participants, quality)
    people = _opened(recipe, participants, quality, notes)
    site = site_of(recipe, people.table)
    present = _keep_blocks(recipe, people, features, apply_site_limits(quality, site), site, notes)
    _keep_confounds(recipe, people, present)
    table = people.table
    if table.empty:
        raise InputError(
            "no subject has all blocks, the outcome and the confounds",
            subjects=0,
            of=len(participants),
            remedy="Compare the subject ids of the tables; the sample flow shows where they end.",
        )
    check_design(recipe, table)
    outcome = recipe.experiment.outcome
    refuse_one_class(table[outcome], "after exclusions", file=origin_of(recipe, outcome))
    if recipe.multiclass:
        refuse_two_classes(recipe, table[outcome].unique())
    note_masks(recipe, table, present, notes)
    blocks = {name: rows_of(frame, table.index) for name, frame in present.items()}
    for name, frame in blocks.items():
        note_constant(name, recipe.blocks[name].modality, frame, notes)
    return (
        table[cohort_columns(recipe, table, present)],
        blocks,
        pd.DataFrame(people.flow, columns=["step", "excluded", "remaining"]),
        notes,
    )


def assemble_unlabelled(
    recipe: Recipe,
    participants: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    quality: Mapping[str, pd.DataFrame],
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """People with every block and confound, and no outcome.

    What is trained without an outcome may learn from them; no finding is about them.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    participants : DataFrame
        Canonical, indexed by subject.
    features, quality : mapping of modality to DataFrame
        As the modality pipelines give them.

    Returns
    -------
    table : DataFrame
        Groups and covariates; may have no row.
    blocks : dict of str to DataFrame
        Features of every block that the cohort has, same rows as `table`.
    """
    notes: list[str] = []
    features = spread_tables(recipe, participants, features)
    quality = spread_tables(recipe, participants, quality)
    people = _opened(recipe, participants, quality, notes, labelled=False)
    site = site_of(recipe, people.table)
    judged = apply_site_limits(quality, site)
    present = _keep_blocks(recipe, people, features, judged, site, notes)
    experiment, visits = recipe.experiment, recipe.dataset.visits
    told = [
        *confounds_of(recipe, present),
        *divisors_of(recipe, present),
        *recipe.harmonization_columns,
        experiment.folds.group,
        *(level.column for level in experiment.exchangeability_levels),
        None if visits is None else visits.subject,
    ]
    for name in dict.fromkeys(told):
        if name is not None and name in people.table:
            wanted = whom_concerns(recipe, name, people.table, present)
            people.keep(people.table[name].notna() | ~wanted, f"no value of {name}")
    table = people.table
    columns = cohort_columns(recipe, table, present)
    return table[columns], {name: rows_of(frame, table.index) for name, frame in present.items()}


@dataclass
class _People:
    """People who remain, and how many were left out by which step."""

    table: pd.DataFrame
    flow: list[tuple[str, int, int]]

    def keep(self, mask: pd.Series | np.ndarray, step: str) -> None:
        """Leave out whom the mask does not hold; a step that leaves out nobody is not listed."""
        excluded = int((~mask).sum())
        if excluded:
            self.table = self.table[mask]
            self.flow.append((step, excluded, len(self.table)))


def _opened(
    recipe: Recipe,
    participants: pd.DataFrame,
    quality: Mapping[str, pd.DataFrame],
    notes: list[str],
    *,
    labelled: bool = True,
) -> _People:
    """Everybody of the participants table who has, or has not, the outcome, visits chosen."""
    outcome = recipe.experiment.outcome
    table = add_quality_covariates(participants, quality, notes)
    blank = participants.attrs.get(BLANK_ROWS, 0)
    flow = [("in the participants table", 0, len(table) + blank)]
    if blank:
        flow.append(("blank row in the participants table", blank, len(table)))
    table.attrs = {}
    people = _People(choose_visits(recipe, table, flow), flow)
    if not labelled:
        people.keep(people.table[outcome].isna(), f"a value of outcome {outcome}")
        return people
    people.keep(people.table[outcome].notna(), f"no value of outcome {outcome}")
    if len(people.table):
        refuse_one_class(people.table[outcome], file=origin_of(recipe, outcome))
    return people


def _keep_blocks(
    recipe: Recipe,
    people: _People,
    features: Mapping[str, pd.DataFrame],
    quality: Mapping[str, pd.DataFrame],
    site: pd.Series | None,
    notes: list[str],
) -> dict[str, pd.DataFrame]:
    """Who has every block, and passes its quality control; features of the blocks there are."""
    present = {}
    for name, strategy in recipe.blocks.items():
        modality = strategy.modality
        if features[modality].shape[1] == 0:
            notes.append(
                f"Block '{name}' is absent: cohort '{recipe.cohort}' has no {modality} features."
            )
            logger.warning(notes[-1])
            continue
        genes = recipe.gene_sets.get(strategy.gene_set or "")
        present[name] = select_features(features[modality], strategy, genes)
        checked = quality[modality]
        if recipe.experiment.incomplete == "mask":
            continue
        there = people.table.index.isin(checked.index) if len(people.table) else (
            people.table.index == ""
        )  # fmt: skip
        people.keep(there, f"no {modality} data")
        reasons = checked["reason"].reindex(people.table.index).fillna("")
        for reason in sorted(set(reasons) - {""}):
            lost = checked["reason"].reindex(people.table.index) == reason
            notes += loss_notes(
                f"{modality}: {reason}",
                lost,
                loss_columns(people.table, site, recipe.experiment.outcome),
                remedy=EULER_REMEDY if "Euler" in reason else "",
            )
            people.keep(~lost, f"{modality}: {reason}")
        people.keep(people.table.index.isin(present[name].index), f"no {modality} features")
    if not present:
        raise InputError(
            f"cohort '{recipe.cohort}' has none of the blocks {listing(recipe.blocks)}",
            remedy="Choose strategies of modalities that were collected.",
        )
    if recipe.experiment.incomplete == "mask":
        return _mask_blocks(recipe, people, present, quality, notes)
    return present


def _mask_blocks(
    recipe: Recipe,
    people: _People,
    present: dict[str, pd.DataFrame],
    quality: Mapping[str, pd.DataFrame],
    notes: list[str],
) -> dict[str, pd.DataFrame]:
    """Everybody who has one block or more; rows of a block that somebody lacks are gaps."""
    for name, features in present.items():
        checked = quality[recipe.blocks[name].modality]
        passed = checked.index[checked["reason"] == ""]
        present[name] = features[features.index.isin(passed)]
    anything = [people.table.index.isin(features.index) for features in present.values()]
    people.keep(np.any(anything, axis=0), "no block at all")
    return {n: f.reindex(people.table.index) for n, f in present.items()}


def note_masks(
    recipe: Recipe, table: pd.DataFrame, present: Mapping[str, pd.DataFrame], notes: list[str]
) -> None:
    """Say how many of the analysed people lack a block; neither they nor the others may be few."""
    for name, features in present.items() if recipe.experiment.incomplete == "mask" else ():
        has = int(features.loc[table.index].notna().any(axis=1).sum())
        lacking = len(table) - has
        if not lacking:
            continue
        told = f"{lacking} of {len(table)}"
        if lacking < MINIMUM_CELL:
            told = f"fewer than {MINIMUM_CELL} of {len(table)}"
        elif has < MINIMUM_CELL:
            told = f"all but fewer than {MINIMUM_CELL}"
        notes.append(
            f"Block '{name}': {told} people lack it and stand at the training mean (`incomplete: "
            "mask`); who lacks what can predict by itself."
        )


def _keep_confounds(recipe: Recipe, people: _People, present: dict[str, pd.DataFrame]) -> None:
    """Who has every confound, or an error where the experiment does not leave others out."""
    for confound in [*confounds_of(recipe, present), *divisors_of(recipe, present)]:
        if confound not in people.table:
            continue
        wanted = whom_concerns(recipe, confound, people.table, present)
        if recipe.experiment.missing_confounds == "drop":
            known = people.table[confound].notna() | ~wanted
            people.keep(known, f"no value of confound {confound}")
        else:
            values = people.table.loc[wanted, confound]
            refuse_missing(values, confound, origin_of(recipe, confound))


def whom_concerns(
    recipe: Recipe, confound: str, table: pd.DataFrame, present: Mapping[str, pd.DataFrame]
) -> pd.Series:
    """Who must have a confound: everybody, or whoever has a block that it is measured with."""
    everybody = pd.Series(True, index=table.index)
    if recipe.experiment.incomplete == "drop" or confound not in QUALITY_COVARIATES:
        return everybody
    owners = [
        name
        for name in present
        if confound in [*recipe.blocks[name].confounds, *recipe.blocks[name].divisors]
    ]
    has = [present[name].loc[table.index].notna().any(axis=1) for name in owners]
    return pd.concat(has, axis=1).any(axis=1) if has else everybody


def site_of(recipe: Recipe, table: pd.DataFrame) -> pd.Series | None:
    """Site of everybody, by the dataset card; None where the cohort has no such column."""
    named = [name for name, c in recipe.columns.items() if c.role == "site" and name in table]
    named += ["site"] if "site" in table else []
    return table[named[0]] if named else None


def apply_site_limits(
    quality: Mapping[str, pd.DataFrame], site: pd.Series | None
) -> dict[str, pd.DataFrame]:
    """Quality tables in which limits by site took effect.

    Raises
    ------
    InputError
        If a table asks for one and the cohort has no sites.
    """
    judged = dict(quality)
    for modality, checked in quality.items():
        if not set(SITE_LIMITS) & set(checked):
            continue
        if site is None:
            raise InputError(
                "a limit by site is asked for, and the participants have no column of sites",
                column=f"{modality}.quality.euler_limit",
                remedy="Give a column the role `site` on the dataset card, or set a fixed limit.",
            )
        here = checked[checked.index.isin(site.index)]
        judged[modality], floors = limit_by_site(here, site)
        for reason, floor in floors.items():
            logger.info("%s: %s: floors %s", modality, reason, floor.round(1).to_dict())
    return judged


def loss_columns(table: pd.DataFrame, site: pd.Series | None, outcome: str) -> dict[str, pd.Series]:
    """Site and classes of the outcome, of the people who are still there."""
    columns = {} if site is None else {"site": site.reindex(table.index)}
    classes = classes_of(table[outcome])
    return columns if classes is None else {**columns, outcome: classes}


def divisors_of(recipe: Recipe, present) -> list[str]:
    """Covariates that features of the present blocks are divided by, confounds left out."""
    wanted = {c for b in present for c in recipe.blocks[b].divisors}
    return sorted(wanted - set(confounds_of(recipe, present)))


def confounds_of(recipe: Recipe, present) -> list[str]:
    """Required confounds of the blocks that are present."""
    return [c for c in recipe.confounds if any(c in recipe.blocks[b].confounds for b in present)]


def origin_of(recipe: Recipe, covariate: str) -> str:
    """File or table that a covariate comes from, for messages."""
    for table in recipe.dataset.tables.values():
        if any(column.name == covariate for column in table.columns.values()):
            return table.file
    return f"{QUALITY_COVARIATES[covariate]}.quality"


def add_quality_covariates(
    participants: pd.DataFrame, quality: Mapping[str, pd.DataFrame], notes: list[str]
) -> pd.DataFrame:
    """Participants with the covariates that quality control measured (motion, eTIV, …)."""
    table = participants.copy()
    for modality, checked in quality.items():
        strangers = checked.index.difference(participants.index)
        if len(strangers):
            notes.append(
                f"{modality}: {len(strangers)} of {len(checked)} subjects are not in the "
                "participants table and were left out. Check the ids if that is unexpected."
            )
            logger.warning(notes[-1])
        for name, source in QUALITY_COVARIATES.items():
            if source == modality and name in checked and name not in table:
                table[name] = checked[name].reindex(table.index).astype(float)
    return table


def cohort_columns(recipe: Recipe, table: pd.DataFrame, present) -> list[str]:
    """Columns of the participants that the analyses read, each once."""
    experiment = recipe.experiment
    required = [
        experiment.outcome,
        *experiment.associations,
        experiment.folds.group,
        experiment.folds.column,
        *(level.column for level in experiment.exchangeability_levels),
        *confounds_of(recipe, present),
        *divisors_of(recipe, present),
        *recipe.harmonization_columns,
    ]
    if recipe.dataset.visits is not None:
        required += [recipe.dataset.visits.subject, recipe.dataset.visits.wave]
    columns = [c for c in required if c is not None]
    absent = [c for c in columns if c not in table]
    if absent:
        raise InputError(
            f"covariate '{absent[0]}' comes from quality control of a modality that was not "
            "collected",
            column=absent[0],
            subjects=len(table),
            remedy="List it under `optional` in the strategy card.",
        )
    optional = [c for c in recipe.optional_confounds if c in table and table[c].notna().any()]
    if "ladder" in experiment.analyses:  # people are compared inside sites and ancestries
        named = [n for n, c in recipe.columns.items() if c.role == "site"]
        optional += [c for c in [*named, *ancestry_columns(table)] if c in table]
    if "audit" in experiment.analyses:
        optional += [c for c in [*recipe.audited_columns, *recipe.grouping_columns] if c in table]
    return list(dict.fromkeys([*columns, *optional]))


def select_features(
    table: pd.DataFrame | StoredTable,
    strategy: EmbeddingStrategy,
    genes: list[str] | None = None,
) -> pd.DataFrame:
    """Columns of a modality's table that belong to the strategy's feature groups and gene set.

    Of a table in a file no others are read.

    Raises
    ------
    InputError
        If a group has no column.
    """
    groups = [parse_feature_name(c).group for c in table.columns]
    known = sorted(set(groups))
    for group in strategy.groups:
        if group not in known:
            raise InputError(
                f"strategy '{strategy.id}' wants feature group '{group}'{nearest(group, known)}",
                file=f"{strategy.modality}.features",
                remedy=f"The table has {listing(known)}; run its pipeline again if that is old.",
            )
    wanted = set(strategy.groups)
    selected = [c for c, group in zip(table.columns, groups, strict=True) if group in wanted]
    if genes is not None:
        selected = select_genes(selected, genes, strategy)
    return columns_of(table, selected)


def select_genes(columns: list[str], genes: list[str], strategy: EmbeddingStrategy) -> list[str]:
    """Columns of a gene set's genes, in its order.

    Raises
    ------
    InputError
        If a gene has no column.
    """
    units = {unit: [columns[i] for i in at] for unit, at in units_of(columns).items()}
    if list(units) == [ALL_GENES]:  # pooled over exactly these genes
        return columns
    # Windows around a gene's start site and its elements are units such as APOE:promoter.
    own = {gene: [u for u in units if u.split(BETWEEN)[0] == gene] for gene in genes}
    absent = [gene for gene in genes if not own[gene]]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(genes)} genes of gene set '{strategy.gene_set}' have no "
            f"features ({listing(absent)})",
            file=f"{strategy.modality}.features",
            remedy="Run the genomics pipeline again, or check the symbols against the annotation.",
        )
    return [column for gene in genes for unit in own[gene] for column in units[unit]]


def note_constant(block: str, modality: str, frame: pd.DataFrame, notes: list[str]) -> None:
    """Say which features are the same in all subjects, since they are dropped."""
    constant = frame.columns[~varies(frame.to_numpy(dtype=float))]
    if len(constant):
        notes.append(
            f"Block '{block}': {len(constant):,} of {frame.shape[1]:,} features of "
            f"{modality}.features are constant over {len(frame)} subjects and were dropped "
            f"({listing(constant, 3)}). Check them if that is unexpected."
        )
        logger.warning(notes[-1])
