"""How many threads the numerical libraries have, inside and afterwards."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neurogenomics_kb.foundation.threads import in_one_thread

# The library has no more threads than there are cores for its process.
two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")

ASKED = """
from threadpoolctl import threadpool_info
from neurogenomics_kb.foundation.threads import in_one_thread, one_thread

def threads():
    return max((pool["num_threads"] for pool in threadpool_info()), default=0)

@in_one_thread
def inner():
    with one_thread():
        return threads()

import numpy
before = threads()
with one_thread():
    once = threads()
    twice = inner()
    import scipy.linalg  # brings a library of its own
    late = inner()
    still = threads()
print(before, once, twice, late, inner(), threads() == before)
try:
    with one_thread():
        raise KeyError
except KeyError:
    print(threads() == before)
"""


def test_one_thread_inside_however_deep_and_as_many_as_before_afterwards():
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", ASKED], env=free, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[1:] == ["1", "1", "1", "1", "True", "True"]


def test_a_function_keeps_its_name_and_words():
    def add(a, b):
        """Sum."""
        return a + b

    wrapped = in_one_thread(add)
    assert (wrapped.__name__, wrapped.__doc__, wrapped(1, b=2)) == ("add", "Sum.", 3)


CODE = """
from neurogenomics_kb.foundation.threads import large_product, one_thread
from threadpoolctl import threadpool_info
import numpy
def counts():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
found = [counts()]
with one_thread():
    with large_product(1e9):
        found.append(counts())
    with large_product(1e12):
        found.append(counts())
    with large_product(1e12), one_thread():
        found.append(counts())
    found.append(counts())
with one_thread(always=True), large_product(1e12):
    found.append(counts())
found.append(counts())
print(found)
"""


def counted(code: str, **environment: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@two_cores
def test_a_large_product_has_all_threads_of_the_process_and_a_small_one_none_more():
    assert counted(CODE, OPENBLAS_NUM_THREADS="2") == "[{2}, {1}, {2}, {1}, {1}, {1}, {2}]"


def test_threads_that_the_environment_took_away_stay_away():
    assert counted(CODE, OPENBLAS_NUM_THREADS="1") == "[{1}, {1}, {1}, {1}, {1}, {1}, {1}]"


WHOLE_RUN = """
from neurogenomics_kb.foundation.threads import large_product, one_thread, threads_where_they_help
from threadpoolctl import threadpool_info
import numpy
def counts():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
with threads_where_they_help():
    found = [counts()]
    with large_product(1e12):
        found.append(counts())
    with one_thread(always=True), large_product(1e12):
        found.append(counts())
    found.append(counts())
found.append(counts())
print(found)
"""


@two_cores
def test_a_run_has_one_thread_of_linear_algebra_but_for_large_products():
    assert counted(WHOLE_RUN, OPENBLAS_NUM_THREADS="2") == "[{1}, {2}, {1}, {1}, {2}]"
