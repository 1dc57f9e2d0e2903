"""Sequences, haplotypes, encoders, pooling and polygenic scores."""
