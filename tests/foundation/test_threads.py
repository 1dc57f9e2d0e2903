from __future__ import annotations

import os
import subprocess
import sys

from neurogenomics_kb.foundation.threads import in_one_thread

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
