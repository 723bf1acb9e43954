"""Writes a bench from a GATT table, for `discover`."""

from __future__ import annotations

from harness.discovery.bench_text import NO_RESET, quoted
from harness.discovery.gatt_table import WRITE, WRITE_COMMAND, GattTable
from harness.discovery.protocol_text import PROTOCOL_FILE

BENCH_FILE = "bench.toml"
DEVICE_NAME = "2a00"
_COMPARED = ("model", "serial", "firmware", "address_type")
SHIPPED = {
    "1809": "gatt_thermometer",
    "180d": "gatt_heart_rate",
    "1810": "gatt_blood_pressure",
    "181f": "gatt_cgm",
    "1822": "gatt_plx",
    "183a": "gatt_ids",
}
_BENCH = """# A bench for medfuzz, of what a device said of itself. See docs/bench.md and docs/ble.md.

[target]
kind = "external"
name = {name}
armed = {armed}
{no_reset}

[radio]
{radio}

[identity]                      # what the device must say it is; empty is not compared
model = {model}
serial = {serial}
firmware = {firmware}
name = {device_name}
address_type = {address_type}

[interfaces.gatt]
transport = "{transport}"
protocol = "{file}"
{att}{more}"""
_ATT = """
[interfaces.att]
transport = "{transport}"
protocol = "att"
"""
_MORE = """
# [interfaces.{name}]           # a shipped protocol that knows this service in detail
# transport = "{transport}"
# protocol = "{protocol}"
"""


def bench_text(table: GattTable, address: str, radio: str, *, paired: bool, armed: bool, raw: bool = True) -> str:
    """The bench file; `radio` is the line under [radio]. `raw`: its adapter carries any ATT PDU."""
    gatt, att = (_moniker(address, paired, *layer) for layer in ((), ("layer=att",)))
    known = dict.fromkeys(SHIPPED[service.uuid] for service in table.services if service.uuid in SHIPPED)
    more = (_MORE.format(name=name.removeprefix("gatt_"), transport=gatt, protocol=name) for name in known)
    why = "on the virtual air" if armed else "true once no patient can be connected to it: `run` asks for that"
    return _BENCH.format(
        name=quoted(table.name or address),
        armed=f"{'true' if armed else 'false':<24}# {why}",
        no_reset=NO_RESET,
        radio=radio,
        **{key: quoted(_exact(getattr(table.identity, key))) for key in _COMPARED},
        device_name=quoted("" if _is_renamable(table) else _exact(table.identity.name)),
        transport=gatt,
        file=PROTOCOL_FILE,
        att=_ATT.format(transport=att) if raw else "",
        more="".join(more),
    )


def _moniker(address: str, paired: bool, *options: str) -> str:
    words = "&".join([*options, *(["pair=on"] if paired else [])])
    return f"ble:{address}?{words}" if words else f"ble:{address}"


def _is_renamable(table: GattTable) -> bool:
    """Its name can be written: a case that does so would make it look like another device."""
    names = (found for found in table.characteristics if found.uuid == DEVICE_NAME)
    return any(found.properties & (WRITE | WRITE_COMMAND) for found in names)


def _exact(text: str) -> str:
    """What a TOML string can hold as it is; nothing instead of something else."""
    return text if text.isprintable() else ""
