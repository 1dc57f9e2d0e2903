from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.pooling import (
    count_pooled,
    inverse_fd_weights,
    pool,
    pool_run,
    pool_subject,
)
from neurogenomics_kb.brain.windows import (
    Rules,
    censor_frames,
    cut_segments,
    displacement,
    judge_run,
    judge_segments,
    mean_fd,
    plan_segments,
)
from neurogenomics_kb.foundation.errors import InputError

LEVELS = [
    {"level": "segment", "pooling": "cls", "frames": 4, "stride": 2, "max_fd": None},
    {"level": "run", "pooling": "inverse_fd", "min_low_motion": 0.5, "max_fd": 0.3},
    {"level": "subject", "pooling": "mean"},
]


def table(*fds):
    n = len(fds)
    return pd.DataFrame({"start": range(n), "stop": range(4, n + 4), "fd": fds})


def confounds(values):
    return pd.DataFrame({"framewise_displacement": values})


def test_levels_of_a_card_become_rules():
    rules = Rules.from_levels(LEVELS, censor_fd=0.5, min_seconds=60)
    assert (rules.tokens, rules.frames, rules.stride) == ("cls", 4, 2)
    assert (rules.max_fd, rules.low_motion_fd, rules.min_low_motion) == (None, 0.3, 0.5)
    assert (rules.run, rules.subject, rules.min_seconds) == ("inverse_fd", "mean", 60)
    whole = Rules.from_levels([{"level": "token", "pooling": "mean"}])
    assert (whole.tokens, whole.frames, whole.run, whole.needs_fd) == ("mean", None, "mean", False)
    assert Rules.from_levels([]) == Rules()
    # What leaves segments out also says what low motion is, unless the run level does.
    segment = {"level": "segment", "pooling": "mean", "max_fd": 0.2}
    assert Rules.from_levels([segment]).low_motion_fd == 0.2
    with pytest.raises(InputError, match="not what low motion is"):
        Rules.from_levels([{"level": "run", "pooling": "mean", "min_low_motion": 0.5}])


def test_segments_by_frames_and_stride():
    assert cut_segments(10, 4, 2) == [(0, 4), (2, 6), (4, 8), (6, 10)]
    assert cut_segments(11, 4) == [(0, 4), (4, 8)]
    assert cut_segments(3, 4) == []


def test_segments_by_seconds_and_by_default():
    plan = plan_segments(100, 2.0, Rules(seconds=35.28), (1, 50))
    assert plan[["start", "stop"]].values.tolist()[:2] == [[0, 18], [18, 36]]
    assert len(plan) == 5
    # By default as long as the encoder takes, or the run as it is where it may be shorter.
    assert plan_segments(100, 2.0, Rules(), (1, 40))["stop"].tolist() == [40, 80]
    assert plan_segments(30, 2.0, Rules(), (1, 40))["stop"].tolist() == [30]
    assert plan_segments(30, 2.0, Rules(), (40, 40)).empty
    with pytest.raises(InputError, match=r"segments of 32 frames do not fit the encoder, .* 40"):
        plan_segments(100, 2.0, Rules(frames=32), (40, 40))


def test_displacement_belongs_to_the_frames_of_a_segment():
    fd = displacement(confounds(["n/a", 0.1, 0.2, 0.3, 0.4, 0.5]), 6, "s")
    assert np.isnan(fd[0])
    assert mean_fd(fd, 0, 3) == pytest.approx(0.15)  # the first frame has none
    assert mean_fd(fd, 3, 6) == pytest.approx(0.4)
    assert np.isnan(mean_fd(fd, 0, 1))
    # A first row that is 0 instead of n/a counts as little.
    zero = displacement(confounds([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]), 6, "s")
    np.testing.assert_array_equal(fd, zero)
    plan = plan_segments(6, 2.0, Rules(frames=2), (1, 6), fd)
    np.testing.assert_allclose(plan["fd"], [0.1, 0.25, 0.45])


def test_displacement_of_resampled_segments_comes_from_the_recorded_frames():
    fd = np.array([np.nan, *np.arange(1, 60)], dtype=float)
    # Recorded every 1 s, seen every 3 s: a segment of 4 frames is 12 recorded ones.
    plan = plan_segments(20, 3.0, Rules(frames=4), (4, 4), fd, 1.0)
    wanted = [np.nanmean(fd[a : a + 12]) for a in range(0, 60, 12)]
    np.testing.assert_allclose(plan["fd"], wanted)
    # Seen more often than recorded: part of a frame counts as the frame.
    plan = plan_segments(120, 0.5, Rules(frames=3), (3, 3), fd, 1.0)
    np.testing.assert_allclose(plan["fd"][1], fd[1:3].mean())


@pytest.mark.parametrize(
    ("values", "n", "message"),
    [
        (["n/a", 0.1], 3, r"confounds of s: 2 rows, but the run has 3 frames"),
        (["n/a", 0.1, "n/a"], 3, r"column 'framewise_displacement': frame 3 has no displacement"),
        (["n/a", -0.1, 0.2], 3, r"frame 2 has no displacement that is zero or more"),
    ],
)
def test_displacement_that_cannot_be_used(values, n, message):
    with pytest.raises(InputError, match=message):
        displacement(confounds(values), n, "s")
    with pytest.raises(InputError, match="the column is missing"):
        displacement(pd.DataFrame({"fd": [1, 2]}), 2, "s")


