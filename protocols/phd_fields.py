"""What 11073-20601 messages are made of: numbers, what a length counts, lists, attributes (MDER, annex F)."""

from __future__ import annotations

import boofuzz

from protocols.phd_apdu import AARE, AARQ, PROTOCOL_ID, PRST

Fields = tuple[boofuzz.Fuzzable, ...]
VERSION1, MDER = 0x80000000, 0x8000
AGENT, MANAGER = 0x00800000, 0x80000000
OURS = bytes.fromhex("6d656466757a7a00")
MDS, PULSE_RATE = 0, 10
NUMERIC = 6
OXYGEN = 1
SYSTEM_ID, SYSTEM_MODEL, CONFIG_ID, SYSTEM_TYPES, PRODUCT = 0x0984, 0x0928, 0x0A44, 0x0A5A, 0x092D
TYPE, UNIT, SMALL, MAP, OBSERVED = 0x092F, 0x0996, 0x0A46, 0x0A55, 0x0A4C


def u16(name: str, value: int) -> boofuzz.Word:
    """INT-U16, OID-Type, HANDLE, BITS-16."""
    return boofuzz.Word(name, value, endian=">")


def u32(name: str, value: int) -> boofuzz.DWord:
    """INT-U32, RelativeTime, BITS-32."""
    return boofuzz.DWord(name, value, endian=">")


def absolute_time(value: bytes) -> Fields:
    """AbsoluteTime, each part in two decimal digits."""
    names = ("century", "year", "month", "day", "hour", "minute", "second", "sec_fractions")
    return tuple(boofuzz.Byte(name, one) for name, one in zip(names, value, strict=True))


def octets(name: str, value: bytes) -> Fields:
    """OCTET STRING: a length, and what it counts."""
    return boofuzz.Size(f"{name}_length", f".{name}", length=2, endian=">"), boofuzz.Bytes(name, value)


def counted(name: str, *fields: boofuzz.Fuzzable) -> Fields:
    """ANY DEFINED BY, and what follows a choice: a length and what it counts, in a block of that name."""
    return boofuzz.Size(f"{name}_length", f".{name}", length=2, endian=">"), boofuzz.Block(name, children=fields)


def listed(name: str, *items: Fields) -> Fields:
    """SEQUENCE OF: count, length, and the items."""
    return u16(f"{name}_count", len(items)), *counted(name, *(field for item in items for field in item))


def attribute(name: str, number: int, *value: boofuzz.Fuzzable) -> Fields:
    """AVA-Type: an attribute's id and its value."""
    return u16(f"{name}_id", number), *counted(name, *value)


def apdu(choice: int, *fields: boofuzz.Fuzzable) -> Fields:
    """An APDU: its choice, its length, and what that counts."""
    return u16("apdu_choice", choice), *counted("apdu", *fields)


def data_apdu(choice: int, *argument: boofuzz.Fuzzable) -> Fields:
    """A PRST with an operation, a response or an error; the invoke id may be live."""
    inner = (u16("invoke_id", 1), u16("choice", choice), *counted("argument", *argument))
    return apdu(PRST, *counted("data_apdu", *inner))


def event_report(choice: int, kind: int, *info: boofuzz.Fuzzable) -> Fields:
    """EventReportArgumentSimple, or EventReportResultSimple, of the MDS."""
    head = (u16("obj_handle", MDS), u32("event_time", 0), u16("event_type", kind))
    return data_apdu(choice, *head, *counted("event_info", *info))


def information(system_type: int, config: int, *, agent_initiated: int) -> Fields:
    """PhdAssociationInformation."""
    return (
        u32("protocol_version", VERSION1),
        u16("encoding_rules", MDER),
        u32("nomenclature_version", VERSION1),
        u32("functional_units", 0),
        u32("system_type", system_type),
        *octets("system_id", OURS),
        u16("dev_config_id", config),
        u16("data_req_mode_flags", agent_initiated),
        boofuzz.Byte("data_req_init_agent_count", agent_initiated),
        boofuzz.Byte("data_req_init_manager_count", 0),
        *listed("option_list"),
    )


