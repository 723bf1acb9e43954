"""Handing a finding over: to another bench, a test suite, a person without medfuzz, a protocol analyser."""
