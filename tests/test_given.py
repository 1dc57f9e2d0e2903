"""Parameters of the command line that nothing reads are refused with the nearest one."""

from __future__ import annotations

import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.given import refuse_unread

READ = {"experiment", "smri.quality", "compute"}
FIELDS = ["experiment.n_permutations", "smri.quality.max_euler"]


@pytest.mark.parametrize(
    "name",
    [
        "experiment",
        "experiment.n_permutations",
        "experiment.blocks.brain",
        "smri",
        "smri.quality.x",
    ],
)
def test_what_is_read_passes(name):
    refuse_unread([name], READ, FIELDS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("n_permutations", "experiment.n_permutations"),
        ("experimnt.n_permutations", "experiment.n_permutations"),
        ("smri.qualty", "smri.quality"),
        ("experiments", "experiment"),
    ],
)
def test_what_is_not_read_is_refused_with_the_nearest(name, meant):
    with pytest.raises(InputError, match=f"nothing reads the parameter '{name}', .*'{meant}'"):
        refuse_unread([name], READ, FIELDS)


def test_a_name_that_is_like_none_is_refused_too():
    with pytest.raises(InputError, match=r"parameter 'xyzzy'\. Parameters have"):
        refuse_unread(["xyzzy"], READ, FIELDS)
