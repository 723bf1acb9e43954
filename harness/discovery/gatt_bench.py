"""Writes a bench from a GATT table, for `discover`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
{target}

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
{layers}{more}"""
_EXTERNAL = """kind = "external"
name = {name}
armed = {armed}
{no_reset}"""
_PROCESS = """kind = "process"
name = {name}
command = {command}
cwd = {cwd}"""
_LAYER = """
[interfaces.{layer}]
transport = "{transport}"
protocol = "{protocol}"
"""
LAYERS = {"att": "att", "smp": "smp", "signalling": "l2cap_signalling", "l2cap": "l2cap"}
_MORE = """
# [interfaces.{name}]           # a shipped protocol that knows this service in detail
# transport = "{transport}"
# protocol = "{protocol}"
"""


def external(name: str, *, armed: bool) -> str:
    """The [target] lines of a device that is there."""
    why = "on the virtual air" if armed else "true once no patient can be connected to it: `run` asks for that"
    told = f"{'true' if armed else 'false':<24}# {why}"
    return _EXTERNAL.format(name=quoted(name), armed=told, no_reset=NO_RESET)


def process(name: str, command: Sequence[str], cwd: str) -> str:
    """The [target] lines of a program that attaches to the radio."""
    words = ", ".join(map(quoted, command))
    return _PROCESS.format(name=quoted(name), command=f"[{words}]", cwd=quoted(cwd))


def bench_text(
    table: GattTable, address: str, target: str, radio: str, *, paired: bool, layers: Mapping[str, bool]
) -> str:
    """The bench file; `target` and `radio` are the lines of these tables. `layers`: on which the device answers."""
    gatt = _moniker(address, paired)
    known = dict.fromkeys(SHIPPED[service.uuid] for service in table.services if service.uuid in SHIPPED)
    more = (_MORE.format(name=name.removeprefix("gatt_"), transport=gatt, protocol=name) for name in known)
    return _BENCH.format(
        target=target,
        radio=radio,
        **{key: quoted(_exact(getattr(table.identity, key))) for key in _COMPARED},
        device_name=quoted("" if _is_renamable(table) else _exact(table.identity.name)),
        transport=gatt,
        file=PROTOCOL_FILE,
        layers="".join(_layer(address, paired, layer, answers=answers) for layer, answers in layers.items()),
        more="".join(more),
    )


def _layer(address: str, paired: bool, layer: str, *, answers: bool) -> str:
    if not answers:
        return f"\n# Nothing answers on layer={layer}\n"
    transport = _moniker(address, paired and layer == "att", f"layer={layer}")
    protocol = f"{PROTOCOL_FILE}:ATT" if layer == "att" else LAYERS[layer]
    return _LAYER.format(layer=layer, transport=transport, protocol=protocol)


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
