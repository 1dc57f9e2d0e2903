"""A Slurm cluster of this machine alone, in a folder of its own, that stops with its test."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
CONF = """\
ClusterName=alone
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# A task that is put back into the queue starts again when its credential is over: 2 minutes else.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=1,sched_interval=2
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def program(name: str) -> str | None:
    """Path of a program of Slurm; the daemons lie where users do not look."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin:/sbin")


def missing_programs() -> list[str]:
    """Programs of Slurm that this machine lacks."""
    return [name for name in PROGRAMS if program(name) is None]


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


class Cluster:
    """Daemons of one cluster.

    Parameters
    ----------
    folder : Path
        For its configuration, state and logs.
    """

    def __init__(self, folder: Path) -> None:
        import pwd

        self.folder, self.started = folder, []
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        self.conf = folder / "slurm.conf"
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        self.conf.write_text(
            CONF.format(
                host=socket.gethostname().partition(".")[0],
                user=pwd.getpwuid(os.getuid()).pw_name,
                folder=folder, controller=free_port(), daemon=free_port(),
                cpus=os.cpu_count(), memory=memory * 9 // 10,
            )
        )  # fmt: skip

    def __enter__(self) -> Cluster:
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        here = self.folder
        try:
            self._start(
                "munged", "--foreground", "--force", f"--key-file={key}",
                f"--socket={here}/munge.socket", f"--pid-file={here}/munged.pid",
                f"--log-file={here}/munged.log", f"--seed-file={here}/munged.seed",
            )  # fmt: skip
            self._wait(lambda: (here / "munge.socket").exists(), "munged")
            self._start("slurmctld", "-D", "-i", "-f", str(self.conf))
            self._start("slurmd", "-D", "-f", str(self.conf))
            self._wait(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), "the node")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for process in reversed(self.started):
            process.terminate()
        for process in reversed(self.started):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which commands find this cluster."""
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def ask(self, *command: str) -> str:
        """What a command of Slurm prints; nothing while the cluster does not answer."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.strip()

    def _start(self, name: str, *arguments: str) -> None:
        with open(self.folder / f"{name}.out", "wb") as out:
            self.started.append(
                subprocess.Popen(
                    [program(name), *arguments], stdout=out, stderr=out, env=self.environment
                )
            )

    def _wait(self, ready, what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end or any(p.poll() is not None for p in self.started):
                files = [*self.folder.glob("*.log"), *self.folder.glob("*.out")]
                logs = [file.read_text(errors="replace")[-1500:] for file in files]
                raise RuntimeError(f"{what} did not start:\n" + "\n".join(logs))
            time.sleep(0.2)
