"""Job scripts: an array of Slurm, jobs of DNAnexus, processes on one machine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neurogenomics_kb.foundation.choices import Choices
from neurogenomics_kb.project.shard_commands import shard_command

# One thread each: shards are many small products, and the machine's cores have a shard each.
THREADS = "export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1"
# Slurm's own limit where a cluster sets none (MaxArraySize 1001).
ARRAY = 1000
RESTARTS = 3
# Minutes until a machine of the cloud computes, of UK Biobank's guide on parallel jobs (2026).
CLOUD_MINUTES = 5.0


@dataclass(frozen=True)
class Job:
    """What the scripts of one modality have in common.

    Parameters
    ----------
    modality : str
        What is computed.
    env, config : str or None
        Environment and experiment.
    prepared : bool
        Whether shards read what a run stored.
    shards : int
        How many.
    cache : Path
        Folder that shards write to.
    memory_gb : int
        Memory (GB) of a shard.
    minutes : int or None
        Time limit of a shard; None for the cluster's own.
    cores : int
        Processes at a time on one machine, and cores of a machine in the cloud.
    partition : str or None
        Of the Slurm cluster.
    instance : str
        Type of machine in the cloud.
    folder : str
        Folder of the cloud's project that holds ours.
    about : tuple of str
        What is told of the cost.
    """

    modality: str
    env: str | None
    config: str | None
    prepared: bool
    shards: int
    cache: Path
    memory_gb: int
    minutes: int | None
    cores: int = 2
    partition: str | None = None
    instance: str = "mem1_ssd1_v2_x2"
    folder: str = "/neurogenomics"
    about: tuple[str, ...] = ()

    def command(self, *more: str) -> str:
        """Command line of ``ngkb embed`` for this job."""
        return shard_command(self.modality, self.env, self.config, self.prepared, *more)

    @property
    def notes(self) -> list[str]:
        """What is told of the cost, as comments."""
        return [f"# {line}" for line in self.about]

    @property
    def prepare(self) -> str | None:
        """Command that stores what shards read, where they do."""
        if not self.prepared:
            return None
        options = f" --env {self.env}" if self.env else ""
        options += f" --config {self.config}" if self.config else ""
        node = f"{self.modality}.extract_personal_sequences"
        return f"kedro run --pipeline={self.modality}{options} --to-nodes={node}"


def slurm_script(job: Job) -> str:
    """Array job of Slurm; a task that a signal killed is put back into the queue.

    Parameters
    ----------
    job : Job
        What to run.
    """
    name = f"ngkb-{job.modality}"
    limit = [] if job.minutes is None else [f"#SBATCH --time={_clock(job.minutes)}"]
    partition = [f"#SBATCH --partition={job.partition}"] if job.partition else []
    big = [f"# MaxArraySize of the cluster must be above {job.shards}."] * (job.shards > ARRAY)
    before = [f"# Before: {job.prepare}"] if job.prepare else []
    return _lines(
        "#!/bin/bash",
        f"#SBATCH --job-name={name}",
        f"#SBATCH --array=1-{job.shards}",
        "#SBATCH --ntasks=1",
        "#SBATCH --cpus-per-task=1",
        f"#SBATCH --mem={job.memory_gb}G",
        *limit,
        *partition,
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        f"#SBATCH --output={name}-%A_%a.log",
        *job.notes,
        *big,
        *before,
        f"# Then: sbatch {name}.sh; afterwards: {job.command('--merge', str(job.shards))}",
        "set -uo pipefail",
        f"cd {shlex.quote(str(Path.cwd()))}",
        THREADS,
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
        job.command("--shard", f'"$SLURM_ARRAY_TASK_ID/{job.shards}"'),
        "code=$?",
        "# Killed by a signal, for instance for its memory: again; what is done is in the cache.",
        f'if [ "$code" -gt 128 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {RESTARTS} ]; then',
        '    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"',
        "fi",
        'exit "$code"',
    )


def local_script(job: Job) -> str:
    """Shards on one machine, some at a time.

    Parameters
    ----------
    job : Job
        What to run.
    """
    return _lines(
        "#!/bin/bash",
        *job.notes,
        "set -uo pipefail",
        f"cd {shlex.quote(str(Path.cwd()))}",
        THREADS,
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
        *([job.prepare] if job.prepare else []),
        f"seq 1 {job.shards} | xargs -P {job.cores} -I{{}} "
        f"{job.command('--shard', f'{{}}/{job.shards}')}",
        job.command("--merge", str(job.shards)),
    )


def dx_script(job: Job) -> str:
    """Jobs on the UK Biobank Research Analysis Platform or elsewhere on DNAnexus.

    Parameters
    ----------
    job : Job
        What to run.

    Notes
    -----
    A job there cannot write to the project while it runs: what it leaves in its working folder is
    uploaded when it ends. So each packs the cache that it made, and packs are unpacked over each
    other, which is safe since every file is named after its content. Low priority is a spot
    machine; a job that loses it starts again.
    """
    cache, pack = job.cache.as_posix(), f"cache-{job.modality}-$shard.tar"
    inside = " && ".join(
        [
            THREADS,
            "tar -xf neurogenomics.tar",
            "cd neurogenomics",
            # What was computed is packed even if an item could not be: the merge names holes.
            f"({job.command('--shard', f'$shard/{job.shards}')} || echo incomplete)",
            f"tar -cf ../{pack} {shlex.quote(cache)}",
            "cd ..",
            "rm -rf neurogenomics neurogenomics.tar",
        ]
    )
    return _lines(
        "#!/bin/bash",
        *job.notes,
        f"# Before: a pack of this folder (without data) at {job.folder}/neurogenomics.tar, and an",
        f"# image with Python and requirements.lock at {job.folder}/image.tar.gz (docker save).",
        "# Raw files are read below /mnt/project: set NGKB_<COHORT>_DIR in the image or in conf.",
        *([f"# And {job.prepare}, with its tables in the pack."] if job.prepare else []),
        f"for shard in $(seq 1 {job.shards}); do",
        "    dx run swiss-army-knife -y --brief \\",
        f'        --name "ngkb-{job.modality}-$shard-of-{job.shards}" \\',
        f"        --instance-type {job.instance} --priority low \\",
        f'        --tag ngkb-{job.modality} --destination "{job.folder}/shards" \\',
        f'        -iin="{job.folder}/neurogenomics.tar" \\',
        f'        -iimage_file="{job.folder}/image.tar.gz" \\',
        f'        -icmd="{inside}"',
        "done",
        "# Afterwards, in this folder of a machine of the platform:",
        f"#   dx download -r {job.folder}/shards",
        f"#   for pack in shards/cache-{job.modality}-*.tar; do tar -xf $pack; done",
        f"#   {job.command('--merge', str(job.shards))}",
    )


def _clock(minutes: int) -> str:
    """Minutes as Slurm writes them."""
    days, rest = divmod(minutes, 24 * 60)
    clock = f"{rest // 60:02d}:{rest % 60:02d}:00"
    return f"{days}-{clock}" if days else clock


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


SCHEDULERS: Choices[Callable[[Job], str]] = Choices(
    "way to run shards", {"slurm": slurm_script, "dx": dx_script, "local": local_script}
)
