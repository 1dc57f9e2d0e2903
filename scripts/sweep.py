"""Read every file of the field below a folder and say of each what came of it.

    python scripts/sweep.py FOLDER [--kind variants] [--seconds 60]

Each file is read by the readers that the pipelines use, in another process, so that one that hangs
or takes its process down costs only itself. A line a file: ``read`` with counts, ``refused`` with
the one line that a user would see, or what must not be: ``TRACEBACK``, ``SILENT`` (something is in
the file that was not read, and nobody said so) or ``TIMEOUT``. The exit status is then 1.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import io
import logging
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

VARIANTS = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf", ".pgen")
RECORDINGS = (".edf", ".bdf", ".vhdr", ".set", ".fif")
TABLES = re.compile(
    r"participants(_all_releases)?\.tsv|.*_?sessions\.tsv|group_(bold|T1w|T2w|dwi)\.tsv"
)
FAILURES = ("TRACEBACK", "SILENT", "TIMEOUT")
SKIPPED = {".git", ".venv", "node_modules", "__pycache__"}
# Further than any chromosome reaches.
END = 2**31 - 2


def find(folder: Path) -> Iterator[tuple[str, Path]]:
    """Kind and path of everything below a folder that a reader exists for."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - SKIPPED)
        here = Path(place)
        if any(name.endswith(".stats") for name in names):
            yield "freesurfer", here
        for name in sorted(names):
            if name.endswith(VARIANTS):
                yield "variants", here / name
            elif name.endswith(RECORDINGS):
                yield "eeg", here / name
            elif TABLES.fullmatch(name) or (here.name == "phenotype" and name.endswith(".tsv")):
                yield "tables", here / name


def read_variants(path: Path) -> str:
    """Every record of every contig; a plain file is compressed and indexed in a copy first."""
    from neurogenomics_kb.foundation.errors import InputError

    indexed = any(Path(f"{path}{end}").exists() for end in (".tbi", ".csi"))
    if indexed or path.suffix == ".pgen":
        return count_records(path, path)
    try:
        return count_records(path, path)
    except InputError as error:
        first = str(error)
    with tempfile.TemporaryDirectory() as folder:
        copy = index_copy(path, Path(folder))
        if copy is None:
            raise InputError(first, remedy="It cannot be indexed either.")
        return f"{count_records(copy, path)}, after indexing a copy"


def index_copy(path: Path, folder: Path) -> Path | None:
    """Copy that is compressed and indexed, or None where that fails."""
    import pysam

    plain = "bcf" in path.suffixes[-1]
    copy = folder / ("copy.bcf" if plain else "copy.vcf.gz")
    try:
        if plain:
            shutil.copy(path, copy)
            pysam.bcftools.index(str(copy), catch_stdout=False)
        else:
            content = path.read_bytes()
            content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            (folder / "copy.vcf").write_bytes(content)
            pysam.tabix_compress(str(folder / "copy.vcf"), str(copy))
            pysam.tabix_index(str(copy), preset="vcf", force=True)
    except Exception:  # htslib's refusal in any form
        return None
    return copy


def count_records(path: Path, original: Path) -> str:
    """Records that the reader gives, against lines of the file where it is text."""
    from neurogenomics_kb.genome.variants import open_variants

    found, called = 0, 0
    with open_variants(path) as file:
        samples = len(file.samples)
        for contig in file.contigs:
            for record in file.records(contig, 0, END):
                found += 1
                called += int((record.alleles >= 0).all(axis=1).sum())
    there = count_lines(original)
    told = f"{found} records, {samples} samples, {called} calls"
    if there is not None and found != there:
        return f"SILENT {told}, and {there} lines in the file"
    return told


def count_lines(path: Path) -> int | None:
    """Lines of records of a text VCF, other formats None."""
    if path.suffix in (".bcf", ".pgen"):
        return None
    content = path.read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    return sum(bool(line.strip()) and not line.startswith(b"#") for line in content.splitlines())


def read_freesurfer(folder: Path) -> str:
    """Every file of a stats folder, and the folder as a subject."""
    from neurogenomics_kb.brain.stats_files import read_stats
    from neurogenomics_kb.datasets import FreeSurferSubjectsDataset
    from neurogenomics_kb.foundation.errors import InputError

    regions, refused, silent = 0, [], []
    files = sorted(folder.glob("*.stats"))
    for file in files:
        try:
            stats = read_stats(file)
        except InputError as error:
            refused.append(str(error))
            continue
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        rows = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
        # What is labelled so is no region.
        there = sum("unknown" not in line.lower().split() for line in rows)
        regions += len(stats.rows)
        if len(stats.rows) != there:
            silent.append(f"{file.name}: {len(stats.rows)} of {there} regions")
    if silent:
        return f"SILENT {'; '.join(silent)}"
    told = f"{len(files) - len(refused)} of {len(files)} files, {regions} regions"
    groups = groups_of({file.name for file in files})
    if groups:
        with tempfile.TemporaryDirectory() as place:
            subject = Path(place) / "sub-01" / "stats"
            shutil.copytree(folder, subject)
            try:
                dataset = FreeSurferSubjectsDataset(filepath=place, groups=groups)
                table = load(dataset)
                told += f"; as a subject {int(table.notna().to_numpy().sum())} values"
            except InputError as error:
                told += f"; as a subject refused: {error}"
    if refused and len(refused) == len(files):
        raise InputError(refused[0].rstrip("."), remedy=f"{len(files)} files are so.")
    return told + "".join(f"; refused: {line}" for line in refused)


