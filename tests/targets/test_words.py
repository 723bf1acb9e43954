"""What a firmware compares with is read from its code."""

from pathlib import Path

from targets.board.image import Image
from targets.board.words import words_of

PUMP = Path(__file__).parents[2] / "targets" / "pump"


class Code:
    """An image of one segment."""

    def __init__(self, *halves, data=b""):
        self.segments = ((0x08000000, b"".join(half.to_bytes(2, "little") for half in halves) + data),)


def test_the_forms_of_a_constant():
    cmp8, cmp_wide, movw, end = 0x2B5A, (0xF5B1, 0x6F7A), (0xF241, 0x2034), 0x4770
    assert set(words_of(Code(cmp8, end, *cmp_wide, end, *movw, end, end, end, end)).numbers) == {0x5A, 4000, 0x1234}


def test_a_literal_is_loaded_and_an_address_is_nothing_to_say():
    load = 0x4800  # the word behind
    assert words_of(Code(load, 0x4770, 0xBEEF, 0xDEAD)).numbers == (0xDEADBEEF,)
    assert words_of(Code(load, 0x4770, 0x0004, 0x0800)).numbers == ()
    assert words_of(Code(load, 0x4770, 0x0010, 0x2000)).numbers == ()


def test_half_of_an_address_is_none():
    assert words_of(Code(0xF241, 0x2034, 0xF2C2, 0x0000, 0x4770, 0x4770)).numbers == ()
    assert words_of(Code(0xF241, 0x2034, 0xF2C2, 0x0100, 0x4770, 0x4770)).numbers == (0x1234,)


def test_texts_are_what_ends_with_a_zero():
    assert words_of(Code(data=b"service\0\1\2+*#-\0no end")).texts == (b"service",)


def test_the_pump_tells_its_texts_and_limits():
    words = words_of(Image(PUMP / "pump-fixed.elf"))
    assert b"pharmacy" in words.texts
    assert len(words.numbers) > 50
