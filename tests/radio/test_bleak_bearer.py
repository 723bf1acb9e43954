"""The ATT bearer under bleak's client against a scripted server: turns, ends, deadlines, and what a server may ask."""

import asyncio

import pytest
from bleak.exc import BleakError, BleakGATTProtocolError

from harness.radio.bleak import bearer as bearer_module
from harness.radio.bleak.bearer import Bearer


class Server:
    """Keeps what was put; answers each request with the next of `script` (b"": not at all)."""

    def __init__(self, *script, mtu=23):
        self.script, self.put, self.told, self.expired = list(script), [], [], 0
        self.bearer = Bearer(mtu, self._put, lambda *what: self.told.append(what), self._expire)

    def _put(self, payload):
        assert payload[:2] == b"\4\0"
        self.put.append(payload[2:])
        if self.script and (answer := self.script.pop(0)):
            asyncio.get_running_loop().call_soon(self.bearer.take, answer)

    def _expire(self):
        self.expired += 1


def play(what, *script, mtu=23):
    async def played():
        server = Server(*script, mtu=mtu)
        return await what(server.bearer), server

    return asyncio.run(played())


def test_a_long_value_is_read_to_its_end():
    value, server = play(lambda b: b.read(7), b"\x0b" + bytes(22), b"\x0d" + bytes(22), b"\x0d\1")
    assert (len(value), server.put) == (45, [b"\x0a\7\0", b"\x0c\7\0\x16\0", b"\x0c\7\0\x2c\0"])


@pytest.mark.parametrize("code", [7, 0x0B])
def test_a_value_that_just_fills_the_pdu_ends_with_an_error(code):
    value, _server = play(lambda b: b.read(7), b"\x0b" + bytes(22), b"\1\x0c\7\0" + bytes([code]))
    assert value == bytes(22)


def test_a_server_that_never_ends_a_value_is_read_up_to_the_last_offset():
    value, server = play(lambda b: b.read(7), b"\x0b" + bytes(511), *[b"\x0d" + bytes(511)] * 200, mtu=512)
    assert (len(server.put), len(value)) == (129, 129 * 511)
    assert server.put[-1] == b"\x0c\7\0" + (128 * 511).to_bytes(2, "little")


def test_a_refused_part_of_a_long_write_cancels_it():
    async def write(bearer):
        with pytest.raises(BleakGATTProtocolError) as refused:
            await bearer.write(7, bytes(40))
        return int(refused.value.code)

    code, server = play(write, b"\x17\7\0\0\0", b"\1\x16\7\0\x09", b"\x19")
    assert (code, server.put[-1]) == (9, b"\x18\0")
    assert [len(pdu) for pdu in server.put] == [23, 23, 2]


def test_the_late_answer_of_a_cancelled_request_is_nobodys():
    async def cancelled(bearer):
        first = asyncio.ensure_future(bearer.read(1))
        await asyncio.sleep(0)
        first.cancel()
        second = asyncio.ensure_future(bearer.read(2))
        await asyncio.sleep(0)
        bearer.take(b"\x0blate")
        await asyncio.sleep(0)
        return await second

    value, server = play(cancelled, b"", b"\x0bours")
    assert (value, server.put) == (b"ours", [b"\x0a\1\0", b"\x0a\2\0"])


def test_what_is_not_answered_expires(monkeypatch):
    monkeypatch.setattr(bearer_module, "TRANSACTION_SECONDS", 0.01)

    async def read(bearer):
        with pytest.raises(TimeoutError, match="no answer to an ATT request"):
            await bearer.read(1)

    assert play(read)[1].expired == 1


def test_whoever_waits_is_told_that_it_is_over():
    async def closed(bearer):
        waiting = asyncio.ensure_future(bearer.read(1))
        await asyncio.sleep(0)
        bearer.close("gone")
        for asked in (lambda: waiting, lambda: bearer.read(2)):
            with pytest.raises(BleakError, match="gone"):
                await asked()
        with pytest.raises(BleakError, match="gone"):
            bearer.command(1, b"")

    assert len(play(closed)[1].put) == 1


def test_what_a_server_may_send_unasked():
    """Indications are confirmed, an exchange of the MTU is answered, other requests are refused, the rest ignored."""

    async def unasked(bearer):
        for pdu in (b"\x1b\3\0n", b"\x1d\5\0i", b"\2\x17\0", b"\x0a\1\0", b"\x0b?", b"\x1b", b""):
            bearer.take(pdu)

    _none, server = play(unasked)
    assert server.told == [(3, b"n"), (5, b"i")]
    assert server.put == [b"\x1e", b"\3\5\2", b"\1\x0a\1\0\6"]


def test_a_command_holds_what_one_pdu_holds():
    async def command(bearer):
        bearer.command(1, bytes(20))
        with pytest.raises(BleakError, match="takes 20 bytes here, not 21"):
            bearer.command(1, bytes(21))

    assert play(command)[1].put == [b"\x52\1\0" + bytes(20)]
