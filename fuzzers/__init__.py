"""How it is mutated: sources of test cases."""

from fuzzers.registry import FUZZERS

__all__ = ["FUZZERS"]
