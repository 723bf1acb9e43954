"""How an emulated device without a probe says that it serves: it has taken every byte and waits again."""

AT_REST = b"\x00<at rest>\x00"
"""What a link gives in the place of an answer; no device sends it."""
