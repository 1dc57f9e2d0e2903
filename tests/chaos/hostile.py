"""Files that were made to hang, fill memory, execute or reach elsewhere, fed to their readers."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import select
import signal
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pandas as pd

from tests.chaos.ground import Attempt
from tests.foundation.test_limits import external_link, external_storage, nifti, swelling, virtual

LIMIT_S, LIMIT_MB = 10.0, 1000.0
Maker = Callable[[Path], Path]
# What no reader of a file may do.
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
             "socket.connect", "shutil.rmtree", "os.symlink")  # fmt: skip
HEADER, ROW = b"participant_id\tage\n", b"sub-1\t50\n"


class Bomb:
    """What runs if a pickle is loaded."""

    def __reduce__(self):
        return os.system, ("true",)


def holds(name: str, content: bytes | str) -> Maker:
    """A file of this content."""

    def make(folder: Path) -> Path:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    return make


def pipe(name: str) -> Maker:
    """A named pipe that nobody writes into."""

    def make(folder: Path) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / name)
        return folder / name

    return make


def endless(name: str) -> Maker:
    """A link to a device that never ends."""

    def make(folder: Path) -> Path:
        (folder / name).symlink_to("/dev/zero")
        return folder / name

    return make


def sparse(name: str, size: int, start: bytes = b"") -> Maker:
    """A file of this size that takes no room on the disk."""

    def make(folder: Path) -> Path:
        file = holds(name, start)(folder)
        os.truncate(file, size)
        return file

    return make


def swollen(name: str, start: bytes, megabytes: int) -> Maker:
    """Under gzip, a start and then as many megabytes of blanks."""
    return holds(name, gzip.compress(start) + gzip.compress(b" " * 10**6) * megabytes)


def folder_named(name: str) -> Maker:
    """A folder where a file should be."""

    def make(folder: Path) -> Path:
        (folder / name).mkdir(parents=True)
        return folder / name

    return make


def loop(name: str) -> Maker:
    """A link to itself."""

    def make(folder: Path) -> Path:
        (folder / name).symlink_to(folder / name)
        return folder / name

    return make


def hdf5(fill: Callable[[h5py.File, Path], None]) -> Maker:
    """An HDF5 file beside another that it may reach for."""

    def make(folder: Path) -> Path:
        with h5py.File(folder / "secret.h5", "w") as other:
            other["vectors"] = np.ones(4)
        with h5py.File(folder / "e.h5", "w") as file:
            fill(file, folder / "secret.h5")
        return folder / "e.h5"

    return make


def npy(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    """The header of an array of NumPy."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def zipped(name: str, inside: str, content: bytes, times: int) -> Maker:
    """A zip archive whose one member is a content many times over."""

    def make(folder: Path) -> Path:
        with (
            zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(inside, "w", force_zip64=True) as member,
        ):
            for _ in range(times):
                member.write(content)
        return folder / name

    return make


def safetensors(header: bytes, size: int | None = None, data: bytes = b"") -> Maker:
    """Weights under a header that may lie about its length."""
    said = struct.pack("<Q", len(header) if size is None else size)
    return holds("model.safetensors", said + header + data)


def edf(records: int, seconds: str = "1", samples: str = "256") -> Maker:
    """The header of a recording of one channel."""
    fields = [
              "0".ljust(8), "X".ljust(80), "X".ljust(80), "01.01.2020.00.00"[:8] + "00.00.00",
              "512".ljust(8), " " * 44, str(records).ljust(8), seconds.ljust(8), "1".ljust(4),
              "Cz".ljust(16), " " * 80, "uV".ljust(8), "-100".ljust(8), "100".ljust(8),
              "-32768".ljust(8), "32767".ljust(8), " " * 80, samples.ljust(8),
              " " * 32]  # fmt: skip
    return holds("sub-1/eeg/sub-1_task-rest_eeg.edf", "".join(fields))


def vision(data: str) -> Maker:
    """A header of BrainVision that names a data file."""
    text = ("Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\n"
            f"DataFile={data}\nMarkerFile={data}\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
            "NumberOfChannels=1\nSamplingInterval=4000\n[Binary Infos]\nBinaryFormat=INT_16\n"
            "[Channel Infos]\nCh1=Cz,,0.1,uV\n")  # fmt: skip
    return holds("sub-1/eeg/sub-1_task-rest_eeg.vhdr", text)


def parquet(damage: Callable[[bytes], bytes]) -> Maker:
    """A table of vectors, damaged."""

    def make(folder: Path) -> Path:
        file = folder / "v.parquet"
        pd.DataFrame({"subject": ["sub-1"], "d0": [1.0]}).to_parquet(file)
        file.write_bytes(damage(file.read_bytes()))
        return file

    return make


