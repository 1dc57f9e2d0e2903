"""Checks of harmonization that was done before the data came here, such as MURD on images."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing

# Smaller counts of subjects are not told, since notes are published with results.
FEW = 10
# What the manifest of an external harmonization says.
FIELDS = {
    "program": "name and version of the program",
    "trained_subjects": "ids of the subjects whose images trained it, [] for none of anybody's",
    "trained_sites": "sites that training knew",
    "harmonized_subjects": "ids of the subjects whose outputs these are",
}


def check_manifest(
    manifest: Mapping[str, Any],
    sites: pd.Series,
    *,
    file: str = "harmonization_manifest",
    accept_trained_subjects: bool = False,
) -> list[str]:
    """Refuse outputs of an external harmonization that would leak, or that are not what they say.

    Every subject of a cross-validation is tested in one fold, so a network that one cohort trained
    has seen test subjects in all folds.

    Parameters
    ----------
    manifest : mapping
        `FIELDS`.
    sites : Series
        Site of every analysed subject, indexed by subject.
    file : str
        Name used in messages.
    accept_trained_subjects : bool
        Go on although analysed subjects trained the network.

    Returns
    -------
    list of str
        What the report should say.

    Raises
    ------
    InputError
        For missing or malformed fields, subjects that trained it, subjects or sites that it did not
        harmonize.
    """
    refuse_malformed(manifest, file)
    refuse_uncovered(manifest, sites, file)
    trained = set(map(str, manifest["trained_subjects"]))
    known = {str(s) for s in manifest["trained_sites"]}
    seen = int(sites.index.astype(str).isin(list(trained)).sum())
    if seen and not accept_trained_subjects:
        raise InputError(
            f"{manifest['program']} was trained on subjects that are tested here",
            file=file,
            column="trained_subjects",
            subjects=seen,
            of=len(sites),
            remedy="Train it on other people, or accept it with `accept_trained_subjects: true` on "
            "the harmonization card; the report then says so.",
        )
    notes = [
        f"Images were harmonized by {manifest['program']} before this run, trained on "
        f"{len(trained)} subjects of {len(known)} sites."
    ]
    if seen:
        told = seen if seen >= FEW else f"fewer than {FEW}"
        notes.append(
            f"{manifest['program']} had seen {told} of the {len(sites)} subjects in its training, "
            "test subjects among them: every held-out result may be optimistic."
        )
    return notes


def refuse_malformed(manifest: Mapping[str, Any], file: str) -> None:
    """Refuse a manifest without one of its fields, or with one of another kind.

    Raises
    ------
    InputError
    """
    if not isinstance(manifest, Mapping):
        raise InputError(
            "the manifest is not a mapping of fields",
            file=file,
            remedy=f"Write the fields {listing(FIELDS)}.",
        )
    for field, meaning in FIELDS.items():
        if field not in manifest:
            raise InputError(
                "the manifest of the external harmonization lacks this field",
                file=file,
                column=field,
                remedy=f"It holds: {meaning}.",
            )
        value = manifest[field]
        fits = isinstance(value, str) if field == "program" else is_names(value)
        if not fits or value == "":
            raise InputError(
                "the field is not a text" if field == "program" else "the field is not a list",
                file=file,
                column=field,
                remedy=f"It holds: {meaning}.",
            )


def refuse_uncovered(manifest: Mapping[str, Any], sites: pd.Series, file: str) -> None:
    """Refuse subjects that were not harmonized, and sites that training did not know.

    Raises
    ------
    InputError
    """
    done = manifest["harmonized_subjects"]
    missing = ~sites.index.astype(str).isin([str(s) for s in done])
    if missing.any():
        raise InputError(
            "subjects are not among those that were harmonized, so both kinds of images would be "
            "mixed",
            file=file,
            column="harmonized_subjects",
            subjects=int(missing.sum()),
            of=len(sites),
            remedy="Harmonize them too, or leave them out of the cohort.",
        )
    known = {str(s) for s in manifest["trained_sites"]}
    new = sites[~sites.astype(str).isin(known)]
    if len(new):
        raise InputError(
            f"site {listing(sorted(set(map(str, new))))} is none that {manifest['program']} was "
            "trained on",
            file=file,
            column="trained_sites",
            subjects=len(new),
            of=len(sites),
            remedy="Train it with images of these sites (other people's), or leave the sites out.",
        )


def is_names(value: Any) -> bool:
    """Whether a field is a list of ids or sites."""
    return (
        isinstance(value, Collection)
        and not isinstance(value, str | Mapping)
        and all(isinstance(v, str | int) for v in value)
    )
