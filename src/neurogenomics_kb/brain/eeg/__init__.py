"""Electroencephalography: recordings to spectra, connectivity and segment embeddings."""
