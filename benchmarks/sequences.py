"""What a message costs in a sequence of five behind a login, beside one that is a case of its own.

`python -m benchmarks.sequences`: the pump without faults, in process, all monitors, one core. A sequence begins where
the device idles, and computes its login from the challenge each time; a single message begins in the open session.
"""

from __future__ import annotations

import sys
from functools import partial

from benchmarks.in_process import exchanges_per_second
from benchmarks.measure import interleaved, ratio, table, wanted
from benchmarks.recording import started
from harness.case import Origin, TestCase
from protocols.model import Protocol

LINK, LOGIN, COMMANDS = "maintenance", ("open_session", "prove"), ("get_settings", "set_clock", "read_log")
_CASES, _LEAST = 1000, 0.4


def sequence(protocol: Protocol) -> TestCase:
    """Login and three commands, from idle."""
    steps = tuple(protocol.in_place(protocol.message(name).send()) for name in (*LOGIN, *COMMANDS))
    return TestCase(LINK, "idle", steps, Origin("sequences"))


def main() -> int:
    """Exit code 1 where a message in a sequence costs more than it may."""
    assembly = started()
    protocol = assembly.runner.interfaces[LINK].protocol
    single = [TestCase(LINK, "session", (protocol.message(name).send(),), Origin("sequences")) for name in COMMANDS]
    five = sequence(protocol)
    outcome = assembly.runner.run(five)
    if not all(exchange.answered for exchange in outcome.transcript.exchanges) or outcome.observations:
        raise RuntimeError(f"the sequence is not served: {outcome}")
    contenders = {
        "single messages": partial(exchanges_per_second, assembly.runner, single * (_CASES // len(single))),
        f"sequences of {len(five.steps)}": partial(exchanges_per_second, assembly.runner, [five] * (_CASES // 5)),
    }
    alone, together = interleaved(contenders)
    print(table("\nauthenticated sequences, by message", "messages/s", [alone, together], alone))
    print(wanted("a sequence's messages, to single ones", reached := ratio(together, alone), _LEAST))
    assembly.runner.stop()
    return 0 if reached >= _LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
