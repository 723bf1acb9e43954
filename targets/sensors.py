"""The sensors and switches of a device outside: set over the side channel, or each by a command of its own."""

from __future__ import annotations

import math

from harness.bench import Bench
from harness.bench_tables import StimulusTable
from harness.errors import LinkError, UsageError, did_you_mean
from targets.channel import Channel
from targets.process import run_command


class Sensors:
    """What `[stimuli]` names. `channel` is the open one, None while there is none."""

    def __init__(self, bench: Bench) -> None:
        self._tables, self._target, self._folder = bench.stimuli, bench.served, bench.folder

    def set(self, stimulus: str, value: float, channel: Channel | None) -> None:
        """Set one; raises UsageError, LinkError where the channel is gone, TargetError from a command."""
        table = self._table(stimulus)
        if not math.isfinite(value):
            raise UsageError(f"stimulus '{stimulus}' cannot be {value}; give a number in its unit")
        if table.command:
            words = [part.replace("{value}", f"{value:.12g}") for part in table.command]
            run_command(words, self._target.reset_timeout, self._folder)
        elif channel is not None:
            channel.say(f"stimulate {stimulus} {value:.12g}")
        elif self._target.channel:
            raise LinkError(f"{self._target.channel}: the channel is closed")
        else:
            raise UsageError(f'[stimuli.{stimulus}] needs command = ["PROGRAM", "{{value}}"] or [target] channel')

    def _table(self, stimulus: str) -> StimulusTable:
        table = self._tables.get(stimulus)
        if table is None:
            raise UsageError(f"unknown stimulus '{stimulus}'.{did_you_mean(stimulus, self._tables)} See [stimuli]")
        return table

    def calm(self, channel: Channel | None) -> None:
        """Every one that can be set at its initial value."""
        for name, table in self._tables.items():
            if table.command:
                self.set(name, table.initial, channel)
        self.calm_over(channel)

    def calm_over(self, channel: Channel | None) -> None:
        """Those that are set over the channel at their initial values, where there is one."""
        for name, table in self._tables.items():
            if channel is not None and not table.command:
                self.set(name, table.initial, channel)
