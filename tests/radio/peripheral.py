"""A foreign host stack for the tests: a bare Bumble GATT server as a program of its own.

Arguments: transport, address, public or random, name, faults of `targets.serving.bench_faults` with commas.

Writing one of these to its command characteristic makes it misbehave: die, exit, hang, bye, mute, hush (ends the
connection and advertises no more), corrupt (dies when the connection is ended), greet (its alarm
indicates as soon as it is subscribed to), hold (answers nothing while a pairing
is under way), rename (advertises another service), table (has another service), garble (its table
is none any more), amnesia (its bonds are gone), zero (takes a key of zeros).
"""

import asyncio
import logging
import os
import signal
import sys
import time

from bumble import att
from bumble.core import UUID, AdvertisingData
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service
from bumble.hci import Address, OwnAddressType
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

from targets.serving.bench_faults import BLE_FAULTS, chosen
from targets.serving.dirty_ble import Dirt

NAME = "bench dummy"
SERVICE = "a0000001-0000-4000-8000-000000000000"
VALUE = "a0000002-0000-4000-8000-000000000000"
NOTIFIED = "a0000003-0000-4000-8000-000000000000"
SECRET = "a0000005-0000-4000-8000-000000000000"
COMMAND = "a0000004-0000-4000-8000-000000000000"
LEVEL = "a0000006-0000-4000-8000-000000000000"
INBOX = "a0000007-0000-4000-8000-000000000000"
ALARM = "a0000008-0000-4000-8000-000000000000"
LAST = "a0000009-0000-4000-8000-000000000000"
PRESENTATION_FORMAT, UINT16 = UUID.from_16_bits(0x2904), bytes.fromhex("06 00 ad27 01 0000")
INFORMATION = {0x2A24: b"BD-1", 0x2A25: b"0042", 0x2A26: b"1.0"}


running = set()


def later(what):
    """Run it to its end."""
    task = asyncio.ensure_future(what)
    running.add(task)
    task.add_done_callback(running.discard)


def served(device):
    """A value that notifies what is written to it, an alarm that indicates it, and the command characteristic."""
    properties = Characteristic.Properties
    notified = Characteristic(NOTIFIED, properties.NOTIFY | properties.READ, Characteristic.READABLE, b"n")

    def write(_connection, value):
        later(device.notify_subscribers(notified, bytes(value)))

    def alarmed(_connection, value):
        later(device.indicate_subscribers(alarm, bytes(value)))

    def command(connection, value):
        misbehave(device, connection, bytes(value))

    both = Characteristic.READABLE | Characteristic.WRITEABLE
    access = properties.READ | properties.WRITE | properties.WRITE_WITHOUT_RESPONSE
    value = Characteristic(VALUE, access, both, CharacteristicValue(read=lambda _c: b"hello", write=write))
    commanded = Characteristic(COMMAND, properties.WRITE, both, CharacteristicValue(write=command))
    secret = Characteristic(SECRET, properties.READ, Characteristic.READ_REQUIRES_ENCRYPTION, b"secret")
    form = Descriptor(PRESENTATION_FORMAT, Descriptor.READABLE, UINT16)
    level = Characteristic(LEVEL, properties.READ | properties.WRITE, both, b"\x05\x00", [form])
    inbox = Characteristic(INBOX, properties.WRITE_WITHOUT_RESPONSE, both, b"")
    alarm = Characteristic(ALARM, properties.INDICATE | properties.WRITE, both, CharacteristicValue(write=alarmed))
    last = Characteristic(LAST, properties.NOTIFY, Characteristic.READABLE, b"")
    device.alarm = alarm
    device.add_service(Service(SERVICE, [value, notified, commanded, secret, level, inbox, alarm, last]))
    told = [
        Characteristic(UUID.from_16_bits(uuid), properties.READ, Characteristic.READABLE, text)
        for uuid, text in INFORMATION.items()
    ]
    device.add_service(Service(UUID.from_16_bits(0x180A), told))


def keep_declarations(server):
    """Bumble lets a peer write to any attribute, that of a service's own UUID included."""

    async def refuse(_bearer, _value):
        raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)

    for attribute in server.attributes:
        if not attribute.permissions & attribute.WRITEABLE:
            attribute.write_value = refuse


