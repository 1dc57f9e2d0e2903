from __future__ import annotations

import logging
import os
import subprocess
import sys

import numpy as np
import pytest

from neurogenomics_kb.foundation import backends, loops
from neurogenomics_kb.foundation.backends import BACKENDS, read_backend, use_backend
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.loops import (
    iterate_loop,
    parallel_loop,
    seeds_of_draws,
)
from neurogenomics_kb.foundation.progress import Progress
from tests.foundation import loop_work as work

SEEDS = range(24)
# A view with gaps and a matrix by columns: both must lie in a worker as they lie here.
X = np.asfortranarray(np.random.default_rng(1).normal(size=(120, 14)))[:, ::2]


def run(function=work.statistic, more=(), chunk=2, **settings):
    name = settings.pop("backend", "serial")
    with use_backend(name, **settings):
        found = parallel_loop(function, SEEDS, shared=(X, 2.0, *more), chunk=chunk)
    return [np.concatenate(each) for each in found]


def same(a, b):
    return len(a) == len(b) and all((x == y).all() for x, y in zip(a, b, strict=True))


def test_results_do_not_depend_on_the_number_of_processes():
    alone = run()
    assert len({tuple(each) for each in alone}) == len(SEEDS)
    for n_jobs in (1, 2, 4):
        assert same(alone, run(backend="processes", n_jobs=n_jobs, worth_s=0))
    assert same(alone, run(chunk=5, backend="processes", n_jobs=2, worth_s=0))


def test_a_killed_process_costs_its_chunk_and_not_the_run(tmp_path, caplog):
    more = (str(tmp_path), 1, os.getpid())
    found = run(work.statistic_and_death, more, backend="processes", n_jobs=2, worth_s=0)
    assert same(run(), found)
    assert len(list(tmp_path.iterdir())) == 3
    assert "a worker ended in mid-work" in caplog.text


def test_a_chunk_that_ends_its_worker_three_times_ends_the_run(tmp_path):
    more = (str(tmp_path), 9, os.getpid())
    with pytest.raises(InputError, match=r"parts 3 to 4 ended their worker 3 times.*`compute\.n_"):
        run(work.statistic_and_death, more, backend="processes", n_jobs=2, worth_s=0)
    # Together with another chunk a death proves nothing, so that it takes five.
    assert len([file for file in tmp_path.iterdir() if file.name.startswith("3-")]) == 5


@pytest.mark.slow
def test_two_deaths_are_endured_and_those_beside_are_not_blamed(tmp_path):
    more = (str(tmp_path), 2, os.getpid())
    found = run(work.statistic_and_death, more, backend="processes", n_jobs=2, worth_s=0)
    assert same(run(), found)


def test_errors_of_a_task_arrive_as_they_are():
    with pytest.raises(InputError, match="task 7 cannot be done"):
        parallel_loop(work.fail_at, range(20), shared=(7,))
    with (
        use_backend("processes", n_jobs=2, worth_s=0),
        pytest.raises(InputError, match="task 7 cannot be done"),
    ):
        parallel_loop(work.fail_at, range(20), shared=(7,))


def test_short_work_stays_here_and_long_work_goes_to_workers():
    with use_backend("processes", n_jobs=2):
        assert set(parallel_loop(work.where, range(4))) == {os.getpid()}
    with use_backend("processes", n_jobs=2, worth_s=0.1):
        first, *others = parallel_loop(work.where, range(12))
    assert first == os.getpid()
    assert os.getpid() not in others
    assert len(set(others)) == 2


def test_n_jobs_goes_before_the_backend_in_use():
    with use_backend("processes", n_jobs=2, worth_s=0):
        assert set(parallel_loop(work.where, range(3), n_jobs=1)) == {os.getpid()}
        assert os.getpid() not in parallel_loop(work.where, range(3))
    assert set(parallel_loop(work.where, range(3))) == {os.getpid()}


def test_one_thread_in_every_worker_and_as_many_as_before_afterwards():
    asked = (
        "from threadpoolctl import threadpool_info as info;"
        "import numpy as np; from tests.foundation import loop_work as work;"
        "from neurogenomics_kb.foundation.backends import use_backend;"
        "from neurogenomics_kb.foundation.loops import parallel_loop;"
        "before = [p['num_threads'] for p in info()];"
        "here = parallel_loop(work.threads, [0])[0][0];\n"
        "with use_backend('processes', n_jobs=2, worth_s=0):\n"
        "    there, said = parallel_loop(work.threads, [0])[0]\n"
        "after = [p['num_threads'] for p in info()][: len(before)]\n"
        "print(max(before), here, there, said, before == after)"
    )
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", asked], env=free, capture_output=True, text=True, check=True
    )
    threads = max(1, len(os.sched_getaffinity(0)))
    assert done.stdout.split() == [str(threads), "[1]", "[1]", "1", "True"]