def groups_of(names: set[str]) -> dict[str, dict[str, str]]:
    """Feature groups that a folder has the files of."""
    groups = {}
    for atlas in ("aparc", "aparc.DKTatlas", "aparc.a2009s"):
        if {f"lh.{atlas}.stats", f"rh.{atlas}.stats"} <= names:
            name = atlas.replace("aparc", "").strip(".").lower() or "desikan"
            groups[f"{name}_thickness"] = {"atlas": atlas, "measure": "ThickAvg"}
            groups[f"{name}_volume"] = {"atlas": atlas, "measure": "GrayVol"}
    if "aseg.stats" in names:
        groups["aseg_volume"] = {"atlas": "aseg", "measure": "Volume_mm3"}
    return groups


def load(dataset):
    """Content of a dataset; its own error instead of Kedro's around it."""
    from kedro.io import DatasetError

    try:
        return dataset.load()
    except DatasetError as error:
        raise (error.__cause__ or error) from None


def read_eeg(path: Path) -> str:
    """A recording with its sidecars, whatever its channels are called."""
    from neurogenomics_kb.brain.eeg.reading import open_recording
    from neurogenomics_kb.brain.eeg.recordings import Recording

    root = next((p for p in path.parents if (p / "dataset_description.json").exists()), path.parent)
    recording = Recording(path, root, "sub-01", "", "")
    raw = open_recording(recording, line_frequency=50.0).raw
    data = raw.get_data()
    return f"{data.shape[0]} EEG channels, {data.shape[1] / raw.info['sfreq']:.1f} s"


def read_tables(path: Path) -> str:
    """A table of people, against what a plain reader of rows finds."""
    from neurogenomics_kb.datasets.people import read_people

    table = read_people(path)
    text = path.read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))[1:]
    there = sum(any(cell.strip() for cell in row) for row in rows)
    numbers = sum(dtype.kind in "if" for dtype in table.dtypes)
    told = f"{len(table)} rows, {table.shape[1]} columns, {numbers} of numbers"
    return told if len(table) == there else f"SILENT {told}, and {there} rows in the file"


READERS: dict[str, Callable[[Path], str]] = {
    "variants": read_variants,
    "freesurfer": read_freesurfer,
    "eeg": read_eeg,
    "tables": read_tables,
}


def judge(kind: str, path: Path) -> str:
    """One line on a file."""
    from neurogenomics_kb.foundation.errors import InputError

    try:
        told = READERS[kind](path)
    except InputError as error:
        return f"refused   {kind:10} {path}: {error}"
    except Exception as error:  # what the sweep looks for
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        line = " ".join(f"{type(error).__name__}: {error}".split())
        return f"TRACEBACK {kind:10} {path}: {line} ({place})"
    silent = told.startswith("SILENT ")
    return f"{'SILENT' if silent else 'read':9} {kind:10} {path}: {told.removeprefix('SILENT ')}"


def work(connection) -> None:
    """Read what comes over the connection until nothing does."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with contextlib.suppress(ImportError):
        import mne

        mne.set_log_level("ERROR")
    # Libraries in C write to the file descriptor.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.suppress(EOFError):
        while True:
            connection.send(judge(*connection.recv()))


class Worker:
    """A process that reads files, replaced when one takes it down or too long."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin a fresh process."""
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def stop(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.kill()
        self.process.join()

    def read(self, kind: str, path: Path, seconds: float) -> str:
        """Line on a file."""
        self.connection.send((kind, path))
        try:
            if self.connection.poll(seconds):
                return self.connection.recv()
            line = f"TIMEOUT   {kind:10} {path}: not read within {seconds:g} s"
        except EOFError:
            self.process.join()
            code = self.process.exitcode
            line = f"TRACEBACK {kind:10} {path}: the process ended with status {code}"
        self.stop()
        self.start()
        return line


def main(arguments: list[str] | None = None) -> int:
    """Sweep a folder; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", choices=READERS, help="only files of this kind")
    parser.add_argument("--seconds", type=float, default=60, help="longest time for a file")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    counts: Counter[str] = Counter()
    worker = Worker()
    for kind, path in find(options.folder):
        if options.kind in (None, kind):
            line = worker.read(kind, path, options.seconds)
            counts[line.split()[0]] += 1
            print(line, flush=True)
    worker.stop()
    print(", ".join(f"{n} {what}" for what, n in sorted(counts.items())) or "nothing to read")
    return int(any(counts[failure] for failure in FAILURES))


if __name__ == "__main__":
    sys.exit(main())
