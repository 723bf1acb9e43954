"""Which processes the host stacks are that are attached to the virtual air, by whichever way."""

import asyncio
import subprocess
import sys

import pytest

from harness.radio.ether import Ether

ATTACHES = {
    "unix": "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); input()",
    "pty": "import os, sys; f = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); input()",
    "tcp": "import socket, sys; h, p = sys.argv[1].split(':'); s = socket.create_connection((h, int(p))); input()",
}
UP_SECONDS = 20.0


async def attached(scheme, folder):
    """The process of a host, and what the air knows of it."""
    ether = Ether(lambda *_words, **_more: None)
    place = "tcp:127.0.0.1:0" if scheme == "tcp" else f"{scheme}:{folder}/h4"
    moniker = await ether.listen(place)
    nobody = ether.device()
    words = [sys.executable, "-c", ATTACHES[scheme], moniker.partition(":")[2]]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        async with asyncio.timeout(UP_SECONDS):
            while not ether.hosts:
                await asyncio.sleep(0.01)
        found = nobody, ether.pids(), ether.device(), process.pid
        process.stdin.close()
    ether.close()
    return found


@pytest.mark.parametrize("scheme", ["unix", "pty"])
def test_a_host_on_this_machine_is_known_with_all_that_it_started(scheme, tmp_path):
    nobody, hosts, device, pid = asyncio.run(attached(scheme, tmp_path))
    assert (nobody, hosts, device) == ([], [pid], [pid])


def test_who_is_at_the_other_end_of_a_tcp_connection_nobody_knows(tmp_path):
    nobody, hosts, device, _pid = asyncio.run(attached("tcp", tmp_path))
    assert (nobody, hosts, device) == ([], [], None)
