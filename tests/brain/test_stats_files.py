"""Files beside FreeSurfer's tables of regions are named for what they are."""

from __future__ import annotations

import pytest

from neurogenomics_kb.brain.stats_files import DamagedStats, read_stats

CURV = """
Raw <mean> +- <std> (using 'rh.curv'):                -0.02333 +- 0.1622
       Raw Min:                                       -0.77579 at vertex 56974
       Raw Curvature Calculation Type:                discrete
       Raw Total Surface Area:                     79575.77344 mm^2
"""


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rh.curv.stats", CURV, "curvatures of the whole surface"),
        ("all.stats", "Measure:volume\tLeft-Hippocampus\nsub-1\t4000\n", "table of subjects"),
        ("all.stats", "rh.aparc.area rh_cuneus_area\nsub-1 1500\n", "table of subjects"),
        ("lh.aparc.stats", "", "it is empty"),
        ("lh.aparc.stats", "\n\n", "it is empty"),
        ("lh.aparc.stats", "bankssts 1 2 3\n", "no line ColHeaders"),
    ],
)
def test_what_a_file_is(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(DamagedStats, match=words) as error:
        read_stats(tmp_path / name)
    assert ("damaged" in str(error.value)) == (words in ("it is empty", "no line ColHeaders"))
