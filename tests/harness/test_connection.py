"""A link that is opened with patience, closed, and made anew."""

from itertools import pairwise

import pytest
from toy import ToyDevice, ToyProtocol, ToyTarget

from harness.connection import Connection, nothing_lost
from harness.errors import GuardRefused, LinkClosed, LinkError, LinkGone
from harness.guard import Guard
from harness.transports.scripted import ScriptedTransport


class Attributes(ScriptedTransport):
    """A carrier whose links number attributes and perform procedures."""

    def open(self, timeout):
        link = super().open(timeout)
        link_class = type("AttributeLink", (type(link),), dict.fromkeys(("fresh", "handle", "perform"), print))
        link.__class__ = self.kinds.setdefault("link", link_class)
        return link

    kinds = {}


def made(transport=ScriptedTransport, *, open_timeout=2.0, pause=0.0, lost=nothing_lost, forbidden=()):
    device = ToyDevice()
    carrier = transport(device.answer)
    target, anew = ToyTarget(device, carrier), []
    pattern = ToyProtocol().forbidden(forbidden) if forbidden else None
    guard = Guard(pattern, forbidden)
    connection = Connection(
        carrier, target, guard, lambda: anew.append(carrier.clock), open_timeout=open_timeout, pause=pause, lost=lost
    )
    return connection, carrier, anew


def gone(carrier, seconds):
    carrier.back_at = carrier.clock + seconds


def test_a_link_is_opened_when_it_is_asked_for_and_once():
    connection, carrier, anew = made()
    assert carrier.opened == 0 and not connection.stream
    connection.open()
    assert connection.link is connection.link
    assert (carrier.opened, len(anew), connection.stream, connection.gone) == (1, 1, True, 0.0)


def test_a_link_without_a_stream_says_so():
    connection, carrier, _anew = made()
    carrier.stream = False
    connection.open()
    assert connection.stream is False


def test_what_is_sent_passes_the_guard():
    connection, carrier, _anew = made(forbidden=("shock",))
    with pytest.raises(GuardRefused):
        connection.link.send(b"<shock>", 1.0)
    assert carrier.sent == []


@pytest.mark.parametrize("seconds", [0.05, 0.4, 1.0, 1.7])
def test_a_device_that_is_not_there_yet_is_waited_for_and_how_long_is_told(seconds):
    connection, carrier, anew = made()
    gone(carrier, seconds)
    connection.open()
    assert seconds <= carrier.clock <= seconds + 0.25
    assert connection.gone == pytest.approx(carrier.clock)
    assert (carrier.opened, len(anew)) == (1, 1)


def test_the_next_link_that_opens_at_once_was_not_gone():
    connection, carrier, _anew = made()
    gone(carrier, 1.0)
    connection.open()
    connection.renew(1.0)
    assert connection.gone == 0.0


def test_patience_ends_with_the_transports_own_words():
    connection, carrier, anew = made()
    gone(carrier, 60.0)
    with pytest.raises(LinkError, match="nothing is listening"):
        connection.open()
    assert 1.74 <= carrier.clock < 2.0 and anew == []


def test_patience_is_the_callers_where_a_link_is_made_anew():
    connection, carrier, _anew = made()
    connection.open()
    gone(carrier, 4.0)
    connection.renew(5.0)
    assert connection.gone == pytest.approx(4.0, abs=0.25)
    gone(carrier, 1.0)
    with pytest.raises(LinkError):
        connection.renew(0.0)
    assert carrier.clock < 5.0


@pytest.mark.parametrize(("back", "found"), [(4.0, True), (6.0, False)])
def test_one_that_was_sought_before_has_had_that_of_the_patience_and_was_gone_since_then(back, found):
    connection, carrier, _anew = made()
    connection.open()
    carrier.clock = 3.0
    gone(carrier, back - 3.0)
    if found:
        connection.renew(5.0, since=0.0)
        assert connection.gone == pytest.approx(4.0, abs=0.25)
    else:
        with pytest.raises(LinkError) as lost:
            connection.renew(5.0, since=0.0)
        assert (carrier.clock, lost.value.since) == (pytest.approx(5.0, abs=0.25), 0.0)


def test_it_is_tried_once_more_where_the_patience_is_over():
    connection, carrier, _anew = made()
    connection.open()
    carrier.clock = 9.0
    connection.renew(5.0, since=0.0)
    assert (carrier.opened, carrier.clock) == (2, 9.0)


def test_what_the_machine_lost_since_it_is_sought_is_waited_for_as_well():
    connection, carrier, _anew = made(lost=lambda since: 3.0 if since == 1.0 else 0.0)
    carrier.clock = 6.5
    gone(carrier, 2.0)
    connection.renew(5.0, since=1.0)
    assert connection.gone == pytest.approx(7.5, abs=0.25)