def read_recording(path: Path) -> Any:
    """Open a recording as a run does."""
    from neurogenomics_kb.brain.eeg.reading import open_recording
    from neurogenomics_kb.brain.eeg.recordings import find_recordings

    [found] = find_recordings(path.parents[2])
    return open_recording(found, line_frequency=50.0)


def read_calls(path: Path) -> Any:
    """Read every record of genotypes."""
    from neurogenomics_kb.genome.variants import open_variants

    with open_variants(path) as calls:
        return [len(list(calls.records(name, 0, 10**9))) for name in ("chr1", "1")]


def read_voxels(path: Path) -> Any:
    """All voxels of an image."""
    from neurogenomics_kb.brain.atlas import load_image
    from neurogenomics_kb.brain.images import read_array

    return read_array(load_image(path), path)


def readers() -> dict[str, Callable[[Path], Any]]:
    """The product's readers, by what they read."""
    from neurogenomics_kb.brain.embeddings import read_embeddings
    from neurogenomics_kb.brain.encoders.scaling import read_reference
    from neurogenomics_kb.brain.stats_files import read_stats
    from neurogenomics_kb.datasets.vectors import read_vectors
    from neurogenomics_kb.foundation.checkpoints import read_config
    from neurogenomics_kb.foundation.delimited import read_text_table
    from neurogenomics_kb.foundation.tensors import read_checkpoint
    from neurogenomics_kb.genome.sequences import open_reference
    from neurogenomics_kb.language.encoder import read_network, read_tokenizer
    from neurogenomics_kb.project.run_file import require_run_file
    from neurogenomics_kb.registry.results import read_table
    from neurogenomics_kb.registry.yaml_file import read_yaml

    return {
        "table": read_text_table,
        "card": read_yaml,
        "run file": require_run_file,
        "image": read_voxels,
        "embeddings": read_embeddings,
        "vectors": read_vectors,
        "statistics": lambda p: read_reference(p, ("mean",), 4),
        "weights": lambda p: read_checkpoint(p.parent),
        "configuration": lambda p: read_config(p.parent),
        "tokenizer": lambda p: read_tokenizer(p.parent),
        "network": lambda p: read_network(p.parent),
        "genotypes": read_calls,
        "reference": open_reference,
        "recording": read_recording,
        "stats": read_stats,
        "result table": lambda p: read_table(p.parent, p.stem, {"rows": 1, "sha256": "0" * 64}),
    }


VCF = (b"##fileformat=VCFv4.2\n##contig=<ID=chr1>\n"
       b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tsub-1\n")  # fmt: skip
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)
)
CODE = {"architectures": ["M"], "model_type": "new", "auto_map": {
    "AutoModel": "code.M", "AutoConfig": "code.C", "AutoTokenizer": ["code.T", None]}}  # fmt: skip
FLOAT = b'{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,%s]}}'


def with_code(name: str) -> Maker:
    """A checkpoint that wants its own code to be run."""

    def make(folder: Path) -> Path:
        holds("code.py", "import os\nos.system('true')\n")(folder)
        holds("config.json", json.dumps(CODE))(folder)
        holds("tokenizer_config.json", json.dumps({**CODE, "tokenizer_class": "T"}))(folder)
        safetensors(FLOAT % (b"1", b"4"), data=b"0000")(folder)
        return holds(name, (folder / name).read_bytes() if (folder / name).exists() else "{}")(
            folder
        )

    return make


