"""The toy device on a scripted link."""

from types import SimpleNamespace

import pytest
from toy import ToyDevice, ToyProtocol, ToyTarget

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

    def wired(forbidden=(), monitors=(), callbacks=None, max_resets=0, may_close=False, ask=None):
        protocol, device = ToyProtocol(), ToyDevice()
        transport = ScriptedTransport(device.answer)
        target = ToyTarget(device, transport)
        pattern = protocol.forbidden(forbidden) if forbidden else None
        executor = Executor(
            protocol,
            transport,
            target,
            Guard(pattern, tuple(forbidden)),
            reply_timeout=1.0,
            open_timeout=1.0,
            adaptive=False,
            callbacks=callbacks,
        )
        interface = Interface("toy", protocol, executor, transport, Ladder(executor))
        watching = [
            DeviceMonitor(),
            LivenessMonitor(protocol, "toy", "uptime", "boots", may_close=may_close),
            SessionMonitor(protocol, "toy", frozenset({"in"})),
            *monitors,
        ]
        runner = Runner(target, {"toy": interface}, watching, settle=0.0, max_resets=max_resets, ask=ask)
        runner.start()
        return SimpleNamespace(
            **{
                k: v
                for k, v in locals().items()
                if k not in ("forbidden", "monitors", "callbacks", "max_resets", "may_close")
            }
        )

    return wired
