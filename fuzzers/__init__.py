"""How it is bent: sources of test cases."""

from fuzzers.registry import FUZZERS, make_fuzzer

__all__ = ["FUZZERS", "make_fuzzer"]
