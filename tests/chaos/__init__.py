"""Runs that are killed, run side by side, or fed hostile files: what survives it."""
