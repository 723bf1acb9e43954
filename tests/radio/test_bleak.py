"""bleak on the radio: its own classes over our backend, in one process and as an unmodified script."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.bleak import bleak as bleak_command
from harness.errors import UsageError
from harness.radio.bleak.advertisement import advertisement_data
from harness.radio.bleak.client import RadioBleakClient
from harness.radio.bleak.scanner import RadioBleakScanner
from harness.radio.process import command

ADDRESS = "F0:F1:F2:F3:F4:F5"
SERVICE, VALUE, NOTIFIED, COMMAND, SECRET, LEVEL, _INBOX, ALARM = (
    f"a000000{n}-0000-4000-8000-000000000000" for n in range(1, 9)
)
ROOT = Path(__file__).parents[2]
SCRIPT = f"""
import asyncio, sys
from bleak import BleakClient, BleakScanner

async def main():
    device = await BleakScanner.find_device_by_name("bench dummy", timeout=30)
    async with BleakClient(device) as client:
        print(bytes(await client.read_gatt_char("{VALUE}")), sys.argv[1:])
    print(sorted({{"boofuzz", "bumble"}} & set(sys.modules)))
    raise SystemExit(7)

asyncio.run(main())
"""


@pytest.fixture
def backends(radio):
    """The client's and the scanner's, on the test's radio."""
    where = {"radio": radio.client(1.0).moniker}
    return type("Client", (RadioBleakClient,), where), type("Scanner", (RadioBleakScanner,), where)


@pytest.fixture
def run(radio, attach, backends):
    """Run `what(client)` connected to the peripheral."""
    attach(radio.listening[0])

    def ran(what, **options):
        async def connected():
            async with BleakClient(ADDRESS, backend=backends[0], timeout=30, **options) as client:
                return await what(client)

        return asyncio.run(connected())

    return ran


def test_an_unmodified_script_runs_with_neither_bumble_nor_boofuzz(radio, attach, tmp_path):
    attach(radio.listening[0])
    script = tmp_path / "theirs.py"
    script.write_text(SCRIPT)
    words = ["--radio", radio.client(1.0).moniker, str(script), "--flag", "2"]
    done = medfuzz("bleak", *words)
    assert done.stdout.splitlines() == ["b'hello' ['--flag', '2']", "[]"]
    assert (done.returncode, done.stderr) == (7, "")


