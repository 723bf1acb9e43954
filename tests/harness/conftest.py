"""The toy device on a scripted link."""

from types import SimpleNamespace

import pytest
from toy import Snapshots, ToyDevice, ToyProtocol, ToyTarget

from harness.connection import nothing_lost
from harness.executor import Executor
from harness.guard import Guard
from harness.ladder import Ladder
from harness.monitors.device import DeviceMonitor
from harness.monitors.liveness import LivenessMonitor
from harness.monitors.session import SessionMonitor
from harness.runner import Runner
from harness.states import Interface
from harness.transports.scripted import ScriptedTransport


@pytest.fixture
def toy():
    """Device, transport, target, executor, interface and runner, wired together."""

    def wired(
        forbidden=(),
        monitors=(),
        callbacks=None,
        max_resets=0,
        may_close=False,
        adaptive=False,
        lost=nothing_lost,
        pause=0.0,
        open_timeout=1.0,
        snapshots=False,
        settle=0.0,
        transport=ScriptedTransport,
        load=None,
        framed=True,
        ask=None,
        **options,
    ):
        protocol, device = ToyProtocol(), ToyDevice()
        protocol.framed = framed
        transport = transport(device.answer)
        target = (Snapshots if snapshots else ToyTarget)(device, transport)
        pattern = protocol.forbidden(forbidden) if forbidden else None
        executor = Executor(
            protocol,
            transport,
            target,
            Guard(pattern, tuple(forbidden)),
            reply_timeout=1.0,
            open_timeout=open_timeout,
            adaptive=adaptive,
            callbacks=callbacks,
            lost=lost,
            pause=pause,
        )
        ladder = Ladder(executor)
        interface = Interface("toy", protocol, executor, transport, ladder, may_close=may_close, **options)
        watching = [
            DeviceMonitor(),
            LivenessMonitor(protocol, "toy", "uptime", "boots", may_close=may_close),
            SessionMonitor(protocol, "toy", frozenset({"in"})),
            *monitors,
        ]
        runner = Runner(target, {"toy": interface}, watching, settle=settle, max_resets=max_resets, load=load, ask=ask)
        runner.start()
        return SimpleNamespace(
            protocol=protocol,
            device=device,
            transport=transport,
            target=target,
            executor=executor,
            connection=executor.connection,
            ladder=ladder,
            interface=interface,
            watching=watching,
            runner=runner,
        )

    return wired
