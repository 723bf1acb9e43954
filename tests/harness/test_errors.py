"""What a user meets who misspelt a word."""

import pytest

from harness.errors import did_you_mean

NAMES = ["modbus_tcp", "modbus_rtu", "modbus_ascii", "medibus", "hl7_mllp", "hl7_listener", "dicom", *"abcd"]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("hl7", " Did you mean 'hl7_listener' or 'hl7_mllp'?"),
        ("modbus", " Did you mean 'modbus_ascii' or 'modbus_rtu' or 'modbus_tcp'?"),
        ("MLLP", " Did you mean 'hl7_mllp'?"),
        ("DICOM", " Did you mean 'dicom'?"),
        ("modbus-tcp", " Did you mean 'modbus_tcp'?"),
    ],
)
def test_a_part_of_a_name_and_the_nearest_one_are_offered(word, told):
    assert did_you_mean(word, NAMES) == told


def test_where_nothing_is_near_all_are_named():
    assert did_you_mean("mqtt", NAMES) == f" Valid: {', '.join(sorted(NAMES))}."
