"""Kedro pipelines: wiring and thin nodes."""

import warnings

# Modalities are namespaced, so `smri.features` is the name that users should see everywhere; Kedro
# warns when a pipeline outside the namespace, such as the simulation, mentions it.
warnings.filterwarnings("ignore", message="One or more dataset names contain '.'")
