"""Tables of a cohort as they were exported: found, read and checked by the dataset card."""