def associate_request(config: int) -> Fields:
    """AARQ of an agent."""
    one = (
        u16("data_proto_id", PROTOCOL_ID),
        *counted("data_proto_info", *information(AGENT, config, agent_initiated=1)),
    )
    return apdu(AARQ, u32("assoc_version", VERSION1), *listed("data_proto_list", one))


def associate_response(result: int) -> Fields:
    """AARE of a manager."""
    information_ = information(MANAGER, 0, agent_initiated=0)
    selected = (u16("data_proto_id", PROTOCOL_ID), *counted("data_proto_info", *information_))
    return apdu(AARE, u16("result", result), *selected)


def _metric(name: str, handle: int, kind: int, unit: int) -> Fields:
    """A numeric of a pulse oximeter (11073-10404) as its configuration tells of it: a value of two bytes."""
    value_map = listed(f"{name}_map_entries", (u16(f"{name}_map_id", OBSERVED), u16(f"{name}_map_length", 2)))
    attributes = (
        attribute(f"{name}_type", TYPE, u16(f"{name}_partition", 2), u16(f"{name}_code", kind)),
        attribute(f"{name}_metric_spec_small", SMALL, u16(f"{name}_spec", 0x40C0)),
        attribute(f"{name}_unit_code", UNIT, u16(f"{name}_unit", unit)),
        attribute(f"{name}_attribute_val_map", MAP, *value_map),
    )
    head = (u16(f"{name}_obj_class", NUMERIC), u16(f"{name}_obj_handle", handle))
    return (*head, *listed(f"{name}_attributes", *attributes))


def configuration(choice: int, config: int) -> Fields:
    """ConfigReport: oxygen saturation in percent, and a pulse rate."""
    objects = (_metric("saturation", OXYGEN, 19384, 544), _metric("pulse_rate", PULSE_RATE, 18458, 2720))
    return event_report(choice, 0x0D1C, u16("config_report_id", config), *listed("config_obj_list", *objects))


def scan_report_fixed(choice: int) -> Fields:
    """ScanReportInfoFixed: 98 % and 72 beats a minute, as SFLOATs."""
    items = (
        (u16("saturation_handle", OXYGEN), *counted("saturation_data", u16("saturation", 98))),
        (u16("pulse_rate_handle", PULSE_RATE), *counted("pulse_rate_data", u16("pulse_rate", 72))),
    )
    head = (u16("data_req_id", 0xF000), u16("scan_report_no", 0))
    return event_report(choice, 0x0D1D, *head, *listed("obs_scan_fixed", *items))


def scan_report_var(choice: int) -> Fields:
    """ScanReportInfoVar: 98 % with the attribute named."""
    value = attribute("saturation_value", OBSERVED, u16("saturation", 98))
    items = (u16("saturation_handle", OXYGEN), *listed("saturation_attributes", value))
    head = (u16("data_req_id", 0xF000), u16("scan_report_no", 0))
    return event_report(choice, 0x0D1E, *head, *listed("obs_scan_var", items))


def mds_attributes(choice: int, config: int) -> Fields:
    """GetResultSimple of the MDS: who the agent is."""
    attributes = (
        attribute("system_type_spec_list", SYSTEM_TYPES, *listed("types", (u16("type", 4100), u16("version", 1)))),
        attribute(
            "system_model", SYSTEM_MODEL, *octets("manufacturer", b"medfuzz "), *octets("model_number", b"agent 1 ")
        ),
        attribute("system_id_attribute", SYSTEM_ID, *octets("system_id", OURS)),
        attribute("dev_configuration_id", CONFIG_ID, u16("dev_config_id", config)),
    )
    return data_apdu(choice, u16("obj_handle", MDS), *listed("attribute_list", *attributes))
