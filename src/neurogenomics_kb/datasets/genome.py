"""Reference (FASTA), annotation (GTF) and variants (VCF, PGEN)."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam
from kedro.io import AbstractDataset

from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.annotation import ATTRIBUTES, parse_attributes
from neurogenomics_kb.genome.variants import open_variants

logger = logging.getLogger(__name__)

GTF_COLUMNS = ["seqname", "source", "feature", "start", "end", "score", "strand", "frame"]
# The empty block that ends every complete BGZF file (SAM specification, section 4.1.2).
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
FASTA_WIDTH = 60


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
        index = self._filepath.with_name(self._filepath.name + ".fai")
        if not index.exists() or index.stat().st_mtime < self._filepath.stat().st_mtime:
            try:
                pysam.faidx(str(self._filepath))
            except pysam.SamtoolsError as error:
                raise InputError(
                    f"cannot be indexed: {error}",
                    file=self._filepath,
                    remedy="Check that it is a FASTA with lines of one width, plain or BGZF.",
                ) from None
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
        """One row per line, with the attributes that are used as columns."""
        require_file(self._filepath, "gene annotation")
        try:
            frame = pd.read_csv(
                self._filepath,
                sep="\t",
                comment="#",
                header=None,
                names=[*GTF_COLUMNS, "attributes"],
                dtype={"seqname": str, "attributes": str, "start": np.int64, "end": np.int64},
                quoting=csv.QUOTE_NONE,
            )
        except (ValueError, pd.errors.ParserError) as error:
            raise InputError(
                f"not a GTF: {error}",
                file=self._filepath,
                remedy="Expected nine tab-separated columns with whole numbers as coordinates.",
            ) from None
        attributes = parse_attributes(frame.pop("attributes").fillna(""))
        return pd.concat([frame, attributes.set_index(frame.index)], axis=1)

    def save(self, data: pd.DataFrame) -> None:
        """Write rows with their attributes as a GTF."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with self._filepath.open("w", encoding="ascii", newline="\n") as stream:
            for row in data.to_dict("records"):
                fields = [str(row[c]) for c in GTF_COLUMNS]
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


class VcfDataset(AbstractDataset[VcfContent, Path]):
    """Variants in a bgzipped, indexed VCF (or BCF); loads as its path.

    Examples
    --------
    .. code-block:: yaml

        genomics.variants:
          type: neurogenomics_kb.datasets.VcfDataset
          filepath: data/01_raw/demo/genomics/variants.vcf.gz

    >>> VcfDataset(filepath="variants.vcf.gz").exists()
    False
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Path, after checking that file and index are whole."""
        require_file(self._filepath, "variant file")
        index = self._index()
        if index is None:
            raise InputError(
                "has no index (.tbi or .csi)",
                file=self._filepath,
                remedy=f"Run `tabix -p vcf {self._filepath.name}` in its folder.",
            )
        with self._filepath.open("rb") as stream:
            stream.seek(max(0, self._filepath.stat().st_size - len(BGZF_END)))
            complete = stream.read() == BGZF_END
        if not complete:
            raise InputError(
                "is truncated: the end-of-file block of BGZF is missing",
                file=self._filepath,
                remedy="Copy the file again, or write it with bgzip rather than gzip.",
            )
        if index.stat().st_mtime < self._filepath.stat().st_mtime:
            logger.warning("%s is older than %s; index it again if in doubt", index, self._filepath)
        return self._filepath

    def _index(self) -> Path | None:
        names = (self._filepath.with_name(self._filepath.name + end) for end in (".tbi", ".csi"))
        return next((path for path in names if path.exists()), None)

    def save(self, data: VcfContent) -> None:
        """Write and index; equal content gives equal bytes."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with pysam.BGZFile(str(self._filepath), "wb") as stream:
            stream.write(vcf_text(data).encode("ascii"))
        pysam.tabix_index(str(self._filepath), preset="vcf", force=True)

    def _exists(self) -> bool:
        return self._filepath.is_file() and self._index() is not None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class PgenDataset(ReadOnlyDataset[Path]):
    """Variants in PLINK 2 files (``.pgen``, ``.pvar`` or ``.pvar.zst``, ``.psam``); read only.

    Examples
    --------
    .. code-block:: yaml

        genomics.variants:
          type: neurogenomics_kb.datasets.PgenDataset
          filepath: data/01_raw/ukb/exomes.pgen

    >>> PgenDataset(filepath="exomes.pgen").exists()
    False
    """

    why = "PLINK 2 writes PGEN files (plink2 --make-pgen)"

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Path, after checking that the three files fit together."""
        require_file(self._filepath, "variant file")
        with open_variants(self._filepath):
            return self._filepath

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


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
