"""Tract means of diffusion measures from the tables that diffusion pipelines write."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT, feature_name
from neurogenomics_kb.foundation.tables import (
    refuse_values,
    require_columns,
    require_finite_numbers,
    require_unique_ids,
    take_ids,
)

logger = logging.getLogger(__name__)

# Bounds that hold by definition: fractions lie between 0 and 1, diffusivities are not negative.
FRACTIONS = {"fa", "icvf", "od", "isovf", "odi"}
DIFFUSIVITIES = {"md", "ad", "rd", "l1", "l2", "l3"}
IDP = re.compile(r"IDP_dMRI_(TBSS|ProbtrackX)_([A-Za-z0-9]+)_(.+?)(?:-\d+\.\d+)?")
SIDES = ("-L", "-R")
AVERAGE = re.compile(r"Average_?[A-Z]+\d?$")


def long_tracts(table: pd.DataFrame, columns: Mapping[str, str], *, file: str) -> pd.DataFrame:
    """Tract means from a table with one row per subject and tract (and point along it).

    Parameters
    ----------
    table : DataFrame
        As TractSeg's tractometry, AutoTrack or pyAFQ's tract profiles give it.
    columns : mapping
        ``subject``, ``tract``, and either ``metric`` and ``value`` or ``metrics`` (a list of
        columns, one per metric), as they are called in the table. Several rows of a subject and
        tract, the points of a profile, are averaged; a tract without any value is a gap.
    file : str
        What to call the table in messages.

    Returns
    -------
    DataFrame
        ``<metric>__<tract>``, metrics in lower case, indexed by ``subject_id``.

    Raises
    ------
    InputError
        If a column is missing, a value is no number or impossible.
    """
    named = [columns["subject"], columns["tract"]]
    wide = "metrics" in columns
    values = list(columns["metrics"]) if wide else [columns["value"]]
    require_columns(table, [*named, *values, *([] if wide else [columns["metric"]])], file)
    numbers = {column: require_finite_numbers(table[column], file, column) for column in values}
    table = table.assign(**numbers)
    for column in named:
        gaps = int((table[column].isna() | (table[column].astype(str).str.strip() == "")).sum())
        if gaps:
            raise InputError(
                f"{gaps} of {len(table)} rows have no value",
                file=file,
                column=column,
                remedy="Every row must name its subject and tract.",
            )
    if wide:
        frame = table.melt(named, values, var_name="metric", value_name="value")
        frame = frame.set_axis(["subject", "tract", "metric", "value"], axis=1)
    else:
        frame = table[[*named, columns["metric"], columns["value"]]]
        frame = frame.set_axis(["subject", "tract", "metric", "value"], axis=1)
    frame = frame.assign(
        name=frame["metric"].astype(str).map(_metric_name)
        + SEPARATOR
        + frame["tract"].astype(str).map(_tract_name),
        subject=frame["subject"].astype(str).str.strip(),
    )
    frame["value"] = frame["value"].where(~(frame["name"].map(_never_zero) & (frame["value"] == 0)))
    # Pivoting keeps a tract that nobody has, as a column of gaps, by its order of appearance.
    out = frame.pivot_table(
        index="subject", columns="name", values="value", aggfunc="mean", dropna=False
    )
    out = out.reindex(columns=list(dict.fromkeys(frame["name"])))
    return checked(out.rename_axis(index=SUBJECT, columns=None), file)


def wide_tracts(table: pd.DataFrame, metric: str, *, file: str) -> pd.DataFrame:
    """Tract means of one metric from a table with a column per tract, such as ENIGMA-DTI's.

    Parameters
    ----------
    table : DataFrame
        The first column holds subject ids (``subjectID``), the others one tract each (``ACR``,
        ``ACR-L``, ``ACR-R``, ``AverageFA``). A tract whose two sides are there is their average
        and is left out; the average over the skeleton is a group of its own.
    metric : str
        ``FA``, ``MD``, ``AD``, ``RD``, …
    file : str
        What to call the table in messages.

    Returns
    -------
    DataFrame
        ``fa__ACR-L``, …, ``average_fa__skeleton``, indexed by ``subject_id``.

    Raises
    ------
    InputError
        If ids repeat, there is no tract, a value is no number or impossible.
    """
    require_unique_ids(table.iloc[:, 0], file, str(table.columns[0]))
    ids = take_ids(table.iloc[:, 0], file)
    tracts = list(table.columns[1:])
    if not tracts:
        raise InputError("there is no tract", file=file, remedy="Give one column per tract.")
    numbers = {column: require_finite_numbers(table[column], file, column) for column in tracts}
    kept = [t for t in tracts if not all(f"{t}{side}" in table for side in SIDES)]
    group = _metric_name(metric)
    names = [
        f"average_{group}{SEPARATOR}skeleton"
        if AVERAGE.match(column)
        else f"{group}{SEPARATOR}{_tract_name(column)}"
        for column in kept
    ]
    out = pd.DataFrame({column: numbers[column] for column in kept}).set_axis(names, axis=1)
    return checked(out.set_axis(ids.rename(SUBJECT), axis=0), file)


def idp_tracts(table: pd.DataFrame, analysis: str, *, file: str) -> pd.DataFrame:
    """Tract means from columns with UK Biobank's names of imaging-derived phenotypes.

    Parameters
    ----------
    table : DataFrame
        The first column holds subject ids, others are called
        ``IDP_dMRI_TBSS_FA_Genu_of_corpus_callosum`` or ``IDP_dMRI_ProbtrackX_MD_atr_l``
        (Miller et al., Nature Neuroscience 2016; Alfaro-Almagro et al., NeuroImage 2018); all
        other columns are left out.
    analysis : {"TBSS", "ProbtrackX"}
        Means over the skeleton, or weighted means over tracts.
    file : str
        What to call the table in messages.

    Returns
    -------
    DataFrame
        ``<metric>__<tract>``, indexed by ``subject_id``.

    Raises
    ------
    InputError
        If ids repeat, no column is of the analysis, a value is no number or impossible.
    """
    require_unique_ids(table.iloc[:, 0], file, str(table.columns[0]))
    ids = take_ids(table.iloc[:, 0], file)
    found = {}
    for column in table.columns[1:]:
        match = IDP.fullmatch(str(column))
        if match and match.group(1) == analysis:
            name = f"{_metric_name(match.group(2))}{SEPARATOR}{_tract_name(match.group(3))}"
            if name in found.values():
                raise InputError(
                    f"{name} has two columns, the second is '{column}'",
                    file=file,
                    column=str(column),
                    remedy="Keep one imaging visit.",
                )
            found[column] = name
    if not found:
        raise InputError(
            f"no column is called IDP_dMRI_{analysis}_<metric>_<tract>",
            file=file,
            remedy=f"The table has {listing(table.columns)}.",
        )
    numbers = {n: require_finite_numbers(table[c], file, str(c)) for c, n in found.items()}
    return checked(pd.DataFrame(numbers).set_axis(ids.rename(SUBJECT), axis=0), file)


def _metric_name(metric: str) -> str:
    """Group of a metric: lower case, without the model that pyAFQ puts before it."""
    return re.sub(r"^(dki|dti|csd|fwdti)_", "", metric.strip().lower())


def _tract_name(tract: str) -> str:
    """A tract's name as part of a feature name."""
    return re.sub(r"_{2,}", "_", tract.strip().replace(" ", "_"))


