"""One interface's connection to the device: opened with patience, closed, made anew; the guard is in it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import cast

from harness.errors import LinkClosed, LinkError, LinkGone
from harness.guard import Guard, GuardedLink
from harness.interfaces import Handles, HearsEchoes, Link, Listens, Performs, Target, Transport

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
_SHORT_PATIENCE, _HURRY_FACTOR = 0.5, 4.0
_SURE_PATIENCE, _SURE_FACTOR = 2.0, 16.0


def nothing_lost(_since: float) -> float:
    """What a machine that is never held up loses."""
    return 0.0


class Connection:
    """A link that does not open is tried again for `open_timeout` seconds, and for those that this machine `lost`.

    The device gets `pause` seconds between two links. `anew` is called for each link that was opened; `gone` says for
    how long the last one would not open, and `refusal` why none does now; `at_once`: the seconds in which one opens
    where all is well (a device that connects itself does so in its own time); `handles` and `performs` are the link
    where it can do that. With `hurry` nobody waits for what does not come as soon as ever; where one is `sure`, as the
    device was gone for all of the patience before, for what takes many times as long.
    """

    def __init__(
        self,
        transport: Transport,
        target: Target,
        guard: Guard,
        anew: Callable[[], None],
        *,
        open_timeout: float,
        pause: float,
        lost: Callable[[float], float],
    ) -> None:
        self.transport, self._target, self._guard, self._anew = transport, target, guard, anew
        self._echoes = transport if isinstance(transport, HearsEchoes) else None
        self.open_timeout, self._pause, self._lost = open_timeout, pause, lost
        self.at_once = open_timeout if isinstance(transport, Listens) else 0.0
        self._closed_at = -float("inf")
        self._link: GuardedLink | None = None
        self.handles: Handles | None = None
        self.performs: Performs | None = None
        self._kind, self._can_handle, self._can_perform = type(None), False, False
        self.gone = self._slowest = 0.0
        self.refusal = ""
        self.hurry = self.sure = False

    @property
    def link(self) -> GuardedLink:
        """The open link; opens it if need be. Raises LinkError."""
        return self._link or self._connect(self.open_timeout)

    @property
    def open_link(self) -> GuardedLink | None:
        """The link, if it is open."""
        return self._link

    @contextmanager
    def hurried(self, *, hurry: bool, sure: bool = False) -> Generator[None]:
        """Meanwhile there is `hurry`, or one is `sure`, or neither."""
        self.hurry, self.sure = hurry, sure
        try:
            yield
        finally:
            self.hurry = self.sure = False

    def given(self, patience: float) -> float:
        """A patience; in a hurry, or if sure, no more of it than several times what it ever took to open a link."""
        if not self.hurry and not self.sure:
            return patience
        least, factor = (_SHORT_PATIENCE, _HURRY_FACTOR) if self.hurry else (_SURE_PATIENCE, _SURE_FACTOR)
        return min(patience, max(least, factor * self._slowest))

    @property
    def stream(self) -> bool:
        """True where the open link carries bytes without borders."""
        return self._link is not None and self._link.stream

    @property
    def only_copies(self) -> bool:
        """True where all that ever came is what was sent: it says nothing of a device."""
        return self._echoes is not None and self._echoes.only_copies

    def open(self) -> None:
        """Open the link, if it is not; raises LinkError."""
        _ = self.link

    def renew(self, patience: float, since: float | None = None) -> None:
        """Close the link and open it again within `patience` seconds; raises LinkError.

        One that was sought in vain `since` then has had these seconds of the patience already.
        """
        self.close()
        self._connect(patience, since)

    def fresh(self) -> bool:
        """True where attributes are numbered anew: the link had to make another connection. Raises LinkError."""
        began = self._target.now()
        try:
            return self.handles is not None and self.handles.fresh(self.given(self.open_timeout))
        except LinkError as error:
            error.since = began
            raise

    def close(self) -> None:
        """Close the link, if open."""
        if self._link is not None:
            self._link.close()
            self._link = None
            self._closed_at = self._target.now()

    def now(self) -> float:
        """The link's clock, or the target's while no link is open."""
        return self._target.now() if self._link is None else self._link.now()

    def rest(self) -> None:
        """Let a moment pass before the next try."""
        self._target.advance(_LONGEST_PAUSE)

    def _connect(self, patience: float, since: float | None = None) -> GuardedLink:
        """One that is closed before anything was said to it is tried again like one that does not open."""
        patience = self.given(patience)
        began, left = self._target.now() if since is None else since, patience
        while True:
            try:
                return self._met(max(_FIRST_PAUSE, left), since)
            except LinkClosed:
                self.close()
                if self._target.now() + _LONGEST_PAUSE >= began + patience:
                    raise
                self._target.advance(_LONGEST_PAUSE)
                since, left = None, began + patience - self._target.now()
            except LinkError as error:
                error.since, self.refusal = began, str(error)
                raise

    def _met(self, patience: float, since: float | None) -> GuardedLink:
        link = self._opened(patience, since)
        if type(link) is not self._kind:  # it is costly to ask for a structural type at every reconnect
            self._kind = type(link)
            self._can_handle, self._can_perform = isinstance(link, Handles), isinstance(link, Performs)
        self.handles = cast("Handles", link) if self._can_handle else None
        self.performs = cast("Performs", link) if self._can_perform else None
        self._link = opened = GuardedLink(link, self._guard)
        self.refusal = ""
        self._anew()
        return opened

    def _opened(self, patience: float, since: float | None) -> Link:
        now = self._target.now
        if self._closed_at + self._pause > now():
            self._target.advance(self._closed_at + self._pause - now())
        began, pause, self.gone = now() if since is None else since, _FIRST_PAUSE, 0.0
        while True:
            try:
                link = self.transport.open(max(_FIRST_PAUSE, began + patience - now()))
            except LinkGone:
                raise
            except LinkError:
                if now() + pause >= began + patience + self._lost(began):
                    raise
                self._target.advance(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                self.gone = now() - began
            else:
                self._slowest = max(self._slowest, now() - began)
                return link
