"""All monitors as one: what they see, on the way and in the case, what they know, and whose fault a broken one is."""

import re

import pytest
from toy import case, message

from harness.errors import OwnError
from harness.outcome import NOTHING_WATCHED
from harness.temporal import Watched
from harness.transcript import Transcript
from harness.verdict import Kind, Observation
from harness.watch import Watch

CASE = case(message(b"a"))
TRANSCRIPT = Transcript(CASE.id, (), 0.0, 4.0)


class Sees:
    def __init__(self, *kinds, name="sees"):
        self.kinds, self.name, self.known, self.asked = kinds, name, 0, []

    def observe(self, case, transcript):
        self.known += 1
        self.asked.append((case, transcript))
        return [Observation(kind, self.name, "", 0.0) for kind in self.kinds]

    def state(self):
        return self.known

    def restore(self, state):
        self.known = state


class Measures(Sees):
    figures = Watched(1.5)

    def take(self):
        taken, self.figures = self.figures, NOTHING_WATCHED
        return taken

    def never_told(self):
        return {}


class Raises(Sees):
    def __init__(self, error):
        super().__init__(name="mine")
        self.error = error

    def observe(self, case, transcript):
        raise self.error


def kinds(observations):
    return [observation.kind for observation in observations]


def test_every_monitor_is_asked_about_the_case_and_nothing_is_dropped():
    one, two = Sees(Kind.LEAK), Sees(Kind.DRIFT, Kind.CRASH)
    assert kinds(Watch([one, two]).observe(CASE, TRANSCRIPT)) == [Kind.LEAK, Kind.DRIFT, Kind.CRASH]
    assert one.asked == two.asked == [(CASE, TRANSCRIPT)]


def test_a_lost_link_is_one_observation_more_with_its_words_and_time():
    lost = Transcript(CASE.id, (), 0.0, 4.0, link_error="the cable is out")
    (seen,) = Watch([]).observe(CASE, lost)
    assert (seen.kind, seen.monitor, seen.summary, seen.time) == (Kind.LINK_LOST, "link", "the cable is out", 4.0)
    assert Watch([]).observe(CASE, TRANSCRIPT) == []


@pytest.mark.parametrize("kind", [Kind.CRASH, Kind.HANG, Kind.EXIT, Kind.UNSAFE_STATE])
def test_a_fault_on_the_way_to_a_state_is_told_once_with_the_next_case_and_first(kind):
    monitor = Sees(kind)
    watch = Watch([monitor])
    watch.look(CASE, TRANSCRIPT)
    monitor.kinds = (Kind.LEAK,)
    assert kinds(watch.observe(CASE, TRANSCRIPT)) == [kind, Kind.LEAK]
    assert kinds(watch.observe(CASE, TRANSCRIPT)) == [Kind.LEAK]


def test_what_two_preambles_showed_is_all_told():
    watch = Watch([Sees(Kind.HANG)])
    watch.look(CASE, TRANSCRIPT)
    watch.look(CASE, TRANSCRIPT)
    assert len(watch.observe(CASE, TRANSCRIPT)) == 3


@pytest.mark.parametrize("kind", [Kind.SILENCE, Kind.REBOOT, Kind.SESSION_LAPSED, Kind.LINK_LOST])
def test_trouble_with_reaching_a_state_is_not_the_cases(kind):
    monitor = Sees(kind)
    watch = Watch([monitor])
    watch.look(CASE, TRANSCRIPT)
    monitor.kinds = ()
    assert watch.observe(CASE, TRANSCRIPT) == []


def test_what_was_seen_and_measured_before_a_start_belongs_to_no_case():
    monitor = Measures(Kind.CRASH)
    watch = Watch([monitor])
    watch.look(CASE, TRANSCRIPT)
    watch.forget()
    monitor.kinds = ()
    assert (watch.observe(CASE, TRANSCRIPT), watch.take()) == ([], NOTHING_WATCHED)


def test_what_monitors_know_is_put_back_each_to_its_own():
    one, two = Sees(), Sees()
    watch = Watch([one, two])
    one.known, two.known = 3, 5
    kept = watch.learned()
    one.known = two.known = 9
    watch.teach(kept)
    assert (one.known, two.known, kept, watch.initial) == (3, 5, (3, 5), (0, 0))
    with pytest.raises(ValueError, match="shorter"):
        watch.teach((1,))


def test_measures_are_taken_from_the_monitor_that_measures():
    watch = Watch([Sees(), Measures()])
    assert watch.take() == Watched(1.5)
    assert watch.take() is NOTHING_WATCHED
    assert Watch([Sees()]).take() is NOTHING_WATCHED


def test_an_exception_of_a_monitor_is_ours_and_names_it():
    watch = Watch([Sees(Kind.LEAK), Raises(ZeroDivisionError("by zero")), Sees(Kind.DRIFT)])
    assert kinds(watch.observe(CASE, TRANSCRIPT)) == [Kind.LEAK, Kind.DRIFT]  # what the others saw counts
    trouble = watch.take_trouble()
    assert isinstance(trouble, OwnError)
    assert re.search(rf"monitor 'mine' on case {CASE.id}: .*ZeroDivisionError: by zero", str(trouble))
    assert watch.take_trouble() is None
    watch.look(CASE, TRANSCRIPT)
    assert isinstance(watch.take_trouble(), OwnError)


def test_an_error_that_says_whose_it_is_passes_as_it_is():
    error = OwnError("the console's pattern is no pattern")
    watch = Watch([Raises(error)])
    assert watch.take_trouble() is None
    watch.observe(CASE, TRANSCRIPT)
    assert watch.take_trouble() is error
    watch.observe(CASE, TRANSCRIPT)
    watch.forget()
    assert watch.take_trouble() is None