def misbehave(device, connection, how):
    if how in SELDOM:
        SELDOM[how](device, connection)
        return
    match how:
        case b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        case b"exit":
            os._exit(3)
        case b"hang":
            time.sleep(3600)
        case b"bye":
            later(connection.disconnect())
        case b"mute":
            device.gatt_server.on_gatt_pdu = lambda *_: None
        case b"hush":
            later(hush(device, connection))
        case b"rename":
            later(device.legacy_advertising_set.set_advertising_data(advertised(SECRET)))
        case b"table":
            device.add_service(Service("a1000001-0000-4000-8000-000000000000", []))
        case b"garble":
            device.gatt_server.attributes[0].value = b""
        case b"amnesia":
            device.keystore = MemoryKeyStore()
        case b"zero":
            device.host.long_term_key_provider = zeros


async def hush(device, connection):
    async def start():
        """Not again."""

    device.legacy_advertising_set.start = start
    await connection.disconnect()


def corrupt(_device, connection):
    connection.on("disconnection", lambda _reason: os._exit(4))


def greet(device, _connection):
    device.alarm.on("subscription", lambda *_: later(device.indicate_subscribers(device.alarm, b"greeting")))


def hold(device, _connection):
    """Some stacks answer no request while a pairing is pending, on this connection."""
    taken, answered, pairing = device.smp_manager.on_smp_pdu, device.gatt_server.on_gatt_pdu, set()

    def paired(connection, pdu):
        pairing.add(connection.handle)
        taken(connection, pdu)

    device.smp_manager.on_smp_pdu = paired
    device.gatt_server.on_gatt_pdu = lambda bearer, pdu: None if bearer.handle in pairing else answered(bearer, pdu)


SELDOM = {b"corrupt": corrupt, b"hold": hold, b"greet": greet}


async def zeros(*_):
    return bytes(16)


def advertised(service):
    name = [(AdvertisingData.FLAGS, b"\x06"), (AdvertisingData.COMPLETE_LOCAL_NAME, b"bench dummy")]
    return bytes(AdvertisingData([*name, (0x07, bytes(UUID(service))), (0xFF, b"\x2d\x01BD")]))


async def advertise(device, dirt, kind):
    """Whenever there is no connection, as a device does that decides for itself when."""
    await dirt.before_advertising()
    await device.start_advertising(
        own_address_type=OwnAddressType.PUBLIC if kind == "public" else OwnAddressType.RANDOM,
        advertising_data=dirt.data(advertised(SERVICE)),
        advertising_interval_min=dirt.interval,
        advertising_interval_max=dirt.interval,
    )


def by_itself(device, dirt, kind):
    def connected(connection):
        connection.on("disconnection", lambda _reason: later(advertise(device, dirt, kind)))

    device.on("connection", connected)


async def main(spec, address, kind, name=NAME, faults=""):
    transport = await open_transport(spec)
    own = Address(address, Address.PUBLIC_DEVICE_ADDRESS if kind == "public" else Address.RANDOM_DEVICE_ADDRESS)
    device = Device(config=DeviceConfiguration(name=name, address=own), host=Host(transport.source, transport.sink))
    served(device)
    keep_declarations(device.gatt_server)
    device.pairing_config_factory = lambda _c: PairingConfig(sc=True, mitm=False, delegate=PairingDelegate())
    device.advertising_data = advertised(SERVICE)
    await device.power_on()
    device.keystore = MemoryKeyStore()
    if faults:
        dirt = Dirt(device, chosen(faults, BLE_FAULTS))
        dirt.dress()
        by_itself(device, dirt, kind)
        if "rotating-address" in faults:
            device.random_address = Address.generate_private_address(device.irk)
        await advertise(device, dirt, kind)
    else:
        await device.start_advertising(
            auto_restart=True,
            own_address_type=OwnAddressType.PUBLIC if kind == "public" else OwnAddressType.RANDOM,
            advertising_interval_min=20,
            advertising_interval_max=20,
        )
    own = device.public_address if kind == "public" else device.random_address
    sys.stdout.write(f"up {own}\n")
    sys.stdout.flush()
    await transport.source.terminated


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(*sys.argv[1:]))
