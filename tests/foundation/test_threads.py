"""How many threads the numerical libraries have, inside and afterwards."""

import os
import subprocess
import sys

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
    found.append(counts())
found.append(counts())
print(found)
"""


def counted(**environment: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-c", CODE], env={**kept, **environment}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_a_large_product_has_all_threads_of_the_process_and_a_small_one_none_more():
    assert counted(OPENBLAS_NUM_THREADS="2") == "[{2}, {1}, {2}, {1}, {2}]"


def test_threads_that_the_environment_took_away_stay_away():
    assert counted(OPENBLAS_NUM_THREADS="1") == "[{1}, {1}, {1}, {1}, {1}]"
