"""Campaigns over a virtual cable in a network of its own, where nothing leads out: the kernel, lwIP, a planted fault.

It takes CAP_NET_ADMIN in a namespace: root has it, and so has whoever may make a namespace of users.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.assembly.benches import require_arming
from harness.bench import load_bench
from harness.errors import UsageError

ROOT = Path(__file__).parents[2]
WAYS = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])
CABLE = """
set -e
unshare --net sleep 120 & device=$!
trap 'kill $device' EXIT
until [ "$(readlink /proc/$device/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
ip link add bench0 type veth peer name dev0
ip link set bench0 address 02:00:00:00:00:01
ip link set dev0 address 02:00:00:00:00:02 netns $device
ip address add 192.0.2.1/24 dev bench0
there() { nsenter --target $device --net "$@"; }
there ip address add 192.0.2.2/24 dev dev0
there ip -6 address add 2001:db8:5::2/64 dev dev0 nodad
there ip link set dev0 up
ip link set bench0 up
"""
TAP = """
ip tuntap add tap0 mode tap
ip link set tap0 address 02:00:00:00:00:01
ip link set tap0 up
"""
KERNEL = """
[target]
kind = "external"
name = "kernel"
armed = true

[interfaces.arp]
transport = "raw:bench0/02:00:00:00:00:02?ip=192.0.2.2"
protocol = "arp"

[interfaces.ip]
transport = "raw:bench0/02:00:00:00:00:02?ip=192.0.2.2&own_ip=192.0.2.77"
protocol = "icmp"

[interfaces.ip6]
transport = "raw:bench0/02:00:00:00:00:02?ip=2001:db8:5::2&own_ip=2001:db8:5::77"
protocol = "icmpv6"

[interfaces.own]
transport = "raw:bench0/02:00:00:00:00:02?ip=192.0.2.2"
protocol = "scapy:Ether()/IP()/UDP(sport=5000, dport=9)/Raw('medfuzz')"
"""
PROGRAM = """
[target]
kind = "process"
name = "host"
command = [{command}]
armed = true
settle = 0.2

[limits]
tries = 1
triage = 0.0

[interfaces.ip]
transport = "raw:{interface}/{mac}?ip=192.0.2.2&own_ip=192.0.2.77"
protocol = "icmp"
"""


pytestmark = pytest.mark.network


def allowed():
    """How a network of one's own is made here; None where it cannot be."""
    for way in WAYS:
        script = "ip link add bench0 type veth peer name dev0"
        if not subprocess.run([*way, "sh", "-c", script], check=False, capture_output=True, timeout=20).returncode:
            return way
    return None


@pytest.fixture(scope="module")
def network():
    way = allowed()
    if way is None:
        pytest.skip("neither root nor a namespace of users: no network of one's own to send frames in")
    return way


def run(network, cable, command, folder):
    """Exit code and output of medfuzz at one end of a cable."""
    words = shlex.join([sys.executable, "-m", "harness.cli.main", *command])
    ended = subprocess.run(
        [*network, "bash", "-c", f"{cable}\n{words}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
    )
    return ended.returncode, ended.stdout + ended.stderr


def written(folder, text):
    (folder / "bench.toml").write_text(text)
    return folder / "bench.toml"


def test_the_kernel_serves_every_protocol_over_a_cable(network, tmp_path):
    code, text = run(network, CABLE, ["check", written(tmp_path, KERNEL).name], tmp_path)
    assert code == 0, text
    assert [text.count(f"interface {name} ") for name in ("arp", "ip", "ip6", "own")] == [1, 1, 1, 1], text


def test_the_kernel_passes_a_campaign(network, tmp_path):
    written(tmp_path, KERNEL)
    code, text = run(network, CABLE, ["run", "bench.toml", "--time", "3s", "--seed", "1", "--out", "run"], tmp_path)
    assert (code in (0, 4), "no findings" in text, "probes served" in text) == (True, True, True), text


def test_a_program_of_the_bench_s_own_behind_a_cable_is_not_run_unarmed(tmp_path):
    """Frames leave for a cable, whoever started what is behind it."""
    text = PROGRAM.format(command='"true"', interface="bench0", mac="02:00:00:00:00:02")
    bench = written(tmp_path, text.replace("armed = true", "armed = false"))
    with pytest.raises(UsageError, match="armed = true"):
        require_arming(load_bench(bench), bench)
    armed = written(tmp_path, text)
    require_arming(load_bench(armed), armed)


def test_a_device_that_dies_of_a_long_message_is_found(network, tmp_path):
    device = [sys.executable, str(ROOT / "tests" / "peers" / "frame_device.py"), "tap0", "192.0.2.2", "long_frame"]
    command = ", ".join(f'"{word}"' for word in device)
    written(tmp_path, PROGRAM.format(command=command, interface="tap0", mac="02:00:00:00:00:02"))
    options = ["--time", "60s", "--seed", "1", "--out", "run", "--max-findings", "1"]
    code, text = run(network, TAP, ["run", "bench.toml", *options], tmp_path)
    assert (code, "SIGABRT" in text) == (1, True), text


def test_the_stack_of_many_devices_serves(network, tmp_path):
    """lwIP as Debian has it, behind a TAP device."""
    source, host = ROOT / "tests" / "peers" / "lwip_host.c", tmp_path / "lwip_host"
    subprocess.run(["gcc", "-g", "-I/usr/include/lwip", "-o", host, source, "-llwip"], check=True, timeout=60)
    command = f'"{host}", "tap0", "192.0.2.2"'
    written(tmp_path, PROGRAM.format(command=command, interface="tap0", mac="02:12:34:56:78:ab"))
    code, text = run(network, TAP, ["run", "bench.toml", "--time", "3s", "--seed", "1", "--out", "run"], tmp_path)
    assert (code in (0, 4), "no findings" in text) == (True, True), text