# Reader, what the file is, and how it is made. All are to be refused.
HOSTILE: list[tuple[str, str, Maker]] = [
    ("table", "null bytes", holds("t.tsv", HEADER + b"\0" * 100)),
    ("table", "UTF-16", holds("t.tsv", (HEADER + ROW).decode().encode("utf-16"))),
    ("table", "Latin-1", holds("t.tsv", HEADER + "Zürich\t5\n".encode("latin-1"))),
    ("table", "empty", holds("t.tsv", b"")),
    ("table", "ragged", holds("t.tsv", HEADER + b"a\tb\tc\n")),
    ("table", "a column twice", holds("t.tsv", b"a\ta\n1\t2\n")),
    ("table", "a quote that never closes", holds("t.tsv", HEADER + b'"' + ROW * 100)),
    ("table", "a folder", folder_named("t.tsv")),
    ("table", "a pipe", pipe("t.tsv")),
    ("table", "a device", endless("t.tsv")),
    ("table", "a link to itself", loop("t.tsv")),
    ("table", "50 GB of nothing", sparse("t.tsv", 50 * 10**9, HEADER)),
    ("table", "8 GB under gzip", swollen("t.tsv.gz", HEADER, 8000)),
    ("table", "gzip without its end", holds("t.tsv.gz", gzip.compress(HEADER * 99)[:-9])),
    ("card", "aliases of aliases", holds("c.yaml", BOMB)),
    ("card", "a tag that builds", holds("c.yaml", "a: !!python/object/apply:os.system ['true']")),
    ("card", "200,000 brackets", holds("c.yaml", b"[" * 200_000)),
    ("card", "a key twice", holds("c.yaml", "id: a\nid: b\n")),
    ("card", "UTF-16", holds("c.yaml", "id: a\n".encode("utf-16"))),
    ("card", "a pipe", pipe("c.yaml")),
    ("card", "a device", endless("c.yaml")),
    ("card", "5 GB", sparse("c.yaml", 5 * 10**9, b"id: a\n")),
    ("run file", "a list", holds("r.yml", "- run\n")),
    ("run file", "aliases of aliases", holds("r.yml", BOMB)),
    ("run file", "200,000 brackets", holds("r.yml", b"[" * 200_000)),
    ("run file", "a tag that builds", holds("r.yml", "run: !!python/name:os.system ''\n")),
    ("run file", "a pipe", pipe("r.yml")),
    ("run file", "5 GB", sparse("r.yml", 5 * 10**9, b"run:\n")),
    ("image", "30,000³ voxels", lambda f: nifti(f / "i.nii", (30_000,) * 3, packed=False)),
    ("image", "30,000³ voxels under gzip", lambda f: nifti(f / "i.nii.gz", (30_000,) * 3)),
    ("image", "no voxels at all", lambda f: nifti(f / "i.nii", (-5, 4, 4), packed=False)),
    ("image", "8 GB under gzip", swollen("i.nii.gz", b"", 8000)),
    ("image", "text", holds("i.nii", b"no image" * 100)),
    ("image", "a pipe", pipe("i.nii")),
    ("image", "a device", endless("i.nii")),
    ("embeddings", "a link to another file", hdf5(external_link)),
    ("embeddings", "storage in another file", hdf5(external_storage)),
    ("embeddings", "a virtual dataset", hdf5(virtual)),
    ("embeddings", "3 GB under gzip", hdf5(swelling)),
    ("embeddings", "text", holds("e.h5", b"no vectors" * 100)),
    ("embeddings", "a pickle that runs", holds("e.pt", pickle.dumps({"embeddings": Bomb()}))),
    ("embeddings", "a pipe", pipe("e.h5")),
    ("vectors", "Parquet without its end", parquet(lambda b: b[:-20])),
    ("vectors", "Parquet whose footer lies", parquet(lambda b: b[:-8] + b"\xff\xff\xff\x7fPAR1")),
    ("vectors", "a pipe", pipe("v.parquet")),
    ("statistics", "a pickle in an array",
     zipped("s.npz", "mean.npy", npy((1,), "|O") + pickle.dumps(Bomb()), 1)),
    ("statistics", "an array of 8 TB", zipped("s.npz", "mean.npy", npy((10**6, 10**6)), 1)),
    ("statistics", "8 GB in a zip", zipped("s.npz", "mean.npy", npy((10**9,)) + b"0" * 10**7, 800)),
    ("statistics", "a pipe", pipe("s.npz")),
    ("weights", "a pickle that runs", holds("pytorch_model.bin", pickle.dumps({"a": Bomb()}))),
    ("weights", "a header of 2⁶⁰ bytes", safetensors(b"{}", 2**60)),
    ("weights", "tensors outside the file", safetensors(FLOAT % (b"9", b"36"), data=b"0000")),
    ("weights", "a tensor of 4 TB", safetensors(FLOAT % (b"1000000,1000000", b"4000000000000"))),
    ("weights", "8 GB in a zip", zipped("pytorch_model.bin", "a/data.pkl", b" " * 10**7, 800)),
    ("weights", "a pipe", pipe("model.safetensors")),
    ("configuration", "200,000 brackets", holds("config.json", b"[" * 200_000)),
    ("configuration", "5 GB", sparse("config.json", 5 * 10**9, b"{}")),
    ("configuration", "a pipe", pipe("config.json")),
    ("tokenizer", "3 GB", sparse("tokenizer.json", 3 * 10**9, b"{")),
    ("tokenizer", "200,000 brackets", holds("tokenizer.json", b"[" * 200_000)),
    ("tokenizer", "code of its own", with_code("tokenizer.json")),
    ("network", "code of its own", with_code("config.json")),
    ("genotypes", "plain gzip", holds("v.vcf.gz", gzip.compress(VCF))),
    ("genotypes", "no VCF", holds("v.vcf.gz", b"no genotypes" * 100)),
    ("genotypes", "a pipe", pipe("v.vcf.gz")),
    ("genotypes", "a .bed of another kind", holds("v.bed", b"\x6c\x1b\x00" + b"\0" * 9)),
    ("reference", "no FASTA", holds("r.fa", b"\0\1\2" * 1000)),
    ("reference", "a pipe", pipe("r.fa")),
    ("recording", "2³¹ records", edf(2_147_483)),
    ("recording", "2³¹ samples", edf(1, samples="99999999")),
    ("recording", "a data file elsewhere", vision("../../../../../../etc/passwd")),
    ("recording", "a pipe", pipe("sub-1/eeg/sub-1_task-rest_eeg.edf")),
    ("stats", "binary", holds("lh.aparc.stats", bytes(range(256)) * 9)),
    ("stats", "a pipe", pipe("lh.aparc.stats")),
    ("stats", "5 GB", sparse("lh.aparc.stats", 5 * 10**9, b"# a\n")),
    ("result table", "another one", holds("tests.csv", b"a,b\n1,2\n")),
    ("result table", "a pipe", pipe("tests.csv")),
]  # fmt: skip


