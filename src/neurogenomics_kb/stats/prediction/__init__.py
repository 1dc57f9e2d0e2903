"""Folds, predictors and the scores of predictions."""
