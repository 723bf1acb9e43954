"""A device's own clock, told on the side channel, put on the link's clock; seconds in, seconds out."""

from __future__ import annotations


class DeviceClock:
    """Lines arrive late and in bursts, so that the time of arrival says little about the order of a second's events.

    Link time does not go back by more than `_JITTER`, the disorder that entries of different kinds may come in. A time
    that falls farther is that of a device which has restarted, one that leaps ahead that of a clock which was set.
    """

    _JITTER, _LEAP = 1.0, 3600.0

    def __init__(self) -> None:
        self._offset: float | None = None
        self._device = self._latest = 0.0

    def anchor(self, device: float | None, now: float) -> float:
        """The device's time is this now, or as soon as link time allows, which is returned."""
        self._latest = max(now, self._latest)
        self._offset = None if device is None else self._latest - device
        self._device = device or 0.0
        return self._latest

    def restart(self) -> None:
        """The device's time begins anew with the next that is told; link time goes on."""
        self._offset = None

    def forget(self) -> None:
        """What comes next need not follow what came before: for those who begin to watch anew."""
        self._offset, self._latest = None, 0.0

    def link_time(self, device: float | None, now: float) -> float:
        """Link time of a device time; of this moment where the device tells none."""
        if device is None:
            return max(now, self._latest)
        if self._offset is None or not -self._JITTER <= device - self._device <= self._LEAP:
            return self.anchor(device, now)
        self._device = max(self._device, device)
        moment = device + self._offset
        self._latest = max(self._latest, moment)
        return moment
