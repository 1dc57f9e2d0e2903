"""Seconds per EEG recording, and how they fall with workers: python -m tests.benchmarks.bench_eeg.

Two-minute recordings of 64 channels at 500 Hz are written as BrainVision files and go through the
node of the pipeline: reading, cleaning, spectra, connectivity, one thread per process. Time halves
with a second worker where two cores are idle. On a busy machine, processor time per recording says
it instead: it should stay what it is.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

# Before NumPy is loaded: one thread per process, as workers have.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import mne
from joblib.externals.loky import get_reusable_executor
from tests.brain.eeg.synthetic import make_raw, write_recording

from neurogenomics_kb.datasets import EegRecordingsDataset
from neurogenomics_kb.pipelines.eeg.nodes import process_recordings
from neurogenomics_kb.pipelines.eeg.parameters import (
    CleaningParameters,
    MeasureParameters,
    RecordingParameters,
    WaveParameters,
)

SECONDS, SFREQ = 120.0, 500.0
RECIPE = {"blocks": {}, "encoders": {}}


def simulate(root: Path, n: int) -> None:
    """Write the recordings of n subjects; five signals take turns, since making them takes long."""
    names = tuple(mne.channels.make_standard_montage("biosemi64").ch_names)
    raws = [make_raw(s, seconds=SECONDS, sfreq=SFREQ, names=names) for s in range(min(n, 5))]
    for number in range(n):
        write_recording(root, raws[number % len(raws)], ".vhdr", subject=f"sub-{number:04d}")


def processor_seconds() -> float:
    """Processor time of this process and of workers that have ended."""
    get_reusable_executor().shutdown(wait=True)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(root: Path, workers: int) -> tuple[float, float]:
    """Seconds and processor seconds for all recordings, start of the workers not counted."""
    recordings = EegRecordingsDataset(filepath=str(root)).load()
    settings = (RecordingParameters(), CleaningParameters())
    rest = (MeasureParameters(n_jobs=workers), WaveParameters())
    before = processor_seconds()
    process_recordings(recordings[:workers], RECIPE, *settings, *rest)
    warm_up = processor_seconds() - before
    process_recordings(recordings[:workers], RECIPE, *settings, *rest)
    before_workers = time.perf_counter()
    runs, _ = process_recordings(recordings, RECIPE, *settings, *rest)
    seconds = time.perf_counter() - before_workers
    assert (runs["n_clean_segments"] == SECONDS / 2).all()
    # The second warm-up costs what the first did, start of workers included.
    return seconds, processor_seconds() - before - 2 * warm_up


def main() -> None:
    """Print seconds per recording for one worker and more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=16, help="recordings")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder), options.n)
        print(f"{options.n} recordings of 64 channels, {SECONDS:g} s at {SFREQ:g} Hz;", end=" ")
        print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        first = None
        for workers in options.workers:
            seconds, processor = measure(Path(folder), workers)
            first = first or seconds
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{workers} workers: {seconds / options.n:.2f} s per recording, "
                f"{first / seconds:.2f} times as fast; {processor / options.n:.2f} s of processor; "
                f"parent's peak memory {memory:.0f} MiB"
            )


if __name__ == "__main__":
    main()