def test_large_arrays_are_mapped_and_cannot_be_changed():
    with use_backend("processes", n_jobs=2, worth_s=0):
        assert parallel_loop(work.try_to_change, [1], shared=(X,)) == ["refused"]
        strides, writeable, total = parallel_loop(work.layout, [1], shared=(X,))[0]
    assert strides == X.strides
    assert not writeable
    assert total == X.sum()


def test_a_loop_in_a_worker_starts_no_workers():
    with use_backend("processes", n_jobs=2, worth_s=0):
        for pid, pids in parallel_loop(work.inner, range(2)):
            assert set(pids) == {pid} != {os.getpid()}


def test_results_come_one_by_one():
    with use_backend("processes", n_jobs=2, worth_s=0):
        coming = iterate_loop(work.fail_at, range(40), shared=(39,))
        assert [next(coming) for _ in range(5)] == list(range(5))
        coming.close()  # what is out yet is forgotten, and the next loop works
        assert parallel_loop(work.fail_at, range(3), shared=(-1,)) == [0, 1, 2]


def test_tasks_of_a_generator_are_made_when_they_are_wanted():
    made = []

    def tasks():
        for number in range(200):
            made.append(number)
            yield number

    with use_backend("processes", n_jobs=2, worth_s=0):
        coming = iterate_loop(work.fail_at, tasks(), shared=(-1,), total=200)
        assert next(coming) == 0
        assert len(made) <= 20
        assert list(coming) == list(range(1, 200))
    with pytest.raises(TypeError, match="give their number"):
        parallel_loop(work.fail_at, tasks(), shared=(-1,))


def test_nothing_to_do():
    with use_backend("processes", n_jobs=2, worth_s=0):
        assert parallel_loop(work.where, []) == []


def test_processor_time_of_workers_is_counted():
    before = loops.SPENT.cpu_s
    run()
    assert loops.SPENT.cpu_s == before
    run(backend="processes", n_jobs=2, worth_s=0)
    assert loops.SPENT.cpu_s > before


def test_seeds_are_those_of_every_draw():
    assert (seeds_of_draws(3, 10)[:4] == seeds_of_draws(3, 4)).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"backend": "proceses"}, "did you mean 'processes'"),
        ({"backend": "processes", "n_jobs": 0}, "compute, column 'n_jobs|leaves nobody to work"),
        ({"backend": "processes", "workers": 2}, "compute, column 'workers'"),
        ({"backend": "dask"}, "name one of address, workers and slurm"),
        ({"backend": "dask", "workers": 2, "address": "tcp://a:1"}, "not 2 of them"),
        ({"backend": "dask", "slurm": {"jobs": 0}}, r"column 'slurm\.jobs'"),
    ],
)
def test_wrong_settings_are_one_line(given, message):
    with pytest.raises(InputError, match=message) as error:
        read_backend(given, "compute")
    assert "\n" not in str(error.value)


def test_all_cores_but_one(monkeypatch):
    monkeypatch.setattr(backends, "cpu_count", lambda: 8)
    counts = [BACKENDS.validate({"backend": "processes", "n_jobs": n}).count for n in (-1, -2, 3)]
    assert counts == [8, 7, 3]
    assert BACKENDS.options("processes").count == 8


def test_progress_says_what_is_left_and_is_quiet_when_short(caplog, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("neurogenomics_kb.foundation.progress.time.monotonic", lambda: now[0])

    def lines(seconds):
        caplog.clear()
        progress = Progress("bootstraps", 100)
        for _ in range(100):
            now[0] += seconds
            progress.add(1)
        return [record.getMessage() for record in caplog.records]

    with caplog.at_level(logging.INFO):
        assert lines(0.04) == []
        assert lines(0.2) == ["bootstraps: 51 of 100, about 10 s left"]
        hours = lines(100)
    assert hours[0] == "bootstraps: 3 of 100, about 2.7 h left"
    assert len(hours) == 33
