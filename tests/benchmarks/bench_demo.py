"""A whole run of the demo beside its nodes alone: what frame, catalog and tracking cost.

The run is that of ``kedro run --pipeline=integration`` in a process of its own, start and imports
included; the nodes' own time, that of their functions on data in memory, is measured in the same
process, and what is left is overhead. Results go to a folder that is deleted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from tests.benchmarks.harness import Record, round_to

ROOT = Path(__file__).parents[2]
COPIED = ("conf", "kb", "src", "pyproject.toml")
FEW = {"n_permutations": 19, "analyses": ["cca"]}
# Prints what a run took, by node and by what surrounds nodes. Times are those of the processor, of
# the process and of the workers of its loops.
RUN = """
import json, re, sys
from pathlib import Path
from kedro.framework.hooks import hook_impl
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from neurogenomics_kb.project.resources import processor_s as clock

class Watch:
    def __init__(self):
        self.nodes, self.data, self.began, self.other = {}, 0.0, {}, {}
    @hook_impl(trylast=True)
    def before_node_run(self, node):
        self.began[node.name] = clock()
    @hook_impl(tryfirst=True)
    def after_node_run(self, node):
        self.nodes[node.name] = clock() - self.began[node.name]
    @hook_impl(trylast=True)
    def before_dataset_loaded(self, dataset_name):
        self.other[dataset_name] = clock()
    @hook_impl(tryfirst=True)
    def after_dataset_loaded(self, dataset_name):
        self.data += clock() - self.other.pop(dataset_name)
    @hook_impl(trylast=True)
    def before_dataset_saved(self, dataset_name):
        self.other[dataset_name] = clock()
    @hook_impl(tryfirst=True)
    def after_dataset_saved(self, dataset_name):
        self.data += clock() - self.other.pop(dataset_name)

project, params = Path(sys.argv[1]), json.loads(sys.argv[2])
bootstrap_project(project)
watch = Watch()
from kedro.framework.session import session as module
make = module._create_hook_manager
def with_watch():
    manager = make()
    manager.register(watch)
    return manager
module._create_hook_manager = with_watch
with KedroSession.create(project, runtime_params=params) as session:
    session.run(pipeline_names=["integration"])
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"nodes": watch.nodes, "data": watch.data, "whole": clock(), "peak_mb": peak}))
"""


def measure(params: dict) -> dict:
    """Processor seconds of one run."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        for part in COPIED:
            source = ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, project / part)
        shutil.rmtree(project / "kb/results", ignore_errors=True)
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        demo = {"NGKB_DEMO_DIR": str(ROOT / "data/01_raw/demo"), "PYTHONPATH": str(project / "src")}
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(project), json.dumps(params)],
            cwd=project, env={**os.environ, **alone, **demo}, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return json.loads(done.stdout.splitlines()[-1])


def stage_of(node: str) -> str:
    """Modality of a node, or its own name in the integration and what follows."""
    return node if node.startswith("integration.") else node.split(".")[0]


def surrounding(whole: float, nodes: float, data: float) -> str:
    """What is no node's, in words."""
    frame = whole - nodes - data
    return (
        f"beside the nodes {data:.1f} s of reading and writing data, and {frame:.1f} s "
        f"({frame / whole:.0%} of the whole) of imports, frame and tracking"
    )


def run(tiny: bool = False) -> list[Record]:
    """The run beside its nodes, and the longest stages.

    Parameters
    ----------
    tiny : bool
        Few permutations and one analysis.
    """
    runs = [measure({"experiment": FEW} if tiny else {}) for _ in range(1 if tiny else 3)]
    stages: dict[str, list[float]] = defaultdict(list)
    for each in runs:
        found: dict[str, float] = defaultdict(float)
        for node, seconds in each["nodes"].items():
            found[stage_of(node)] += seconds
        for stage, seconds in found.items():
            stages[stage].append(seconds)
    whole = np.array([each["whole"] for each in runs])
    alone = np.array([sum(each["nodes"].values()) for each in runs])
    data = np.array([each["data"] for each in runs])
    size = f"400 people, {len(runs[0]['nodes'])} nodes"
    ratios = whole / alone
    records: list[Record] = [
        {
            "name": "the demo, whole run",
            "size": size,
            "alternative": "its nodes alone",
            "ours_s": round_to(np.median(whole)),
            "other_s": round_to(np.median(alone)),
            "ratio": round_to(np.median(ratios)),
            "spread": [round_to(q) for q in np.quantile(ratios, [0.25, 0.75])],
            "peak_ours_mb": round_to(np.median([each["peak_mb"] for each in runs])),
            "peak_other_mb": None,
            "agreement": "one run",
            "turns": len(runs),
            "note": surrounding(np.median(whole), np.median(alone), np.median(data)),
        }
    ]
    longest = sorted(stages.items(), key=lambda item: -np.median(item[1]))
    records += [
        {"name": f"the demo, {stage}", "size": size, "alternative": "",
         "ours_s": round_to(np.median(seconds)), "agreement": "one run", "turns": len(runs)}
        for stage, seconds in longest[:10]
    ]  # fmt: skip
    return records
