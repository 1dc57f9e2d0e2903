"""Tests: canonical correlations, permutation, exchangeability, associations, attribution."""
