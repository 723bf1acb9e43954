"""Findings by fault: what stands for a cause, and in which order they are told."""

from dataclasses import replace
from itertools import combinations

import pytest
from nouns import finding

from harness.finding import Condition, Minimized, Size, bucket_of, buckets_beside
from harness.kinship import by_fault, causes_of, faults_in, takes_length
from harness.verdict import Kind


def crash(letter, **changes):
    return finding(letter * 16, fingerprint=("bad access", letter), reproduced=3, **changes)


A, B, C = crash("a"), crash("b"), crash("c")
AS_A = replace(C, same_as=A.id)


def test_a_fault_is_told_with_its_other_sights_behind_it_and_nothing_is_lost():
    assert by_fault([A, B, AS_A]) == (A, AS_A, B)
    assert by_fault([B, AS_A]) == (B, AS_A)  # the one that it is the same as is not among them
    assert by_fault([]) == ()


def test_what_stands_for_a_fault_is_what_stands_for_any_of_its_sights():
    one, other = faults_in([A, B, AS_A])
    assert (one.findings, other.findings) == ((A, AS_A), (B,))
    assert one.causes == causes_of(A) | causes_of(AS_A)
    assert not one.causes & other.causes


def test_a_sight_that_was_confirmed_speaks_for_its_fault():
    doubted = replace(A, reproduced=0)
    (fault,) = faults_in([doubted, AS_A])
    assert fault.head == AS_A
    (nothing,) = faults_in([doubted])
    assert nothing.head == doubted


def test_a_finding_of_an_older_run_has_the_causes_of_its_id_and_of_what_it_shows():
    old = replace(A, bucket="e" * 16)
    assert "e" * 16 in causes_of(old)
    assert causes_of(old) & causes_of(A)


def test_two_fields_whose_lengths_show_one_more_crash_between_them_are_one_fault():
    told = Minimized(Size(1, 9), Size(1, 9), 1, 0.1, True, (), (Condition("m", "f", "9 bytes or more"),), (C.bucket,))
    other = replace(told, conditions=(Condition("m", "g", "9 bytes or more"),))
    assert causes_of(replace(A, minimized=told)) & causes_of(replace(B, minimized=other))
    assert C.bucket in causes_of(replace(A, minimized=told))


def said(letter, kind, place, protocol="att", status=("exit status 1",), what="RangeError"):
    found = finding(letter * 16, fingerprint=(*status, what, place), reproduced=3)
    return replace(found, observation=replace(found.observation, kind=kind, protocol=protocol))


def test_one_line_of_a_programs_source_is_one_fault_over_whatever_protocol_it_came_and_however_it_shows():
    line = "Gatt.read (gatt.js:631:33)"
    over_att, over_l2cap = said("a", Kind.EXIT, line), said("b", Kind.EXIT, line, "l2cap")
    lives_on = said("c", Kind.CONSOLE, line, status=())
    assert causes_of(over_att) & causes_of(over_l2cap) and causes_of(over_att) & causes_of(lives_on)


@pytest.mark.parametrize(
    "other",
    [
        said("b", Kind.EXIT, "Gatt.read (gatt.js:640:33)"),
        said("b", Kind.EXIT, "Gatt.read (gatt.js:631:33)", what="TypeError"),
    ],
)
def test_another_line_or_another_complaint_is_another_fault(other):
    assert not causes_of(said("a", Kind.EXIT, "Gatt.read (gatt.js:631:33)")) & causes_of(other)


def test_a_function_without_a_line_joins_nothing_over_protocols():
    one, other = (said(letter, Kind.CRASH, "memcpy", letter, status=()) for letter in "ab")
    assert not causes_of(one) & causes_of(other)


LONG = Condition("m", "f", "9 bytes or more", least=9, of_length=True)
SMALL = Minimized(Size(1, 9), Size(1, 9), 1, 0.1, True, (), (LONG,))


def test_a_crash_takes_length_where_its_smallest_reproducer_takes_nothing_but_long_fields():
    assert takes_length(replace(A, minimized=SMALL))
    assert not takes_length(A)  # nobody knows what it takes
    assert not takes_length(replace(A, minimized=replace(SMALL, done=False)))
    assert not takes_length(replace(A, minimized=replace(SMALL, conditions=())))
    assert not takes_length(replace(A, minimized=replace(SMALL, conditions=(LONG, Condition("m", "g", "'x'")))))
    assert not takes_length(replace(A, minimized=SMALL, reproduced=0))


def test_what_is_filed_beside_a_finding_that_takes_length_is_no_sight_of_it():
    known = replace(A, bucket=bucket_of(A.observation))
    beside = [replace(A, bucket=bucket) for bucket in buckets_beside(known.bucket)]
    causes = [causes_of(found) for found in (known, *beside)]
    assert len(causes) > 2
    assert all(not one & other for one, other in combinations(causes, 2))