def hostile_files(folder: Path, chosen: Iterable[int] = range(999)) -> Iterator[Attempt]:
    """Feed each file to its reader, in a process of its own.

    Parameters
    ----------
    folder : Path
        Files are made below it.
    chosen : iterable of int
        Which of `HOSTILE`, by number.
    """
    known, wanted = readers(), set(chosen)
    for name in ("torch", "transformers", "mne", "pysam", "nilearn.image", "pyarrow.parquet"):
        __import__(name)  # what a run has imported anyway is not the file's
    for i, (reader, what, make) in enumerate(HOSTILE):
        if i in wanted:
            own = folder / f"{i}"
            own.mkdir()
            yield feed(known[reader], make(own), own, f"{reader}: {what}")


def feed(read: Callable[[Path], Any], file: Path, folder: Path, what: str) -> Attempt:
    """Read a file in a process of its own and look at what that did."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        os.write(theirs, json.dumps(vars(_watched(read, file, folder))).encode()[:60_000])
        os._exit(0)
    os.close(theirs)
    start = time.monotonic()
    ready, _, _ = select.select([ours], [], [], LIMIT_S + 5)
    attempt = Attempt(what)
    if ready:
        said = b"".join(iter(lambda: os.read(ours, 65_536), b""))
        attempt.faults += json.loads(said)["faults"] if said else ["the process died"]
    os.kill(child, signal.SIGKILL)
    _, _, used = os.wait4(child, 0)
    os.close(ours)
    seconds = time.monotonic() - start
    if seconds > LIMIT_S:
        attempt.faults.append(f"took {seconds:.0f} s")
    if used.ru_maxrss / 1e3 > _resident() + LIMIT_MB:
        attempt.faults.append(f"took {used.ru_maxrss / 1e3 - _resident():,.0f} MB")
    return attempt


def _watched(read: Callable[[Path], Any], file: Path, folder: Path) -> SimpleNamespace:
    """Faults of reading one file: not refused in a line, or doing what no reader may."""
    from neurogenomics_kb.project.messages import explain

    faults: list[str] = []
    os.chdir(folder)
    tempfile.tempdir = str(folder)  # where libraries keep what they say

    def listen(event: str, arguments: tuple) -> None:
        if event in FORBIDDEN:
            faults.append(f"{event} was called")
        elif event == "open":
            path, _, flags = (*arguments, None, 0)[:3]
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            place = os.path.abspath(path) if isinstance(path, str) else ""
            allowed = ("/dev/", str(folder)), "__pycache__"
            if writes and place and not place.startswith(allowed[0]) and allowed[1] not in place:
                faults.append(f"{place} was opened for writing")

    sys.addaudithook(listen)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    try:
        read(file)
        faults.append("was read without a word")
    except BaseException as error:  # whatever a reader throws is what we want to know
        said = explain(error)
        if said is None:
            faults.append(f"{type(error).__name__}: {str(error).strip()[:200]}")
        elif "\n" in said:
            faults.append(f"the message has {len(said.splitlines())} lines")
    return SimpleNamespace(faults=faults)


def _resident() -> float:
    """MB of this process now."""
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
