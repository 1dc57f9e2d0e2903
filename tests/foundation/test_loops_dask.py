from __future__ import annotations

import os

import pytest

from neurogenomics_kb.foundation import backends, loop_dask
from neurogenomics_kb.foundation.backends import read_backend, use_backend
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.loops import parallel_loop
from tests.foundation import loop_work as work
from tests.foundation.test_loops import X, run, same

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_those_of_one_process_with_a_worker_killed(tmp_path, workers):
    more = (str(tmp_path), 1, os.getpid())
    found = run(work.statistic_and_death, more, backend="dask", workers=workers, worth_s=0)
    assert same(run(), found)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.slow
def test_four_workers_and_one_killed(tmp_path):
    more = (str(tmp_path), 1, os.getpid())
    found = run(work.statistic_and_death, more, backend="dask", workers=4, worth_s=0)
    assert same(run(), found)


def test_what_kills_its_worker_again_and_again_ends_the_run(tmp_path):
    more = (str(tmp_path), 9, os.getpid())
    with pytest.raises(InputError, match=r"parts .* ended their worker 3 times"):
        run(work.statistic_and_death, more, backend="dask", workers=1, worth_s=0)


def test_the_cluster_is_for_these_loops_alone():
    with use_backend("dask", workers=1, worth_s=0):
        assert os.getpid() not in parallel_loop(work.where, range(3))
        with pytest.raises(ValueError, match="No clients found"):
            distributed.default_client()
        assert dask.config.get("scheduler", None) is None
        assert parallel_loop(work.threads, [0])[0] == ([1], "1")
        # An error of a task is the task's own.
        with pytest.raises(InputError, match="task 2 cannot be done"):
            parallel_loop(work.fail_at, range(5), shared=(2,))


def test_a_scheduler_that_runs_already_is_used_and_left_running(tmp_path):
    more = (str(tmp_path), 1, os.getpid())
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
    ):
        address = cluster.scheduler_address
        for _ in range(2):
            with use_backend("dask", address=address, worth_s=0):
                assert os.getpid() not in parallel_loop(work.where, range(2))
        # The only worker that holds what all chunks share dies: the next one gets it again.
        found = run(work.statistic_and_death, more, backend="dask", address=address, worth_s=0)
        assert same(run(), found)
        assert len(list(tmp_path.iterdir())) == 3
        assert len(cluster.scheduler_info["workers"]) == 1


def test_a_scheduler_that_is_not_there_is_one_line():
    with (
        use_backend("dask", address="tcp://127.0.0.1:9", worth_s=0, wait_s=2),
        pytest.raises(InputError, match=r"no worker of tcp://127\.0\.0\.1:9 came within 2 s"),
    ):
        parallel_loop(work.where, range(2))


def test_a_missing_package_says_which_extra(monkeypatch):
    monkeypatch.setattr(loop_dask, "find_spec", lambda name: None)
    with (
        use_backend("dask", workers=1, worth_s=0),
        pytest.raises(InputError, match=r"distributed is not installed; .* extra `dask`"),
    ):
        parallel_loop(work.where, range(2))


def test_slurm_jobs_ask_for_what_the_options_say(monkeypatch):
    pytest.importorskip("dask_jobqueue")
    options = read_backend(
        {
            "backend": "dask",
            "slurm": {
                "jobs": 3, "processes": 2, "memory": "6GB", "walltime": "01:00:00", "queue": "long",
                "account": "lab", "directives": ["--requeue"], "prologue": ["module load python"],
            },
        },
        "compute",
    )  # fmt: skip
    import dask_jobqueue

    asked = []
    monkeypatch.setattr(
        dask_jobqueue.SLURMCluster, "scale", lambda self, *n, **wanted: asked.append(n or wanted)
    )
    cluster = loop_dask._slurm_cluster(options.slurm)
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    assert asked[0] == {"jobs": 3}
    for line in (
        "#SBATCH -p long", "#SBATCH -A lab", "#SBATCH --cpus-per-task=2", "#SBATCH --mem=6G",
        "#SBATCH -t 01:00:00", "#SBATCH --requeue", "module load python",
        "export OMP_NUM_THREADS=1",
    ):  # fmt: skip
        assert line in script, line
    assert "--nthreads 1" in script
    assert "--nworkers 2" in script
    assert backends.BACKENDS.why_not(options) is None
    assert X.shape == (120, 7)
