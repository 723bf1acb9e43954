"""An executor that talks with a peer on this machine, as a campaign's does, without a bench file."""

from contextlib import contextmanager

from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.executor import Executor
from harness.guard import Guard
from harness.interfaces import Conversation
from harness.transports import parse_moniker
from harness.transports.tcp import tcp_transport
from targets.served import served_target

BENCH = Bench(target=ExternalTable(kind="external", name="peer"), interfaces={})


@contextmanager
def talking(protocol, port, *, reply_timeout=20.0, open_timeout=30.0):
    """One whose record has begun, closed afterwards."""
    target = served_target(BENCH)
    transport = tcp_transport(parse_moniker(f"tcp:127.0.0.1:{port}"), target)
    times = {"reply_timeout": reply_timeout, "open_timeout": open_timeout}
    executor = Executor(protocol, transport, target, Guard(None, ()), adaptive=True, **times)
    executor.begin(Conversation())
    try:
        yield executor
    finally:
        executor.close()
