"""Tables of the ENIGMA protocols under FreeSurfer's names.

The cortical protocol writes ``SubjID, L_bankssts_thickavg, …, LThickness, RThickness, LSurfArea,
RSurfArea, ICV``, the subcortical one ``SubjID, LLatVent, RLatVent, Lthal, …, ICV``.
"""

from __future__ import annotations

import re

import pandas as pd

from neurogenomics_kb.brain.morphometry import absent_as_gaps, refuse_impossible
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT
from neurogenomics_kb.foundation.tables import (
    refuse_values,
    require_finite_numbers,
    require_unique_ids,
    take_ids,
)

ID = ("SubjID", "subjectID", "SubjectID", "subjid")
CORTICAL = re.compile(r"([LR])_(.+)_(thickavg|surfavg)")
MEASURES = {"thickavg": "thickness", "surfavg": "area"}
GLOBAL = {
    f"{side}{name}": f"{group}{SEPARATOR}{hemisphere}_{measure}"
    for side, hemisphere in (("L", "lh"), ("R", "rh"))
    for name, group, measure in (
        ("Thickness", "mean_thickness", "MeanThickness"),
        ("SurfArea", "total_area", "WhiteSurfArea"),
    )
}
SUBCORTICAL = {
    f"{side}{short}": f"aseg_volume{SEPARATOR}{name}-{long}"
    for side, name in (("L", "Left"), ("R", "Right"))
    for short, long in (
        ("LatVent", "Lateral-Ventricle"), ("thal", "Thalamus"), ("caud", "Caudate"),
        ("put", "Putamen"), ("pal", "Pallidum"), ("hippo", "Hippocampus"), ("amyg", "Amygdala"),
        ("accumb", "Accumbens-area"),
    )
}  # fmt: skip
ICV = "ICV"
# Smallest and largest plausible head in mm³; some protocols wrote the scaling factor instead.
PLAUSIBLE = (5e5, 3e6)


def enigma_table(table: pd.DataFrame, *, file: str) -> pd.DataFrame:
    """Measures of an ENIGMA table under the names that FreeSurfer's own tables give.

    A 0 of a region that everybody has is a gap.

    Parameters
    ----------
    table : DataFrame
        As read, ids as text; columns of other protocols and covariates are left out.
    file : str
        What to call the table in messages.

    Returns
    -------
    DataFrame
        ``thickness__lh_bankssts`` (mm), ``area__…`` (mm²), ``aseg_volume__Left-Thalamus`` (mm³),
        ``mean_thickness__…``, ``total_area__…`` and ``etiv`` (mm³), indexed by ``subject_id``.

    Raises
    ------
    InputError
        If the id column is missing or repeats, no column is of the protocols, a value is not a
        number, or ICV is not in mm³.
    """
    key = next((name for name in ID if name in table), None)
    if key is None:
        raise InputError(
            "there is no SubjID", file=file, remedy=f"The table has {listing(table.columns)}."
        )
    require_unique_ids(table[key], file, key)
    ids = take_ids(table[key], file).rename(SUBJECT)
    names = {column: _canonical_name(column) for column in table if column != key}
    names = {column: name for column, name in names.items() if name is not None}
    if not set(names) - {ICV}:
        raise InputError(
            "no column is of ENIGMA's cortical or subcortical protocol",
            file=file,
            remedy=f"The table has {listing(table.columns)}.",
        )
    numbers = {n: require_finite_numbers(table[c], file, c) for c, n in names.items()}
    out = pd.DataFrame(numbers).set_axis(ids, axis=0)
    refuse_impossible(out, file)
    if "etiv" in out:
        _refuse_other_units(out["etiv"], file)
    return absent_as_gaps(out, file)


def _canonical_name(column: str) -> str | None:
    """FreeSurfer's name of an ENIGMA column; None if it is of neither protocol."""
    match = CORTICAL.fullmatch(column)
    if match:
        side, region, measure = match.groups()
        return f"{MEASURES[measure]}{SEPARATOR}{'lh' if side == 'L' else 'rh'}_{region}"
    return "etiv" if column == ICV else GLOBAL.get(column) or SUBCORTICAL.get(column)


def _refuse_other_units(icv: pd.Series, file: str) -> None:
    """Refuse intracranial volumes that are no volumes in mm³.

    Raises
    ------
    InputError
    """
    refuse_values(
        icv,
        icv.notna() & ~icv.between(*PLAUSIBLE),
        lambda first: f"values are not volumes in mm³, first {first:g}",
        file=file,
        column=ICV,
        remedy="Write FreeSurfer's eTIV in mm³; some tables hold the scaling factor or cm³.",
    )
