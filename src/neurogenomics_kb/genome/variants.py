"""Genotype calls of a region, whatever the format of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.foundation.limits import open_file
from neurogenomics_kb.genome import pgen, plink1, vcf
from neurogenomics_kb.genome.blocks import BlockedVariants
from neurogenomics_kb.genome.genotypes import (
    GenotypeFormat,
    GenotypeOptions,
    Record,
    VariantFile,
    check_samples,
    plain_allele,
)

__all__ = [
    "GENOTYPE_FORMATS",
    "GenotypeFormat",
    "GenotypeOptions",
    "Record",
    "VariantFile",
    "check_samples",
    "genotype_options",
    "open_variants",
    "plain_allele",
    "variant_paths",
]

# Every format of genotypes by its name. A new one is a module with its own FORMAT and a line here.
GENOTYPE_FORMATS: dict[str, GenotypeFormat] = {
    "vcf": vcf.FORMAT,
    "pgen": pgen.FORMAT,
    "plink1": plink1.FORMAT,
}
# How files begin that are read whatever their name is: a VCF or BCF under bgzip.
_BGZIP = b"\x1f\x8b\x08\x04"

VariantSource = str | Path | Sequence[str | Path] | Mapping[str, Any] | GenotypeOptions


def open_variants(source: VariantSource, samples: Sequence[str] | None = None) -> VariantFile:
    """Open genotypes of any known format, restricted to some samples in the order asked for.

    Parameters
    ----------
    source : path, sequence of paths, mapping or GenotypeOptions
        A file (``.vcf.gz`` or ``.bcf`` with its index, ``.pgen`` with ``.pvar`` and ``.psam``,
        ``.bed`` with ``.bim`` and ``.fam``); a pattern (``ukb23157_c1_b*_v1.vcf.gz``) or several
        files, which are read as one; or options with ``format`` and ``path``.
    samples : sequence of str, optional
        Samples to read; default all, in the order of the file.

    Returns
    -------
    VariantFile

    Raises
    ------
    InputError
        If a file or its index is missing, damaged or of another format, files of one source
        overlap or hold different people, or a sample is not in it.

    Examples
    --------
    >>> with open_variants("cohort.vcf.gz") as calls:  # doctest: +SKIP
    ...     records = list(calls.records("chr1", 0, 1000))
    """
    options = genotype_options(source)
    paths = variant_paths(options.path)
    open_file = partial(_open_file, options)
    if len(paths) == 1:
        return open_file(paths[0], samples)
    return BlockedVariants(paths, open_file, samples)


def _open_file(options: GenotypeOptions, path: Path, samples: Sequence[str] | None) -> VariantFile:
    return GENOTYPE_FORMATS[options.format].build(
        options.model_copy(update={"path": path}), samples
    )


def genotype_options(source: VariantSource) -> GenotypeOptions:
    """Options of a source; the format of a path is that of its ending.

    Raises
    ------
    InputError
        If the format is unknown, an option is not one of the format, or files do not exist.
    """
    if isinstance(source, GenotypeOptions):
        source = source.model_dump(exclude_unset=False)
    if isinstance(source, Mapping):
        given = dict(source)
        path = given.get("path", ())
        name = given.pop("format", None)
    else:
        path = source if isinstance(source, (str, Path)) else tuple(source)
        given, name = {"path": path}, None
    if name is None:
        name = _format_of(variant_paths(path))
    if name not in GENOTYPE_FORMATS:
        raise InputError(
            f"unknown format of genotypes '{name}'{nearest(str(name), GENOTYPE_FORMATS)}",
            column="format",
            remedy=f"Known formats: {listing(GENOTYPE_FORMATS, len(GENOTYPE_FORMATS))}.",
        )
    try:
        return GENOTYPE_FORMATS[name].options(format=name, **given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"options of the format '{name}' do not fit ({first['msg']})",
            column=".".join(map(str, first["loc"])) or "format",
            remedy=f"It has {listing(GENOTYPE_FORMATS[name].options.model_fields)}.",
        ) from None


def variant_paths(path: str | Path | Sequence[str | Path]) -> list[Path]:
    """Files of a path, a pattern, or several of them; they all exist.

    Raises
    ------
    InputError
        If a file does not exist, nothing fits a pattern, or there is no path at all.
    """
    given = [path] if isinstance(path, (str, Path)) else list(path)
    if not given:
        raise InputError(
            "no file of variants is named", column="path", remedy="Name one or several files."
        )
    found = []
    for each in map(Path, given):
        if each.is_dir():
            raise InputError(
                "is a folder, not a file of variants",
                file=each,
                remedy="Name its files by a pattern, such as chr*.vcf.gz.",
            )
        if each.exists():
            found.append(each)
        elif has_magic(str(each)):
            fitting = sorted(Path(match) for match in glob(str(each)))
            if not fitting:
                raise InputError(
                    "no file of variants fits the pattern",
                    file=each,
                    remedy="Check the path of genomics.variants.",
                )
            found += fitting
        else:
            raise InputError(
                "the file of variants does not exist",
                file=each,
                remedy="Check the path of genomics.variants.",
            )
    return found


def _format_of(paths: Sequence[Path]) -> str:
    """Name of the format that all files have by their ending or their first bytes."""
    names = [_format_of_one(path) for path in paths]
    for name, path in zip(names, paths, strict=True):
        if name is None or name != names[0]:
            known = ", ".join(
                f"{each.name} ({', '.join(each.suffixes)})" for each in GENOTYPE_FORMATS.values()
            )
            raise InputError(
                "the ending is of no known format of genotypes"
                if name is None
                else f"the format is {name}, that of {paths[0].name} {names[0]}",
                file=path,
                remedy=f"Known formats: {known}.",
            )
    return str(names[0])


def _format_of_one(path: Path) -> str | None:
    for each in GENOTYPE_FORMATS.values():
        if path.name.endswith(each.suffixes):
            return each.name
    with open_file(path) as stream:
        return "vcf" if stream.read(len(_BGZIP)) == _BGZIP else None
