"""What an 11073-20601 APDU says, by the standard's names."""

from __future__ import annotations

from protocols.phd_apdu import (
    AARE,
    AARQ,
    ERROR,
    NOTI_CONFIG,
    REJECT,
    RESULTS,
    Apdu,
    DataApdu,
    alone,
    data_of,
    proposal_of,
    result_of,
    system_id_of,
)
from protocols.wire import Fields

NAMES = {0xE200: "aarq", 0xE300: "aare", 0xE400: "rlrq", 0xE500: "rlre", 0xE600: "abrt", 0xE700: "prst"}
EVENTS = frozenset({0x0100, 0x0101, 0x0201})
ATTRIBUTES = {0x0928: "system_model", 0x0984: "system_id", 0x0A44: "dev_configuration_id", 0x092D: "production_spec"}
Told = dict[str, int | str | bytes]


def apdu_fields(data: bytes) -> Fields:
    """Choice and name of the APDU, and what is in it."""
    one = alone(data)
    if one is None:
        return {}
    fields: Told = {"apdu": NAMES.get(one.choice, ""), "apdu_choice": one.choice}
    if one.choice in (AARQ, AARE):
        return {**fields, **_association(one)}
    told = data_of(one)
    if told is not None:
        return {**fields, "invoke_id": told.invoke_id, "choice": told.choice, **_carried(told)}
    return {**fields, "reason": int.from_bytes(one.body)} if len(one.body) == 2 else fields


def _association(one: Apdu) -> Told:
    proposal, result = proposal_of(one), result_of(one)
    if proposal is not None:
        number, information = proposal.protocols[0]
        return {"assoc_version": int.from_bytes(one.body[:4]), "data_proto_id": number, **_information(information)}
    if result is None:
        return {}
    told: Told = {"result": result[0], "said": RESULTS.get(result[0], ""), "data_proto_id": result[1]}
    return {**told, **_information(result[2])}


def _information(information: bytes) -> Told:
    system_id = system_id_of(information)
    rest = information[20 + len(system_id) :]
    told: Told = {"system_id": system_id.hex()} if system_id else {}
    return {**told, "dev_config_id": int.from_bytes(rest[:2])} if system_id and len(rest) >= 2 else told


def _carried(told: DataApdu) -> Told:
    argument = told.argument
    if told.choice == ERROR:
        return {"error_value": int.from_bytes(argument[:2])}
    if told.choice == REJECT:
        return {"problem": int.from_bytes(argument[:2])}
    fields: Told = {"obj_handle": int.from_bytes(argument[:2])}
    if told.choice in EVENTS:
        event = int.from_bytes(argument[6:8])
        fields["event_type"] = event
        if event == NOTI_CONFIG:
            fields["config_report_id"] = int.from_bytes(argument[10:12])
            if told.choice == 0x0201:
                fields["config_result"] = int.from_bytes(argument[12:14])
    return {**fields, **_attributes(argument[2:])} if told.choice == 0x0203 else fields


def _attributes(listed: bytes) -> Told:
    """Attributes by name where they have one here, else by number."""
    found: Told = {}
    rest = listed[4 : 4 + int.from_bytes(listed[2:4])]
    while len(rest) >= 4 and len(rest) >= (stop := 4 + int.from_bytes(rest[2:4])):
        number = int.from_bytes(rest[:2])
        found[ATTRIBUTES.get(number, f"attribute_{number}")] = rest[4:stop]
        rest = rest[stop:]
    return found
