"""The sweep says of every file what came of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.brain.stats_writer import write_subject
from tests.conftest import ROOT

VCF = """##fileformat=VCFv4.2
##contig=<ID=chr1,length=1000>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1
chr1\t10\t.\tA\tC\t.\t.\t.\tGT\t0|1
chr1\t20\t.\tA\tC\t.\t.\t.\tGT\t1|1
"""


def sweep(folder, *options):
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/sweep.py"), str(folder), *options],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    return done.returncode, {line.split(": ")[0].split("/")[-1]: line for line in lines[:-1]}


def test_files_of_every_kind(tmp_path):
    (tmp_path / "phenotype").mkdir()
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-1\t3\n")
    (tmp_path / "sub-1_sessions.tsv").write_text("session_id\tage\nses-1\t3\t4\n")
    (tmp_path / "phenotype/words.tsv").write_text("participant_id\tscore\nsub-1\t3\n")
    (tmp_path / "a.vcf").write_text(VCF)
    (tmp_path / "b.edf").write_bytes(b"0" * 300)
    (tmp_path / "unrelated.tsv").write_text("a\n")
    status, lines = sweep(tmp_path)
    assert status == 0
    assert set(lines) == {"participants.tsv", "sub-1_sessions.tsv", "words.tsv", "a.vcf", "b.edf"}
    assert lines["participants.tsv"].startswith("read      tables")
    assert lines["participants.tsv"].endswith("1 rows, 2 columns, 1 of numbers")
    assert "line 2 has 3 cells" in lines["sub-1_sessions.tsv"]
    assert lines["a.vcf"].startswith("read ")
    assert "2 records, 1 samples, 2 calls" in lines["a.vcf"]
    assert lines["b.edf"].startswith("refused ")
    assert set(sweep(tmp_path, "--kind", "variants")[1]) == {"a.vcf"}


def test_a_folder_of_stats(tmp_path):
    write_subject(tmp_path, "sub-1", seed=0)
    status, lines = sweep(tmp_path)
    assert status == 0
    [line] = lines.values()
    assert line.startswith("read      freesurfer")
    assert "as a subject" in line
    assert "refused" not in line


def test_what_must_not_be_makes_it_fail(tmp_path, monkeypatch):
    # The judge itself: a reader that falls, one that leaves rows out, and one that says why not.
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import sweep as script

    def fall(path):
        raise KeyError("no such\nthing")

    monkeypatch.setitem(script.READERS, "tables", fall)
    line = script.judge("tables", tmp_path / "participants.tsv")
    assert line.startswith("TRACEBACK tables")
    assert "KeyError" in line
    assert "\n" not in line
    monkeypatch.setitem(script.READERS, "tables", lambda path: "SILENT 3 rows, and 4 in the file")
    assert script.judge("tables", tmp_path / "p.tsv").startswith("SILENT    tables")
    (tmp_path / "sub-1_sessions.tsv").write_text("session_id\tage\nses-1\t3\t4\n")

    class Fallen(script.Worker):
        def read(self, kind, path, seconds):
            return f"TRACEBACK {kind} {path}: KeyError"

    monkeypatch.setattr(script, "Worker", Fallen)
    assert script.main([str(tmp_path)]) == 1


@pytest.mark.slow
def test_a_file_that_takes_too_long_costs_only_itself(tmp_path):
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-1\t3\n")
    status, lines = sweep(tmp_path, "--seconds", "0.0001")
    assert status == 1
    assert lines["participants.tsv"].startswith("TIMEOUT")
