"""Reference (FASTA), annotation (GTF) and variants (VCF, PGEN)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import pysam
from kedro.io import AbstractDataset, DatasetError

from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.genome.annotation import ATTRIBUTES, COLUMNS, read_annotation
from neurogenomics_kb.genome.sequences import make_index
from neurogenomics_kb.genome.variants import GenotypeOptions, genotype_options, open_variants

Saved = TypeVar("Saved")
logger = logging.getLogger(__name__)

FASTA_WIDTH = 60
BESIDE = (".psam", ".pvar", ".pvar.zst", ".fam", ".bim")


class FastaDataset(AbstractDataset[dict[str, str], Path]):
    """Reference genome; loads as the path of an indexed FASTA.

    Sequences stay on disk, since a human reference has three billion bases.

    Examples
    --------
    .. code-block:: yaml

        genomics.reference:
          type: neurogenomics_kb.datasets.FastaDataset
          filepath: data/01_raw/demo/genomics/reference.fa

    >>> FastaDataset(filepath="genome.fa").exists()
    False
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Path of the FASTA, with an index (``.fai``) that is made when absent or older."""
        require_file(self._filepath, "reference FASTA")
        make_index(self._filepath)
        return self._filepath

    def save(self, data: dict[str, str]) -> None:
        """Write contigs in the given order, and the index."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with self._filepath.open("w", encoding="ascii", newline="\n") as stream:
            for contig, sequence in data.items():
                stream.write(f">{contig}\n")
                for start in range(0, len(sequence), FASTA_WIDTH):
                    stream.write(sequence[start : start + FASTA_WIDTH] + "\n")
        pysam.faidx(str(self._filepath))

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class GtfDataset(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """Gene annotation, GTF or GFF3; coordinates stay as in the file, 1-based and closed.

    Examples
    --------
    .. code-block:: yaml

        genomics.annotation:
          type: neurogenomics_kb.datasets.GtfDataset
          filepath: data/01_raw/demo/genomics/annotation.gtf

    >>> GtfDataset(filepath="genes.gtf").exists()
    False
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """One row per line (per parent of a GFF3 line), with the attributes that are used."""
        return read_annotation(require_file(self._filepath, "gene annotation"))

    def save(self, data: pd.DataFrame) -> None:
        """Write rows with their attributes as a GTF."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with self._filepath.open("w", encoding="ascii", newline="\n") as stream:
            for row in data.to_dict("records"):
                fields = [str(row[c]) for c in COLUMNS]
                attributes = " ".join(
                    f'{name} "{row[name]}";' for name in ATTRIBUTES if pd.notna(row.get(name))
                )
                stream.write("\t".join([*fields, attributes]) + "\n")

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


@dataclass(frozen=True)
class VcfContent:
    """Genotypes to write as a VCF.

    Attributes
    ----------
    contigs : dict of str to int
        Name and length.
    variants : DataFrame (n_variants)
        ``chrom``, ``pos`` (1-based), ``id``, ``ref``, ``alt``, sorted by position.
    samples : list of str
    genotypes : ndarray of int8 (n_variants, n_samples, 2)
        Allele numbers of both haplotypes, −1 where missing; phased.
    """

    contigs: dict[str, int]
    variants: pd.DataFrame
    samples: list[str]
    genotypes: np.ndarray


class _GenotypeFiles(AbstractDataset[Saved, Path | GenotypeOptions], Generic[Saved]):
    """Files of genotypes, which are one source; what is loaded is a path or options."""

    def __init__(
        self,
        *,
        filepath: str | list[str],
        format: str | None = None,
        options: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        several = not isinstance(filepath, str)
        self._paths = [Path(each) for each in filepath] if several else [Path(filepath)]
        self._filepath = self._paths[0]
        self._format, self._options = format, options or {}
        self.metadata = metadata

    @property
    def choices(self) -> str:
        """What else than the one file decides what is loaded, for the run's fingerprint."""
        found = self._found()
        # People and sites of PLINK stand beside the calls.
        beside = [
            p.with_suffix(end) for p in found for end in BESIDE if p.suffix in (".pgen", ".bed")
        ]
        several = found if found != [self._filepath] else []
        stats = [(p.name, p.stat()) for p in [*several, *beside] if p.exists()]
        told = [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats]
        chosen = [f"{name} {value}" for name, value in sorted(self._options.items())]
        return "\n".join([*told, *([self._format] if self._format else []), *chosen])

    def _found(self) -> list[Path]:
        return [
            Path(match)
            for path in self._paths
            for match in (sorted(glob(str(path))) if has_magic(str(path)) else [str(path)])
        ]

    def load(self) -> Path | GenotypeOptions:
        """Path or options, after checking that the files are whole and fit together."""
        if len(self._paths) == 1 and not has_magic(str(self._filepath)):
            require_file(self._filepath, "variant file")
        for path in self._found():
            warn_of_older_index(path)
        plain = len(self._paths) == 1 and self._format is None and not self._options
        source = self._filepath if plain else self._describe_source()
        with open_variants(source):
            return source

    def _describe_source(self) -> GenotypeOptions:
        path = self._paths[0] if len(self._paths) == 1 else tuple(self._paths)
        named = {} if self._format is None else {"format": self._format}
        return genotype_options({**named, **self._options, "path": path})

    def _exists(self) -> bool:
        found = self._found()
        return bool(found) and all(path.is_file() for path in found)

    def _describe(self) -> dict[str, Any]:
        described = {"filepath": ", ".join(map(str, self._paths)), "format": self._format}
        return {name: value for name, value in described.items() if value is not None}


class VariantsDataset(_GenotypeFiles[None], ReadOnlyDataset[Path | GenotypeOptions]):
    """Genotypes in any known format; loads as what `genome.variants.open_variants` opens.

    Parameters
    ----------
    filepath : str or list of str
        A file; a pattern (``ukb23157_c*_b*_v1.vcf.gz``) or several files, which are one source:
        chromosomes, or blocks of them, with the same people and no overlap.
    format : str, optional
        Name of the format; default by the ending of the file.
    options : dict, optional
        Options of that format (see its options model); default none.
    metadata : dict, optional
        For Kedro's plugins.

    Examples
    --------
    .. code-block:: yaml

        genomics.variants:
          type: neurogenomics_kb.datasets.VariantsDataset
          filepath: data/01_raw/ukb/exomes/ukb23157_c*_b*_v1.vcf.gz

    >>> VariantsDataset(filepath="genotypes.bed").exists()
    False
    """

    why = "bcftools and plink2 write genotypes"


class VcfDataset(_GenotypeFiles[VcfContent]):
    """Variants in a bgzipped, indexed VCF (or BCF), or in several; loads as its path.

    Parameters
    ----------
    filepath : str or list of str
        The file; a pattern or several files are one source.
    metadata : dict, optional
        For Kedro's plugins.

    Examples
    --------
    .. code-block:: yaml

        genomics.variants:
          type: neurogenomics_kb.datasets.VcfDataset
          filepath: data/01_raw/demo/genomics/variants.vcf.gz

    >>> VcfDataset(filepath="variants.vcf.gz").exists()
    False
    """

    def __init__(
        self, *, filepath: str | list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)

    def save(self, data: VcfContent) -> None:
        """Write and index; equal content gives equal bytes.

        Raises
        ------
        DatasetError
            If the entry is a pattern or several files.
        """
        if len(self._paths) > 1 or has_magic(str(self._filepath)):
            raise DatasetError("variants are saved into one file, and the entry names several")
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with pysam.BGZFile(str(self._filepath), "wb") as stream:
            stream.write(vcf_text(data).encode("ascii"))
        pysam.tabix_index(str(self._filepath), preset="vcf", force=True)

    def _exists(self) -> bool:
        found = self._found()
        indexed = (Path(f"{p}{end}").exists() for p in found for end in (".tbi", ".csi"))
        return super()._exists() and any(indexed)


class PgenDataset(VariantsDataset):
    """Variants in PLINK 2 files (``.pgen``, ``.pvar`` or ``.pvar.zst``, ``.psam``); read only.

    Parameters
    ----------
    filepath : str or list of str
        The ``.pgen``; a pattern or several files are one source.
    metadata : dict, optional
        For Kedro's plugins.

    Examples
    --------
    .. code-block:: yaml

        genomics.variants:
          type: neurogenomics_kb.datasets.PgenDataset
          filepath: data/01_raw/ukb/exomes.pgen

    >>> PgenDataset(filepath="exomes.pgen").exists()
    False
    """

    def __init__(
        self, *, filepath: str | list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)


def warn_of_older_index(path: Path) -> None:
    """Say that an index is older than its file; whether it fits is checked on opening."""
    for suffix in (".tbi", ".csi"):
        index = Path(f"{path}{suffix}")
        if index.exists() and path.exists():
            if index.stat().st_mtime < path.stat().st_mtime:
                logger.warning("%s is older than %s; index it again if in doubt", index, path)
            return


def vcf_text(data: VcfContent) -> str:
    """VCF 4.2 with phased genotypes."""
    header = ["##fileformat=VCFv4.2"]
    header += [f"##contig=<ID={name},length={length}>" for name, length in data.contigs.items()]
    header += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    header.append("\t".join([*fixed, *data.samples]))
    alleles = np.array([".", *(str(i) for i in range(int(data.genotypes.max(initial=0)) + 1))])
    lines = []
    for row, calls in zip(data.variants.itertuples(), data.genotypes + 1, strict=True):
        left, right = alleles[calls[:, 0]], alleles[calls[:, 1]]
        genotypes = "\t".join(f"{a}|{b}" for a, b in zip(left, right, strict=True))
        lines.append(
            f"{row.chrom}\t{row.pos}\t{row.id}\t{row.ref}\t{row.alt}\t.\tPASS\t.\tGT\t{genotypes}"
        )
    return "\n".join([*header, *lines]) + "\n"