def medfuzz(*words):
    return subprocess.run(
        [sys.executable, "-m", "harness.cli.main", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [("nowhere.py", 2, "no script 'nowhere.py'"), (__file__, 3, "Is `medfuzz radio` running there")],
)
def test_a_missing_script_or_radio_is_one_line(script, code, words):
    done = medfuzz("bleak", "--radio", "tcp:127.0.0.1:1", script)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert words in done.stderr


def test_the_scanner_tells_what_is_advertised(radio, attach, backends):
    attach(radio.listening[0])

    async def scanned():
        found = await BleakScanner.discover(0.3, return_adv=True, backend=backends[1])
        ours = await BleakScanner.discover(0.3, service_uuids=[SERVICE], backend=backends[1])
        others = await BleakScanner.discover(0.3, service_uuids=["180d"], backend=backends[1])
        named = await BleakScanner.find_device_by_name("bench dummy", 5, backend=backends[1])
        return found[ADDRESS][1], [device.address for device in ours], others, named.address

    advertised, ours, others, named = asyncio.run(scanned())
    assert (advertised.local_name, advertised.service_uuids) == ("bench dummy", [SERVICE])
    assert (advertised.manufacturer_data, advertised.rssi) == ({0x012D: b"BD"}, -50)
    assert (ours, others, named) == ([ADDRESS], [], ADDRESS)


def test_a_scanner_calls_back_until_it_stops(radio, attach, backends):
    attach(radio.listening[0])

    async def scanned():
        heard = []
        scanner = BleakScanner(lambda device, _data: heard.append(device.address), backend=backends[1])
        await scanner.start()
        await until(lambda: len(heard) > 2)
        await scanner.stop()
        before = len(heard)
        await asyncio.sleep(0.1)
        return set(heard), len(heard) - before

    assert asyncio.run(scanned()) == ({ADDRESS}, 0)


async def until(true, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_the_table_is_as_bleak_gives_it(run):
    async def look(client):
        value, notified = (client.services.get_characteristic(uuid) for uuid in (VALUE, NOTIFIED))
        level = client.services.get_characteristic(LEVEL)
        form = await client.read_gatt_descriptor(level.descriptors[0])
        return client.mtu_size, value, notified, form

    mtu, value, notified, form = run(look)
    assert mtu == 517
    assert (value.service_uuid, value.properties) == (SERVICE, ["read", "write", "write-without-response"])
    assert value.max_write_without_response_size == 20  # disconnected by now, as before an exchange
    assert notified.handle == value.handle + 2  # declarations, not values
    assert [d.uuid for d in notified.descriptors] == ["00002902-0000-1000-8000-00805f9b34fb"]
    assert form == bytes.fromhex("0600ad27010000")


def test_values_longer_than_a_pdu_are_written_and_read_whole(run):
    written = bytes(range(256)) * 2

    async def both(client):
        for length in (8, 514, 512):
            await client.write_gatt_char(LEVEL, written[:length], response=True)
        client._backend._bearer.mtu = 23  # as after an exchange with a small device
        await client.write_gatt_char(LEVEL, written, response=True)
        return await client.read_gatt_char(LEVEL)

    assert run(both) == written


def test_notifications_and_indications_come_until_they_are_stopped(run):
    async def told(client):
        heard = []
        await client.start_notify(NOTIFIED, lambda who, data: heard.append((who.uuid, bytes(data))))
        await client.start_notify(ALARM, lambda who, data: heard.append((who.uuid, bytes(data))))
        await client.write_gatt_char(VALUE, b"one", response=False)
        await until(lambda: heard)
        for words in (b"two", b"three"):  # a second indication waits for the confirmation of the first
            await client.write_gatt_char(ALARM, words, response=True)
        await until(lambda: len(heard) == 3)
        await client.stop_notify(NOTIFIED)
        await client.write_gatt_char(VALUE, b"four", response=True)
        await asyncio.sleep(0.05)
        return heard

    assert run(told) == [(NOTIFIED, b"one"), (ALARM, b"two"), (ALARM, b"three")]


def test_pairing_opens_what_is_encrypted(run):
    async def opened(client):
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.read_gatt_char(SECRET)
        await client.pair()
        return int(refused.value.code), await client.read_gatt_char(SECRET)

    assert run(opened) == (0x0F, b"secret")
    assert run(lambda client: client.read_gatt_char(SECRET), pair=True) == b"secret"


def test_unpairing_forgets_the_keys_and_disconnects(run):
    async def unpaired(client):
        await client.pair()
        await client.unpair()
        return client.is_connected

    assert run(unpaired) is False
    with pytest.raises(BleakGATTProtocolError):
        run(lambda client: client.read_gatt_char(SECRET))


@pytest.mark.parametrize("how", [b"bye", b"die"])
def test_a_device_that_goes_is_told_once(run, how):
    gone = []

    async def left(client):
        with contextlib.suppress(BleakError):  # one that dies does not answer
            await client.write_gatt_char(COMMAND, how, response=True)
        await until(lambda: gone)
        with pytest.raises(BleakError, match="Service Discovery has not been performed"):
            await client.read_gatt_char(VALUE)

    run(left, disconnected_callback=lambda client: gone.append(client.is_connected))
    assert gone == [False]


def test_a_request_to_a_device_that_goes_fails_at_once(run):
    async def asked(client):
        value = client.services.get_characteristic(VALUE)
        await client.write_gatt_char(COMMAND, b"mute", response=True)
        reading = asyncio.ensure_future(client.read_gatt_char(value))
        await asyncio.sleep(0.05)
        await client.disconnect()
        with pytest.raises(BleakError, match="disconnected"):
            await reading

    run(asked)


def test_whoever_does_not_advertise_is_not_found(backends):
    async def connect():
        with pytest.raises(BleakDeviceNotFoundError, match="does not advertise"):
            await BleakClient("00:00:00:00:00:01", backend=backends[0], timeout=0.3).connect()

    asyncio.run(connect())


def test_a_radio_that_dies_ends_the_connection(radio, run):
    async def lost(client):
        os.kill(radio.pid, signal.SIGKILL)
        await until(lambda: not client.is_connected)
        with pytest.raises(BleakBluetoothNotAvailableError, match="Is `medfuzz radio` running there"):
            await client.connect()

    run(lost)


def test_advertising_data_is_read_as_the_supplement_has_it():
    """Flags, a name, TX power, UUIDs of 2, 4 and 16 bytes, manufacturer's and service data; the last is cut short."""
    long = bytes.fromhex("000000000000008000400000010000a0")
    parts = [(1, b"\6"), (8, b"IP"), (0x0A, b"\xfc"), (3, b"\x09\x18\x0f\x18"), (5, b"\4\3\2\1"), (7, long)]
    parts += [(0xFF, b"\x2d\1xy"), (0x16, b"\x0f\x18\x64")]
    data = b"".join(bytes([len(value) + 1, kind]) + value for kind, value in parts)
    read = advertisement_data(data + b"\x09\x09cut", -61)
    assert (read.local_name, read.tx_power, read.rssi) == ("cut", -4, -61)
    short = ["00001809", "0000180f", "01020304"]
    assert read.service_uuids == [*(f"{first}-0000-1000-8000-00805f9b34fb" for first in short), SERVICE]
    assert read.manufacturer_data == {0x012D: b"xy"}
    assert read.service_data == {"0000180f-0000-1000-8000-00805f9b34fb": b"\x64"}


@given(st.binary(max_size=64))
def test_any_advertising_data_is_read(data):
    assert advertisement_data(data, 0).platform_data == (data,)


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    for tried in (lambda: bleak_command(__file__), lambda: command("bleak", "tcp:127.0.0.1:0", ())):
        with pytest.raises(UsageError, match=r"pip install 'medfuzz\[ble\]'"):
            tried()
