"""Connectivity beside the bare matrix products: python tests/benchmarks/bench_connectivity.py.

Cleaned series of 400 parcels × 490 frames to float32 Fisher z, per subject, against nothing but
the product of each matrix with itself; the two take turns, so that a busy machine slows both. The
same for `np.corrcoef` and for the whole of cleaning and connectivity. Peak memory is measured with
few and with many subjects: what grows is the table of features.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tests.benchmarks.harness import Record, Side, compare, near
from threadpoolctl import threadpool_limits

from neurogenomics_kb.brain.connectivity import connectivity_features, fisher_connectivity
from neurogenomics_kb.brain.denoising import NUISANCE, denoise


def make_runs(n: int, frames: int, parcels: int) -> list[pd.DataFrame]:
    """Standardised series, as cleaning leaves them."""
    rng = np.random.default_rng(0)
    names = [f"P{i:03d}" for i in range(parcels)]
    runs = []
    for _ in range(n):
        series = rng.normal(size=(frames, parcels)) + rng.normal(size=(frames, 1))
        series = (series - series.mean(axis=0)) / series.std(axis=0, ddof=1)
        # In the layout that cleaning gives.
        runs.append(pd.DataFrame(np.ascontiguousarray(series), columns=names))
    return runs


def take_turns(
    tasks: dict, runs: list[pd.DataFrame], rounds: int, clock=time.perf_counter
) -> dict[str, float]:
    """Seconds per subject of each task, the median over rounds."""
    times = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            start = clock()
            for run in runs:
                task(run)
            times[name].append((clock() - start) / len(runs))
    return {name: float(np.median(each)) for name, each in times.items()}


def time_share(name: str, options: argparse.Namespace) -> float:
    """Seconds per subject of one of two workers, each with half of the subjects."""
    runs = make_runs(options.subjects // 2, options.frames, options.parcels)
    for run in runs[:2]:
        connectivity_features(run, centred=True)
    start = time.thread_time()
    for run in runs:
        if name == "bare":
            run.to_numpy().T @ run.to_numpy()
        else:
            connectivity_features(run, centred=True)
    return (time.thread_time() - start) / len(runs)


def working_memory(runs: list[pd.DataFrame], repeat: int) -> float:
    """Peak MB beyond the table of features, over `repeat` passes through the runs."""
    parcels = runs[0].shape[1]
    edges = parcels * (parcels - 1) // 2
    table = np.empty((len(runs) * repeat, edges), np.float32)
    tracemalloc.start()
    for i in range(len(table)):
        table[i] = connectivity_features(runs[i % len(runs)])["connectivity"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def by_nilearn(runs: list[pd.DataFrame]) -> np.ndarray:
    """Fisher z of nilearn's correlations, in its order of edges."""
    from nilearn.connectome import ConnectivityMeasure
    from sklearn.covariance import EmpiricalCovariance

    measure = ConnectivityMeasure(
        EmpiricalCovariance(), kind="correlation", vectorize=True, discard_diagonal=True
    )
    return np.arctanh(measure.fit_transform([run.to_numpy() for run in runs]))


def in_their_order(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Agreement where nilearn goes down the lower triangle and we along the upper one."""
    parcels = int((1 + np.sqrt(1 + 8 * theirs.shape[1])) / 2)
    full = np.zeros((len(theirs), parcels, parcels))
    full[:, *np.tril_indices(parcels, -1)] = theirs
    upper = full.transpose(0, 2, 1)[:, *np.triu_indices(parcels, 1)]
    return near(1e-5, "Fisher z differs by")(ours, upper)


def run(tiny: bool = False) -> list[Record]:
    """Connectivity of a subject beside the bare product and nilearn.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    subjects, frames, parcels = (3, 40, 8) if tiny else (20, 490, 400)
    runs = make_runs(subjects, frames, parcels)
    size = f"{frames} frames × {parcels} parcels"

    def ours():
        return np.stack([connectivity_features(r, centred=True)["connectivity"] for r in runs])

    def product():
        return [r.to_numpy().T @ r.to_numpy() for r in runs]

    def same(mine, products) -> str:
        upper = np.triu_indices(parcels, 1)
        z = np.arctanh(np.stack([each[upper] / (frames - 1) for each in products]))
        return near(1e-5, "Fisher z differs by")(mine, z)

    shared = {"size": size, "turns": 2 if tiny else 9}
    name = "connectivity, one subject"
    return [
        compare(
            name, Side(ours, parts=subjects), Side(product, parts=subjects),
            alternative="bare product", agree=same, **shared,
        ),
        compare(
            name, Side(ours, parts=subjects), Side(lambda: by_nilearn(runs), parts=subjects),
            alternative="nilearn", agree=in_their_order, **shared,
        ),
    ]  # fmt: skip


def main() -> None:
    """Print milliseconds per subject and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--frames", type=int, default=490)
    parser.add_argument("--parcels", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    runs = make_runs(options.subjects, options.frames, options.parcels)
    rng = np.random.default_rng(1)
    nuisance = pd.DataFrame(rng.normal(size=(options.frames, len(NUISANCE))), columns=NUISANCE)
    tasks = {
        "bare product": lambda run: run.to_numpy().T @ run.to_numpy(),
        "Fisher z, float32": lambda run: connectivity_features(run, centred=True)["connectivity"],
        "Fisher z, float64": lambda run: fisher_connectivity(run, centred=True),
        "np.corrcoef and arctanh": lambda run: np.arctanh(
            np.corrcoef(run.to_numpy(), rowvar=False)[np.triu_indices(options.parcels, 1)]
        ),
    }
    # As the pipeline works on two cores: a subject per core, each with one thread.
    with Parallel(n_jobs=2) as work:
        each = {name: [] for name in ("bare", "connectivity")}
        for _ in range(options.rounds):
            for name in each:
                each[name].append(max(work(delayed(time_share)(name, options) for _ in range(2))))
    bare, ours = (float(np.median(each[name])) for name in ("bare", "connectivity"))
    print(f"2 workers  bare product               {1e3 * bare:7.2f} ms   1.00 x")
    print(f"2 workers  Fisher z, float32          {1e3 * ours:7.2f} ms  {ours / bare:5.2f} x")
    for threads in (1, 2):
        with threadpool_limits(threads):
            # One thread's own time is the same on a busy machine; two threads need the wall's.
            clock = time.thread_time if threads == 1 else time.perf_counter
            times = take_turns(tasks, runs, options.rounds, clock)
        bare = times["bare product"]
        for name, seconds in times.items():
            print(f"{threads} threads  {name:26s} {1e3 * seconds:7.2f} ms  {seconds / bare:5.2f} x")
    with threadpool_limits(2):
        few = runs[:6]
        slow = take_turns(
            {
                "cleaning": lambda run: denoise(run, nuisance, 0.735),
                "partial, covariance": lambda run: connectivity_features(
                    run, ["partial_correlation", "covariance"]
                ),
            },
            few,
            3,
        )
    for name, seconds in slow.items():
        print(f"2 threads  {name:26s} {1e3 * seconds:7.2f} ms")
    for repeat in (1, 4):
        n = len(few) * repeat
        print(f"working memory, {n:3d} subjects: {working_memory(few, repeat):.1f} MB")


if __name__ == "__main__":
    main()