def test_an_error_says_since_when_the_device_is_sought():
    connection, carrier, _anew = made(Attributes)
    assert connection.fresh() is False
    connection.open()
    given = []

    def seeks(timeout):
        given.append(timeout)
        carrier.clock += timeout
        raise LinkError("it does not advertise")

    connection.handles.fresh = seeks
    carrier.clock = 7.0
    with pytest.raises(LinkError) as lost:
        connection.fresh()
    assert (lost.value.since, given) == (7.0, [2.0])
    gone(carrier, 60.0)
    carrier.clock = began = 20.0
    with pytest.raises(LinkError) as lost:
        connection.renew(1.0)
    assert lost.value.since == began


@pytest.mark.parametrize(("usual", "given"), [(0.0, 0.5), (0.4, 1.6), (3.0, 5.0)])
def test_in_a_hurry_a_link_has_several_times_what_it_ever_took(usual, given):
    connection, carrier, _anew = made(open_timeout=5.0)
    gone(carrier, usual)
    connection.open()
    with connection.hurried(hurry=True):
        assert connection.given(5.0) == pytest.approx(given, rel=0.4)
        began = carrier.clock
        gone(carrier, 60.0)
        with pytest.raises(LinkError):
            connection.renew(5.0)
        assert carrier.clock - began == pytest.approx(given, rel=0.5)
    with connection.hurried(hurry=False):
        assert connection.given(5.0) == 5.0
    assert connection.given(5.0) == 5.0


def test_what_the_machine_lost_meanwhile_is_waited_for_as_well():
    asked = []

    def lost(since):
        asked.append(since)
        return 3.0

    connection, carrier, _anew = made(lost=lost)
    carrier.clock = 7.0
    gone(carrier, 4.0)
    connection.open()
    assert connection.gone == pytest.approx(4.0, abs=0.25) and set(asked) == {7.0}


def test_tries_come_less_often_the_longer_it_takes():
    connection, carrier, _anew = made(open_timeout=20.0)
    tried, refuse = [], carrier.open

    def opened(timeout):
        tried.append((carrier.clock, timeout))
        return refuse(timeout)

    carrier.open = opened
    gone(carrier, 10.0)
    connection.open()
    pauses = [round(after[0] - before[0], 6) for before, after in pairwise(tried)]
    assert pauses[:6] == [0.02, 0.04, 0.08, 0.16, 0.25, 0.25]
    assert max(pauses) == 0.25
    assert all(timeout == pytest.approx(20.0 - at) for at, timeout in tried)


def test_a_transport_is_always_given_a_moment_to_open():
    connection, carrier, _anew = made()
    given, opens = [], carrier.open
    carrier.open = lambda timeout: given.append(timeout) or opens(timeout)
    connection.renew(0.0)
    assert given == [0.02]


def test_what_will_not_come_back_by_waiting_is_not_waited_for():
    connection, carrier, _anew = made()

    def ended(_timeout):
        raise LinkGone("its process has ended")

    carrier.open = ended
    with pytest.raises(LinkGone):
        connection.open()
    assert carrier.clock == 0.0


def test_a_device_that_needs_a_pause_between_two_connections_is_given_it_and_no_more():
    connection, carrier, _anew = made(pause=0.5)
    connection.open()
    assert carrier.clock == 0.0
    carrier.clock = 3.0
    connection.close()
    carrier.clock = 3.2
    connection.open()
    assert (carrier.clock, connection.gone) == (3.5, 0.0)
    connection.close()
    carrier.clock = 9.0
    connection.open()
    assert carrier.clock == 9.0


def test_a_pause_does_not_eat_the_patience():
    connection, carrier, _anew = made(pause=5.0)
    connection.open()
    connection.close()
    gone(carrier, 6.0)
    connection.open()
    assert carrier.clock == pytest.approx(6.0, abs=0.25)
    assert connection.gone == pytest.approx(1.0, abs=0.25)


def test_a_closed_link_is_closed_once_and_the_clock_is_then_the_targets():
    connection, carrier, _anew = made()
    connection.close()
    link = connection.link
    link.now()
    connection._target.now = lambda: 99.0
    assert connection.now() == carrier.clock
    connection.close()
    connection.close()
    assert (connection.now(), connection.stream) == (99.0, False)
    with pytest.raises(LinkClosed):
        link.send(b"a", 1.0)
    assert connection.link is not link


def test_a_moment_of_rest_is_the_targets_time():
    connection, carrier, _anew = made()
    connection.rest()
    assert carrier.clock == 0.25


def test_what_a_link_can_besides_is_asked_of_the_link_that_is_open():
    connection, _carrier, _anew = made()
    connection.open()
    assert (connection.handles, connection.performs) == (None, None)
    connection, carrier, _anew = made(Attributes)
    for _ in range(2):
        connection.renew(1.0)
        assert type(connection.handles).__name__ == type(connection.performs).__name__ == "AttributeLink"
    assert connection.handles is connection.performs
    carrier.open = lambda timeout: ScriptedTransport.open(carrier, timeout)
    connection.renew(1.0)
    assert (connection.handles, connection.performs) == (None, None)
