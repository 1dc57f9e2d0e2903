"""Mutants of the report, the family of tests, the verdict and the decision: do the tests see them?

``make mutants`` makes small faults in these modules, one at a time, and runs the tests of
``tests/view`` on each. It is no part of ``make test``; its result is stored in
``docs/calibration/mutants.json``, which the page beside it shows.
"""
