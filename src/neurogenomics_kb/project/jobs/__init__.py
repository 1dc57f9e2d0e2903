"""Scripts for clusters and clouds: printed, never submitted, with what they will cost."""