def _never_zero(name: str) -> bool:
    """Whether the metric of a column ``<metric>__<tract>`` is above 0 in any tissue."""
    return name.split(SEPARATOR)[0].removeprefix("average_") in {"fa", *DIFFUSIVITIES}


def checked(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """Refuse values that the definition of a metric excludes; 0 of a tract not found is a gap.

    Raises
    ------
    InputError
    """
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise InputError(
            f"{len(repeated)} tracts have two columns",
            file=file,
            column=str(repeated[0]),
            remedy="Keep one column of each.",
        )
    for column in table:
        metric = column.split(SEPARATOR)[0].removeprefix("average_")
        values = table[column]
        if metric in FRACTIONS:
            odd, range_ = values.notna() & ~values.between(0, 1), "between 0 and 1"
        elif metric in DIFFUSIVITIES:
            odd, range_ = values < 0, "not negative"
        else:
            continue
        problem = f"{metric} is {range_} by definition, found"
        refuse_values(
            values,
            odd,
            lambda first, problem=problem: f"{problem} {first:g}",
            file=file,
            column=column,
            remedy="Check the metric's name, the units and missing-value codes.",
        )
    absent = {c: table[c] == 0 for c in table if _never_zero(c)}
    absent = {c: zeros for c, zeros in absent.items() if zeros.any()}
    if absent:
        logger.warning(
            "%s: %d values of 0 in %s are taken as gaps", file,
            sum(int(zeros.sum()) for zeros in absent.values()), listing(absent, 3),
        )  # fmt: skip
        table = table.assign(**{c: table[c].where(~zeros) for c, zeros in absent.items()})
    return table.sort_index()


def tract_features(table: pd.DataFrame, *, file: str = "dmri.tracts") -> pd.DataFrame:
    """Tract means as features ``dmri__<metric>__<tract>``, in the table's units.

    Raises
    ------
    InputError
        If ids repeat, or there is no column.
    """
    require_unique_ids(table.index, file)
    if not table.shape[1]:
        raise InputError("there is no tract", file=file, remedy="Give a table of tract means.")
    columns = [feature_name("dmri", *column.split(SEPARATOR, maxsplit=1)) for column in table]
    features = table.astype(float).set_axis(columns, axis=1)
    features.index = pd.Index(table.index.astype(str), name=SUBJECT)
    return features
