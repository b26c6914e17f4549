"""One command in several processes, on this machine or on many, by `torch.distributed.run`."""

import re
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

PORTS = range(1, 1 << 16)


class Processes(NamedTuple):
    """Processes of a run: `devices` on each of `nodes` machines, of which this is `rank`.

    `head` is the address HOST:PORT at which the first machine is waiting for the others.
    """

    devices: int
    nodes: int = 1
    rank: int = 0
    head: str = "127.0.0.1:29500"

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return self.devices * self.nodes > 1


def launch(arguments: Sequence[str], processes: Processes) -> int:
    """Runs `synvae` with these arguments in each of the processes; returns the exit status.

    Raises:
        ValueError: if there is no such machine, or the address of the first one is none.
    """
    if processes.rank >= processes.nodes:
        raise ValueError(f"--node-rank is 0 to {processes.nodes - 1} of --nodes {processes.nodes}")
    if processes.nodes == 1:
        where = ["--standalone"]
    else:
        address = re.fullmatch(r"(\S+):(\d{1,5})", processes.head)
        if not address or int(address[2]) not in PORTS:
            raise ValueError(
                f"--head {processes.head}: expected HOST:PORT with a port of 1 to {PORTS[-1]}"
            )
        where = [f"--node-rank={processes.rank}", f"--master-addr={address[1]}"]
        where += [f"--master-port={address[2]}", f"--nnodes={processes.nodes}"]
    command = [sys.executable, "-m", "torch.distributed.run", *where]
    command += [f"--nproc-per-node={processes.devices}", "-m", "synvae_workbench", *arguments]
    return subprocess.call(command)
