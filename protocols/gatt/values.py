"""Numbers of medical GATT services: SFLOAT and FLOAT (IEEE 11073-20601 annex F), and the E2E-CRC, as scapy fields."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scapy.fields import Field

from harness.errors import UsageError
from protocols.packets import ChecksumField

SHOWN_EXPONENTS = 16


@dataclass(frozen=True, slots=True)
class DecimalFloat:
    """A decimal float: an exponent of ten above a mantissa, both signed; `raw` is its bits as one number.

    Mantissas at both ends mean NaN, NRes (not at this resolution), infinities, and a reserved value.
    """

    name: str
    mantissa_bits: int
    exponent_bits: int

    @property
    def specials(self) -> dict[str, int]:
        """What is not a number, with its mantissa's bits."""
        top = (1 << (self.mantissa_bits - 1)) - 1
        return {"NaN": top, "NRes": top + 1, "+INF": top - 1, "-INF": top + 3, "reserved": top + 2}

    @property
    def largest(self) -> int:
        """The largest mantissa that is a number; its negative is the smallest."""
        return (1 << (self.mantissa_bits - 1)) - 3

    def raw(self, value: str | int | float, exponent: int | None = None) -> int:
        """The bits of a special value's name or of a number, with `exponent` or the one nearest to zero.

        Raises UsageError for a number that does not fit exactly.
        """
        if isinstance(value, str) and value in self.specials:
            return self.specials[value]
        number = Decimal(str(value))
        for power in self._exponents() if exponent is None else (exponent,):
            mantissa = number.scaleb(-power)
            if mantissa == int(mantissa) and abs(mantissa) <= self.largest:
                return self._joined(int(mantissa), power)
        raise UsageError(f"{value} does not fit {self.name}; use fewer digits")

    def text(self, raw: int) -> str:
        """The number without exponent, or the special value's name."""
        mantissa, exponent = self.split(raw)
        bits = mantissa & ((1 << self.mantissa_bits) - 1)
        special = next((name for name, known in self.specials.items() if known == bits), "")
        return special or format(Decimal(mantissa).scaleb(exponent).normalize(), "f")

    def split(self, raw: int) -> tuple[int, int]:
        """Mantissa and exponent."""
        low = raw & ((1 << self.mantissa_bits) - 1)
        return _signed(low, self.mantissa_bits), _signed(raw >> self.mantissa_bits, self.exponent_bits)

    def edges(self, raw: int) -> list[int]:
        """What a field that holds `raw` is best bent to: special values, ends, zeros, its digits at other exponents."""
        mantissa, exponent = self.split(raw)
        least, most = -(1 << (self.exponent_bits - 1)), (1 << (self.exponent_bits - 1)) - 1
        specials = [bits | (power << self.mantissa_bits) for power in (0, 1, most) for bits in self.specials.values()]
        ends = [
            self._joined(sign * digits, power)
            for power in (0, least, most)
            for digits in self._ends
            for sign in (1, -1)
        ]
        near = range(max(least, -SHOWN_EXPONENTS), min(most, SHOWN_EXPONENTS) + 1)
        shifted = [self._joined(digits, power) for power in near for digits in (mantissa, 0, -mantissa)]
        known = dict.fromkeys((*specials, *ends, *shifted, self._joined(-mantissa, exponent)))
        return [value for value in known if value != raw]

    @property
    def _ends(self) -> tuple[int, int]:
        return self.largest, 1

    def _exponents(self) -> list[int]:
        half = 1 << (self.exponent_bits - 1)
        return sorted(range(-half, half), key=lambda power: (abs(power), power))

    def _joined(self, mantissa: int, exponent: int) -> int:
        low = mantissa & ((1 << self.mantissa_bits) - 1)
        return (exponent & ((1 << self.exponent_bits) - 1)) << self.mantissa_bits | low


def _signed(bits: int, width: int) -> int:
    return bits - (1 << width) if bits >> (width - 1) & 1 else bits


SFLOAT = DecimalFloat("SFLOAT", 12, 4)
FLOAT = DecimalFloat("FLOAT", 24, 8)


class DecimalFloatField(Field[Any, Any]):
    """A decimal float, little endian. Its value is the bits; text (`"5.5"`, `"NaN"`) is taken too."""

    __slots__ = ["form"]

    def __init__(self, name: str, default: str, form: DecimalFloat, fmt: str) -> None:
        self.form = form
        super().__init__(name, form.raw(default), fmt)

    def any2i(self, pkt: Any, x: Any) -> Any:
        """The bits of a text; everything else as it is."""
        return self.form.raw(x) if isinstance(x, str) else x

    def i2repr(self, pkt: Any, x: Any) -> str:
        """The number as a person reads it."""
        return self.form.text(x)

    def own_values(self, raw: int) -> list[int]:
        """What the derived primitive tries besides an integer's usual values."""
        return self.form.edges(raw)


class SFloatField(DecimalFloatField):
    """SFLOAT: 16 bits."""

    __slots__ = []

    def __init__(self, name: str, default: str) -> None:
        super().__init__(name, default, SFLOAT, "<H")


class FloatField(DecimalFloatField):
    """FLOAT: 32 bits."""

    __slots__ = []

    def __init__(self, name: str, default: str) -> None:
        super().__init__(name, default, FLOAT, "<I")


def e2e_crc(first: str, last: str) -> ChecksumField:
    """CRC-16/MCRF4XX over the fields from `first` to `last`, low byte first (CGM 1.0.2, 3.1; IDS 1.0, 2.5)."""
    return ChecksumField("e2e_crc", over=(first, last), algorithm="crc16_mcrf4xx", order="little")
