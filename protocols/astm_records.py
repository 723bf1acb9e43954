"""Records of ASTM E1394 (CLSI LIS02-A2): their fields by the standard's names, in the standard's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import boofuzz

from protocols.hl7_values import NUMBERS, TEXTS

TYPES = {
    "header": b"H",
    "patient": b"P",
    "order": b"O",
    "result": b"R",
    "comment": b"C",
    "comment_begin": b"C",
    "comment_end": b"|",
    "manufacturer": b"M",
    "scientific": b"S",
    "query": b"Q",
    "terminator": b"L",
}
"""Record type ids. A record that is too long for a frame goes on in the next, with whatever comes: `comment_end`."""
TIME = "20260101120000"
_FIELDS: Mapping[str, str] = {
    "header": (
        "message_control_id= access_password= sender_name={sender}^1.0 sender_street_address= reserved= "
        "sender_telephone_number= characteristics_of_sender= receiver_id={receiver} comment= processing_id=P "
        "version_number=1 date_and_time=20260101120000"
    ),
    "patient": (
        "sequence_number=1 practice_assigned_patient_id=PAT-0001 laboratory_assigned_patient_id=LAB-0001 patient_id_3= "
        "patient_name=DOE^JANE mothers_maiden_name= birthdate=19700101 patient_sex=F patient_race= patient_address= "
        "reserved= patient_telephone_number= attending_physician_id= special_field_1= special_field_2= "
        "patient_height= patient_weight= diagnosis= medications= diet= practice_field_1= practice_field_2= "
        "admission_and_discharge_dates= admission_status= location=WARD3"
    ),
    "order": (
        "sequence_number=1 specimen_id=SPEC-17 instrument_specimen_id=1^A^1 universal_test_id=^^^GLU priority=R "
        f"requested_date_and_time={TIME} specimen_collection_date_and_time= collection_end_time= collection_volume= "
        "collector_id= action_code=N danger_code= relevant_clinical_information= date_and_time_specimen_received= "
        "specimen_descriptor=S ordering_physician= physicians_telephone_number= user_field_1= user_field_2= "
        "laboratory_field_1= laboratory_field_2= date_and_time_results_reported= instrument_charge= "
        "instrument_section_id= report_types=F"
    ),
    "result": (
        "sequence_number=1 universal_test_id=^^^GLU data_or_measurement_value=5.4 units=mmol/L "
        "reference_ranges=3.9^6.1 result_abnormal_flags=N nature_of_abnormality_testing= results_status=F "
        f"date_of_change_in_normative_values= operator_identification=OP1 date_and_time_test_started={TIME} "
        f"date_and_time_test_completed={TIME} instrument_identification=ANALYSER-1"
    ),
    "comment": "sequence_number=1 comment_source=I comment_text=HAEMOLYSED comment_type=G",
    "manufacturer": "sequence_number=1 record_sub_id=QC manufacturer_text=LOT^17",
    "scientific": (
        "sequence_number=1 analytical_method=PHOTOMETRY instrumentation=ANALYSER reagents=GLU^1 "
        f"units_of_measure=mmol/L quality_control=N specimen_descriptor=S reserved= container=T specimen_id=SPEC-17 "
        f"analyte=GLU result=5.4 result_units=mmol/L collection_date_and_time={TIME} result_date_and_time={TIME} "
        "analytical_preprocessing_steps= patient_diagnosis= patient_birthdate=19700101 patient_sex=F patient_race="
    ),
    "query": (
        "sequence_number=1 starting_range_id_number=^SPEC-17 ending_range_id_number= universal_test_id=^^^ALL "
        "nature_of_request_time_limits= beginning_request_results_date_and_time= "
        "ending_request_results_date_and_time= requesting_physician_name= requesting_physician_telephone_number= "
        "user_field_1= user_field_2= request_information_status_codes=O"
    ),
    "terminator": "sequence_number=1 termination_code=N",
}
"""`name=default`; a `^` parts components."""
_NUMBERS = frozenset({"sequence_number", "data_or_measurement_value", "patient_height", "patient_weight", "result"})
_IN_FRAMES = [
    "\x02",
    "\x03",
    "\x03\r\n",
    "\x04",
    "\x05",
    "\x06",
    "\x15",
    "\x17",
    "\x17\r\n",
    "\r\n",
    "\rL|1|N\r",
    "&F&",
    "&X&",
]
"""What ends a frame or a record, and what the standard forbids in one."""
RECORDS = (*_FIELDS, "comment_begin", "comment_end")


def record(name: str, sender: str, receiver: str) -> tuple[boofuzz.Fuzzable, ...]:
    """The text of a frame between these two; made anew, as a primitive belongs to one Request."""
    if name == "comment_end":
        return boofuzz.Delim("before_comment_type", "|"), _value("comment_type", "G"), boofuzz.Delim("end", "\r")
    kind = boofuzz.Delim("record_type_id", TYPES[name].decode())
    if name == "comment_begin":
        return kind, *_fields("sequence_number=1 comment_source=I comment_text=HAEMOLYSED ")
    first = (kind, *_delimiters()) if name == "header" else (kind,)
    return *first, *_fields(_FIELDS[name].format(sender=sender, receiver=receiver)), boofuzz.Delim("end", "\r")


def _delimiters() -> tuple[boofuzz.Fuzzable, ...]:
    """A header says which characters part fields, repeats and components, and which one escapes them."""
    own = {"field_delimiter": "|", "repeat_delimiter": "\\", "component_delimiter": "^", "escape_delimiter": "&"}
    return tuple(boofuzz.Delim(name, character) for name, character in own.items())


def _fields(described: str) -> Iterator[boofuzz.Fuzzable]:
    for field in described.split():
        name, _, default = field.partition("=")
        yield boofuzz.Static(f"before_{name}", "|")
        parts = default.split("^")
        yield (
            _value(name, default) if len(parts) == 1 else boofuzz.Block(name, children=tuple(_components(name, parts)))
        )


def _components(name: str, parts: list[str]) -> Iterator[boofuzz.Fuzzable]:
    for number_of, part in enumerate(parts, 1):
        if number_of > 1:
            yield boofuzz.Static(f"before_{number_of}", "^")
        yield _value(f"component_{number_of}", part)


def _value(name: str, default: str) -> boofuzz.String:
    numbers = NUMBERS if name in _NUMBERS else ()
    return boofuzz.String(name, default, fuzz_values=[*numbers, *_IN_FRAMES, *TEXTS])
