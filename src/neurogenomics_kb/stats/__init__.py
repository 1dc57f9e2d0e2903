"""Statistics: confounds, canonical correlation, permutation, ROC, resampling, attribution.

Nothing here knows Kedro, cards or file formats; everything takes arrays or data frames.
"""
