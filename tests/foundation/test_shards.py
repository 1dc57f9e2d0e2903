from __future__ import annotations

import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.shards import Shard, share_number

NAMES = [f"sub-{i:04d}" for i in range(2000)]


def test_every_item_is_in_one_share_and_shares_are_even():
    shares = [[n for n in NAMES if Shard(i, 7).holds(n)] for i in range(1, 8)]
    assert sorted(name for share in shares for name in share) == NAMES
    assert all(230 < len(share) < 350 for share in shares)


def test_a_share_does_not_hang_on_the_others():
    third = Shard(3, 7)
    assert {n for n in NAMES if third.holds(n)} == {n for n in reversed(NAMES) if third.holds(n)}
    assert share_number(b"sub-0001", 7) == share_number("sub-0001", 7)


def test_notation():
    assert Shard.parse("3/16") == Shard(3, 16)
    assert str(Shard(3, 16)) == "3/16"
    for wrong in ("0/4", "5/4", "1", "1/0", "a/b", "-1/4"):
        with pytest.raises(InputError):
            Shard.parse(wrong)
