"""Behaviour: scores of questionnaires and tests, and what is missing from them."""
