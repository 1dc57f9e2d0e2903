"""Sizes and levels that the audit's sentences hang on, with their reasons."""

from __future__ import annotations

# Level of each kind of check, over all blocks and columns that it looks at together: ten kinds
# raise a false alarm in at most 2 of 100 clean cohorts.
LEVEL = 0.002
# Beside that a permutation p of this size, so that no tail of a null distribution is trusted alone.
STRICT = 0.01
# What "ok" promises: a decoder that is right in three of five pairs would have been seen in 80 of
# 100 such cohorts. The same of a number, correlation with the decoder's score, and of how unevenly
# a site or batch is shared (Cramér's V, or eta, which are correlations of two groups).
READABLE_AUC, READABLE_R, READABLE_V = 0.60, 0.20, 0.20
# Half of that is the least that is spoken of, however small its p.
WORTH_AUC, WORTH_R, WORTH_V = 0.55, 0.10, 0.10
# A feature that alone tells the outcome so well is possibly part of it: brain structure differs by
# a tenth to half a standard deviation (AUC 0.64) between cases and controls of any diagnosis.
SINGLE_AUC, SINGLE_R = 0.90, 0.80
# And so is one that tells this much and, but for NEARLY, all that its block does.
ALL_AUC, ALL_R, NEARLY = 0.80, 0.60, 0.03
# A block is asked whether it is made of the outcome from here on.
HIGH_AUC, HIGH_R = 0.65, 0.30
# Its typical feature tells the outcome (absolute z, 0.7 by chance), and beside the outcome the
# features have no more in common than this correlation.
TYPICAL, LEFT_OVER = 1.5, 0.06
# Fewest features of which that can be asked.
FEWEST_SCALES = 4
# An instrument that surely predicts this well may have been used to make the diagnosis.
INSTRUMENT_AUC, INSTRUMENT_R = 0.70, 0.50
# Sizes that "ok" promises of the scan and of the blocks.
SEEN_BLOCK_AUC, SEEN_BLOCK_R = 0.80, 0.50
# Standard errors that a value is surely below or above, at LEVEL.
SURE = 2.9
# Likeness of the members of undeclared groups: half siblings have 0.25 of what is inherited.
READABLE_LIKENESS, WORTH_LIKENESS = 0.10, 0.02
# Performance above chance on relabelled outcomes that "ok" promises to have seen, and the least
# that is spoken of.
READABLE_GAP, WORTH_GAP = 0.05, 0.02
# A share of the AUC above chance that swapping labels inside a site may leave unexplained.
EXPLAINED = 0.05
# A unit worth explaining: alone 0.05 above chance, or 0.02 lost without it; explained by the batch
# when holding the batch fixed takes at least half of it away.
ALONE, LOST, LEFT = 0.05, 0.02, 0.5
# Standard errors by which a loss must shrink inside batches: 1 % by chance, one-sided.
BEYOND_ERROR = 2.33
# Cases and controls share a batch unevenly.
UNEVEN = 0.05
LEVELS = ("artefact", "caution", "not told", "ok")
NOT_TOLD = "not told"
