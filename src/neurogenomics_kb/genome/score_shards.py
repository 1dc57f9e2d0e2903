"""Polygenic scores in shares of people, each by a process of its own.

``python -m neurogenomics_kb.genome.score_shards variants.pgen PGS*.txt.gz --cache FOLDER --shard
3/16`` computes the scores of a sixteenth of the people into the cache; with ``--merge 16 --out
polygenic_scores.tsv`` instead, the shares become the table that ``genomics.polygenic_scores``
reads, or it is said which are missing. Nobody's score depends on another person, so the table is
that of `pgs_catalog`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.content import code_version, fingerprint, fingerprint_files
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.item_cache import Entry, ItemCache
from neurogenomics_kb.foundation.shards import Shard
from neurogenomics_kb.genome.pgs_catalog import (
    ScoringFile,
    read_scoring_file,
    score_people,
    write_scores,
)
from neurogenomics_kb.genome.variants import genotype_options, open_variants, variant_paths

ID = "participant_id"
# The one column of the report that depends on who is scored.
OF_PEOPLE = "missing_calls"
# Files that belong to one of genotypes, by what stands in place of its last suffix or after it.
BESIDE = (".pvar", ".pvar.zst", ".psam", ".bim", ".fam")


@dataclass(frozen=True)
class ScoreWork:
    """Scores of one file of variants.

    Parameters
    ----------
    variants : str
        File or pattern, as `open_variants` takes it.
    scores : sequence of ScoringFile
        Scores to compute.
    ambiguous : {"exclude", "same_strand"}
        As for `score_people`.
    folder : Path
        Cache of the shares.
    """

    variants: str
    scores: Sequence[ScoringFile]
    ambiguous: str
    folder: Path

    @property
    def cache(self) -> ItemCache:
        """Cache of these scores on these files by this code."""
        weights = [[s.name, s.build, s.variants, s.unplaced, s.unplaced_weight, s.duplicates]
                   for s in self.scores]  # fmt: skip
        files = files_of(self.variants)
        code = code_version(score_people.__module__)
        version = fingerprint(code, fingerprint_files(files), weights, self.ambiguous)
        return ItemCache(self.folder, "scores", version)

    def compute(self, shard: Shard) -> tuple[int, bool]:
        """Scores of a share of the people into the cache.

        Parameters
        ----------
        shard : Shard
            The share.

        Returns
        -------
        people : int
            How many are in the share.
        found : bool
            Whether they were in the cache already.
        """
        cache, key = self.cache, fingerprint(str(shard))
        known = cache.get(key)
        if known is not None:
            return len(known.arrays["people"]), True
        with open_variants(self.variants) as calls:
            own = [person for person in calls.samples if shard.holds(person)]
        names = [score.name for score in self.scores]
        values, report = np.empty((0, len(names))), []
        if own:
            table, told = score_people(self.variants, self.scores, own, ambiguous=self.ambiguous)
            values, report = table[names].to_numpy(), told.to_dict("records")
        note = {"names": names, "report": _plain(report)}
        cache.put(key, Entry(note, {"people": np.array(own, dtype=str), "values": values}))
        return len(own), False

    def merge(self, of: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Scores of everybody from the shares, as from `score_people`.

        Parameters
        ----------
        of : int
            Number of shares.

        Raises
        ------
        InputError
            If a share is missing.
        """
        cache = self.cache
        entries = {i: cache.get(fingerprint(str(Shard(i, of)))) for i in range(1, of + 1)}
        missing = [f"{number}/{of}" for number, entry in entries.items() if entry is None]
        if missing:
            raise InputError(
                f"{len(missing)} of {of} shards are missing",
                file=self.folder,
                remedy="Compute " + ", ".join(f"--shard {each}" for each in missing) + ".",
            )
        with open_variants(self.variants) as calls:
            people = calls.samples
        names = [score.name for score in self.scores]
        table = pd.concat(
            pd.DataFrame(e.arrays["values"], index=e.arrays["people"], columns=names)
            for e in entries.values()
        ).loc[list(people)]
        table.insert(0, ID, table.index)
        counted = [(len(e.arrays["people"]), e.note["report"]) for e in entries.values()]
        return table.reset_index(drop=True), _whole_report(counted)


def files_of(variants: str) -> list[Path]:
    """Files of genotypes with those that say whose and where they are.

    Parameters
    ----------
    variants : str
        File or pattern.
    """
    files: list[Path] = []
    for path in variant_paths(genotype_options(variants).path):
        beside = [Path(str(path.with_suffix("")) + suffix) for suffix in BESIDE]
        files += [path, *(file for file in beside if file.is_file())]
    return files


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose numbers JSON takes."""
    return [
        {k: v.item() if isinstance(v, np.generic) else v for k, v in row.items()} for row in rows
    ]


def _whole_report(counted: list[tuple[int, list[dict[str, Any]]]]) -> pd.DataFrame:
    """Report on everybody: what depends on people is averaged over them, the rest is the same."""
    told = [(people, pd.DataFrame(rows)) for people, rows in counted if people]
    report = told[0][1].copy()
    total = sum(people for people, _ in told)
    report[OF_PEOPLE] = sum(people * rows[OF_PEOPLE] for people, rows in told) / total
    return report


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command; those of the process by default.
    """
    parser = argparse.ArgumentParser(prog="score_shards", description=__doc__.splitlines()[0])
    parser.add_argument("variants", help="VCF, BCF (indexed) or PGEN")
    parser.add_argument("scores", nargs="+", help="scoring files of the PGS Catalog")
    parser.add_argument("--cache", required=True, type=Path, help="folder of the shares")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--shard", metavar="I/N", help="compute share I of N")
    which.add_argument("--merge", metavar="N", type=int, help="make the table of all N shares")
    parser.add_argument("--out", type=Path, help="table of scores, for --merge")
    parser.add_argument("--id-column", default=ID, help="name of the ids' column")
    parser.add_argument("--ambiguous", choices=["exclude", "same_strand"], default="exclude")
    parser.add_argument("--ratios", choices=["refuse", "log", "as_given"], default="refuse")
    options = parser.parse_args(arguments)
    if options.merge is not None and options.out is None:
        parser.error("--merge needs --out")
    try:
        scores = [read_scoring_file(path, ratios=options.ratios) for path in options.scores]
        work = ScoreWork(options.variants, scores, options.ambiguous, options.cache)
        if options.shard is not None:
            shard = Shard.parse(options.shard)
            people, found = work.compute(shard)
            print(f"shard {shard}: {people} people, {'found' if found else 'computed'}")
            return
        table, report = work.merge(options.merge)
        write_scores(table, options.out, options.id_column)
    except (InputError, OSError) as error:
        parser.exit(1, f"Error: {error}\n")
    print(report.to_string(index=False))


if __name__ == "__main__":
    main()