def test_segments_that_move_are_left_out_with_the_reason():
    judged = judge_segments(table(0.1, 0.5, np.nan), Rules(max_fd=0.3))
    assert judged["reason"].tolist() == ["", "segment above 0.3 mm", "segment without displacement"]
    assert judge_segments(table(0.1, np.nan), Rules())["reason"].tolist() == ["", ""]


def test_runs_are_left_out_with_the_reason():
    rules = Rules(max_fd=0.3, low_motion_fd=0.3, min_low_motion=0.5, min_seconds=60)
    half = judge_segments(table(0.1, 0.1, 0.5, 0.5), rules)
    assert judge_run(half, rules, 100) == ""
    less = judge_segments(table(0.1, 0.5, 0.5), rules)
    assert judge_run(less, rules, 100) == "fewer than 50% of segments with low motion"
    assert judge_run(half, rules, 59) == "less than 60 s of usable frames"
    assert judge_run(half.iloc[:0], rules, 100) == "shorter than one segment"
    assert judge_run(judge_segments(table(0.5), Rules(max_fd=0.3)), Rules()) == "no segment left"


def test_censored_frames_are_interpolated():
    values = np.column_stack([np.arange(8.0), np.arange(8.0) ** 2])
    censored = np.array([1, 0, 0, 1, 1, 0, 0, 1], dtype=bool)
    out = censor_frames(values, censored)
    np.testing.assert_allclose(out[3:5, 0], [3, 4])
    np.testing.assert_allclose(out[3:5, 1], [4 + 21 / 3, 4 + 42 / 3])
    np.testing.assert_array_equal(out[0], values[1])  # the nearest at the ends
    np.testing.assert_array_equal(out[7], values[6])
    np.testing.assert_array_equal(out[~censored], values[~censored])
    np.testing.assert_array_equal(values[3], [3, 9])  # the series itself stays
    assert censor_frames(values, np.ones(8, bool)) is values


def test_weights_by_inverse_displacement():
    np.testing.assert_allclose(inverse_fd_weights([0.1, 0.2]), [2 / 3, 1 / 3])
    np.testing.assert_allclose(inverse_fd_weights([0.3] * 5), [0.2] * 5)
    # A still segment does not outweigh all.
    np.testing.assert_allclose(inverse_fd_weights([0.0, 0.1], floor=0.05), [2 / 3, 1 / 3])
    vectors = np.array([[1.0, 0], [0, 1.0]])
    np.testing.assert_allclose(pool(vectors, [0.1, 0.2], "inverse_fd"), [2 / 3, 1 / 3])
    np.testing.assert_allclose(pool(vectors, [0.1, 0.2], "mean"), [0.5, 0.5])
    np.testing.assert_allclose(pool(vectors, [0.2, 0.2], "inverse_fd"), [0.5, 0.5])
    with pytest.raises(InputError, match="no displacement to be weighted by"):
        pool(vectors, [0.1, np.nan], "inverse_fd")


def test_segment_to_run_to_subject():
    rules = Rules(max_fd=0.3, low_motion_fd=0.3, min_low_motion=0.5, run="inverse_fd",
                  subject="inverse_fd")  # fmt: skip
    vectors = {0: [1.0, 0], 1: [0, 1.0], 2: [5.0, 5.0]}
    asked = []

    def embed(some):
        asked.append(some["start"].tolist())
        return np.array([vectors[i] for i in some["start"]])

    first = pool_run(judge_segments(table(0.1, 0.2, 0.9), rules), embed, rules)
    np.testing.assert_allclose(first.vector, [2 / 3, 1 / 3])
    np.testing.assert_allclose(first.uniform, [0.5, 0.5])
    assert (first.segments, first.kept, first.dropped) == (3, 2, {"segment above 0.3 mm": 1})
    assert asked == [[0, 1]]  # what is left out is not embedded
    second = pool_run(judge_segments(table(0.3), rules), embed, rules)
    bad = pool_run(judge_segments(table(0.9), rules), embed, rules)
    assert (bad.vector, bad.reason) == (None, "fewer than 50% of segments with low motion")
    assert len(asked) == 2
    both = pool_subject([first, second, bad], rules)
    # Runs move by 0.15 and 0.3 mm, so they weigh 2 to 1.
    np.testing.assert_allclose(both.vector, (2 * first.vector + second.vector) / 3)
    nobody = pool_subject([bad], rules)
    assert (nobody.vector, nobody.reason) == (None, bad.reason)
    assert pool_subject([], rules).reason == "no run"
    counted = count_pooled({"a": both, "b": nobody})
    assert counted["subjects_embedded"] == 1
    assert counted["subjects_dropped"] == {bad.reason: 1}
    assert (counted["runs"], counted["runs_dropped"]) == (4, {bad.reason: 2})
    assert (counted["segments"], counted["segments_used"]) == (6, 3)
    assert counted["segments_dropped"] == {"segment above 0.3 mm": 3}
    far = np.linalg.norm(both.vector - both.uniform) / np.linalg.norm(both.uniform)
    assert counted["distance_to_uniform_mean"] == pytest.approx(far)
    assert far > 0


def test_uniform_pooling_lies_on_the_uniform_mean():
    rules = Rules()
    run = pool_run(judge_segments(table(0.1, 0.9), rules), lambda s: np.eye(2), rules)
    counted = count_pooled({"a": pool_subject([run, run], rules)})
    assert counted["distance_to_uniform_mean"] == 0
