"""Measured false-positive rates, power and coverage of everything that a run prints."""
