"""Protocols that need no line of Python: a shipped one with options, any scapy packet class, bytes alone."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.interfaces import FrameKind
from protocols.load import load_protocol
from protocols.render import Change

MODBUS = (
    "scapy:scapy.contrib.modbus.ModbusADURequest?reply=scapy.contrib.modbus.ModbusADUResponse"
    "&probe=ModbusPDU03ReadHoldingRegistersRequest"
)
SERVER = Path(__file__).parents[1] / "peers" / "pymodbus_server.py"


def test_the_messages_of_a_packet_class_are_what_scapy_reads_back_behind_it():
    protocol = load_protocol(MODBUS)
    assert len(protocol.messages) >= 18
    assert "ModbusPDU17ReadWriteMultipleRegistersRequest" in protocol.messages
    assert not any("Response" in name for name in protocol.messages)
    assert protocol.probe.data.hex() == "000000000006ff0300000001"


def test_a_length_that_scapy_computes_stays_right_under_mutation():
    message = load_protocol(MODBUS).message("ModbusPDU10WriteMultipleRegistersRequest")
    field = next(leaf.name for leaf in message.layout.leaves if "outputsValue" in leaf.name)
    bent = message.mutated((Change(field, b"\1\2\3\4\5\6"),)).data
    assert int.from_bytes(bent[4:6]) == len(bent) - 6


def test_a_reply_is_read_by_the_class_of_replies():
    (frame,), rest = load_protocol(MODBUS).split(bytes.fromhex("0001 0000 0005 01 03 02 0011"))
    assert (frame.kind, rest, frame.fields["unitId"], frame.fields["byteCount"]) == (FrameKind.REPLY, b"", 1, 2)


def test_a_copy_answers_a_write_and_serves_no_probe():
    protocol = load_protocol(MODBUS)
    write = protocol.message("ModbusPDU06WriteSingleRegisterRequest").send().data
    assert protocol.answers(write, protocol.split(write)[0][0])
    assert not protocol.served(protocol.split(protocol.probe.data)[0][0])
    assert protocol.served(protocol.split(write)[0][0])


def test_no_bytes_make_it_raise():
    protocol = load_protocol(MODBUS)

    @settings(deadline=None)  # its time is scapy's
    @given(st.binary(max_size=80))
    def taken_apart(data):
        frames, rest = protocol.split(data)
        assert b"".join(frame.data for frame in frames) + rest == data
        assert all(dict(frame.fields) is not None for frame in frames)

    taken_apart()


@pytest.mark.parametrize("name", ["dns.DNS", "inet.ICMP", "ntp.NTPHeader", "snmp.SNMP", "dhcp.BOOTP"])
def test_what_scapy_cannot_keep_right_is_bent_as_bytes(name):
    protocol = load_protocol(f"scapy:scapy.layers.{name}")
    for message in protocol.messages.values():
        assert message.send().data and message.layout.leaves
    assert protocol.notes


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("scapy:scapy.contrib.modbus.ModbusADURequst", "Did you mean 'ModbusADURequest'"),
        ("scapy:no.such.module.Thing", "write MODULE.CLASS"),
        ("scapy:scapy.contrib.modbus.ModbusADURequest?prob=x", "no option 'prob'"),
        ("scapy:scapy.contrib.modbus.ModbusADURequest?probe=ModbusPDU03Read", "Did you mean"),
        ("bytes?probe=0d0", "hexadecimal digits in pairs"),
        ("bytes?prob=0d0a", "no option 'prob'"),
        ("modbus_tcp?unit=one", "a whole number"),
        ("modbus_tcp?unit=999", "unit is 0 to 255"),
        ("modbus_rtu?adress=3", "Did you mean 'address'"),
        ("dicom?unit=1", "has no options"),
        ("hl7_mllp?unit=1", "has no option 'unit'"),
        ("hl7_mllp?version=2.51", "Did you mean '2.5.1'"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_words(spec, words):
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        load_protocol(spec)


def test_all_requests_are_made_for_the_address_that_was_said():
    protocol = load_protocol("modbus_tcp?address=100&unit=7")
    for name in ("read_coils", "write_multiple_registers", "mask_write_register", "read_write_multiple_registers"):
        data = protocol.message(name).send().data
        assert (data[6], data[8:10]) == (7, b"\0\x64"), name
    assert protocol.probe.data[6:12].hex() == "070300640001"


def test_bytes_alone_are_one_message_and_its_probe():
    protocol = load_protocol("bytes?probe=53543f0d")
    assert protocol.probe.data == b"ST?\r"
    assert [message.send().data for message in protocol.messages.values()] == [b"ST?\r"]


def test_a_server_that_nobody_here_wrote_is_fuzzed_by_its_packet_class_alone(tmp_path):
    """Whatever is found in eight seconds, the device was asked and answered."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(SERVER), "tcp", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            port = server.stdout.readline().decode().strip()
            bench = tmp_path / "bench.toml"
            bench.write_text(
                '[target]\nkind = "external"\nname = "server"\narmed = true\n\n'
                f'[interfaces.main]\ntransport = "tcp:127.0.0.1:{port}"\nprotocol = "{MODBUS}"\n'
            )
            command = [sys.executable, "-m", "harness.cli.main", "run", str(bench), "--time", "8s", "--seed", "1"]
            ended = subprocess.run(
                [*command, "--out", str(tmp_path / "run")], check=False, capture_output=True, text=True, timeout=120
            )
        finally:
            server.kill()
    assert ended.returncode in (0, 1, 4), ended.stdout + ended.stderr
    assert "ended: budget" in ended.stdout and "answered 0 of" not in ended.stdout


CONNECT = "101300044d5154540402003c00076d656466757a7a"
MQTT = "scapy:scapy.contrib.mqtt.MQTT"
MINE, OTHER = load_protocol(f"{MQTT}?probe={CONNECT}"), load_protocol("scapy:scapy.contrib.modbus.ModbusADURequest")


def test_a_packet_of_one_s_own_is_the_probe_and_stands_for_its_message():
    protocol = MINE
    assert (protocol.probe.message, protocol.probe.data) == ("MQTTConnect", bytes.fromhex(CONNECT))
    longer = protocol.message("MQTTConnect").send(clientId=b"a longer name").data
    assert longer == bytes.fromhex("101900044d5154540402003c000d") + b"a longer name", "both lengths are right"


@pytest.mark.parametrize(
    ("probe", "words"), [("10", "no message '10'"), ("zz", "no message 'zz'"), ("", "no message ''")]
)
def test_a_probe_that_is_no_packet_is_refused(probe, words):
    with pytest.raises(UsageError, match=words):
        load_protocol(f"{MQTT}?probe={probe}")


@pytest.mark.parametrize(
    ("sent", "begun"),
    [
        (CONNECT, False),
        (CONNECT.replace("1013", "1014"), True),
        (CONNECT[:-2], True),
        ("10", True),
        ("c000", False),
        ("c001", True),
        ("", False),
    ],
)
def test_a_length_of_the_whole_tells_what_is_only_begun(sent, begun):
    data = bytes.fromhex(sent)
    assert MINE.unfinished(data) == (data if begun else b"")


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_what_is_unfinished_is_all_or_nothing_whatever_the_bytes(data):
    for protocol in (MINE, OTHER):
        assert protocol.unfinished(data) in (data, b"")
