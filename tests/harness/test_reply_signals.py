"""Signals that replies tell: what is read of which frame, how it stands beside what is measured, and until when."""

from dataclasses import replace

import pytest

from harness.bench import load_bench
from harness.case import Origin, Send, TestCase
from harness.errors import UsageError
from harness.monitors.safety import SafetyMonitor
from harness.reply_signals import ReplyField, ReplySignals
from harness.requirements import Requirement
from harness.temporal import SignalDeclaration
from harness.transcript import Exchange, Sample, Transcript
from targets.pump.protocol import replies
from targets.pump.protocol.link import PROTOCOL as LINK
from targets.pump.protocol.packets import frame

MEASURED, STATE, TENTHS = ReplyField(), ReplyField("therapy_state"), ReplyField("firmware", 0.1)


def status(**fields):
    return bytes(frame(replies.StatusReply(**fields)))


def exchange(at, *said, unsolicited=()):
    return Exchange("status", b"?", said, tuple(unsolicited), b"", at - 0.1, at, answered=bool(said))


def transcript(*exchanges, samples=()):
    return Transcript("c", exchanges, 0.0, 10.0, tuple(Sample(time, values) for time, values in samples))


def told(signals, of, interface="link", steps=()):
    case = TestCase(interface, "idle", steps, Origin("enumerate"))
    return [(sample.time, sample.values) for sample in signals.samples(case, of)]


def test_a_field_of_a_reply_is_a_sample_at_the_moment_at_which_it_came():
    signals = ReplySignals([STATE, TENTHS], {"link": LINK})
    said = exchange(1.0, status(therapy_state=2, firmware=305)), exchange(2.0, status(therapy_state=6, firmware=305))
    assert told(signals, transcript(*said)) == [(1.0, (2.0, 30.5)), (2.0, (6.0, 30.5))]


def test_what_a_reply_does_not_tell_holds_and_what_is_measured_comes_between():
    signals = ReplySignals([MEASURED, STATE], {"link": LINK})
    of = transcript(exchange(2.0, status(therapy_state=1)), samples=[(1.0, (5.0,)), (3.0, (6.0,))])
    assert told(signals, of) == [(1.0, (5.0, None)), (2.0, (5.0, 1.0)), (3.0, (6.0, 1.0))]


def test_other_interfaces_damaged_replies_and_none_at_all_tell_nothing():
    signals = ReplySignals([STATE], {"link": LINK})
    whole = status(therapy_state=2)
    assert told(signals, transcript(exchange(1.0, whole)), "network") == []
    assert told(signals, transcript(exchange(1.0, whole[:-4]), exchange(2.0, b"\xff" * 40), exchange(3.0))) == []


def test_what_comes_unasked_tells_as_well():
    signals = ReplySignals([STATE], {"link": LINK})
    note = bytes(frame(replies.AlarmNotification(alarms=1, therapy_state=6)))
    assert told(signals, transcript(exchange(1.0, unsolicited=[note]))) == [(1.0, (6.0,))]


def test_a_requirement_is_judged_by_what_the_device_says_and_goes_back_with_a_kept_state():
    rule = Requirement("R-1", "Never older", formula="firmware >= previous(firmware)")
    signals = {"firmware": SignalDeclaration("firmware", high=99.0)}
    monitor = SafetyMonitor([rule], signals, told=ReplySignals([ReplyField("firmware")], {"link": LINK}))
    case = TestCase("link", "idle", (Send("status", b"?"),), Origin("enumerate"))

    def seen(version):
        return [one.requirement for one in monitor.observe(case, transcript(exchange(1.0, status(firmware=version))))]

    assert (seen(5), seen(6)) == ([], [])
    kept = monitor.state()
    assert seen(4) == ["R-1"]
    monitor.restore(kept)
    assert seen(6) == []
    assert seen(5) == ["R-1"]


def test_what_nobody_has_asked_for_yet_is_no_signal_that_is_lost():
    rules = [Requirement("R-1", "a", formula="firmware < 9"), Requirement("R-2", "b", formula="rate < 9")]
    names = ("therapy_state", "firmware", "rate")
    signals = {name: SignalDeclaration(name, high=99.0) for name in names}
    fields = [ReplyField("alarm.therapy_state"), ReplyField("status.firmware"), MEASURED]

    def seen(samples, rules):
        monitor = SafetyMonitor(rules, signals, told=ReplySignals(fields, {"link": LINK}))
        case = TestCase("link", "idle", (), Origin("enumerate"))
        return [one.requirement for one in monitor.observe(case, transcript(samples=samples))]

    assert seen([(1.0, (5.0,))], rules) == []
    assert seen([(1.0, (None,))], rules) == ["R-2"]


BENCH = """
[target]
kind = "external"
name = "x"
[interfaces.main]
transport = "tcp:127.0.0.1:1"
protocol = "pump_link"
"""


def test_a_bench_tells_apart_what_is_measured_and_what_is_said(tmp_path):
    file = tmp_path / "b.toml"
    file.write_text(BENCH + '[signals.rate]\n[signals.state]\nreply = "therapy_state"\n')
    bench = load_bench(file)
    assert (list(bench.signals), list(bench.measured)) == (["rate", "state"], ["rate"])


@pytest.mark.parametrize("other", ['symbol = "rate"', 'pin = "PB0"'])
def test_a_signal_comes_from_one_place(tmp_path, other):
    file = tmp_path / "b.toml"
    file.write_text(BENCH + f'[signals.state]\nreply = "therapy_state"\n{other}\n')
    with pytest.raises(UsageError, match="take one of them out"):
        load_bench(file)


def test_a_field_of_a_messages_answer_is_read_where_that_message_went_out_as_it_stands():
    signals = ReplySignals([ReplyField("status.firmware")], {"link": LINK})
    usual, other = LINK.message("status").send(), Send("status", b"bent", mutated=True)
    whole = status(firmware=7)
    assert told(signals, transcript(exchange(1.0, whole)), steps=(usual,)) == [(1.0, (7.0,))]
    assert told(signals, transcript(exchange(1.0, whole)), steps=(usual, other)) == []
    asked = replace(exchange(1.0, whole), message="echo")
    assert told(signals, transcript(asked)) == []
    assert told(ReplySignals([ReplyField("firmware")], {"link": LINK}), transcript(asked)) == [(1.0, (7.0,))]


def test_a_text_of_digits_is_a_number_and_other_texts_are_nothing():
    class Texts:
        usual = {}

        def split(self, data):
            return (replace_fields(data),), b""

    def replace_fields(data):
        (whole,), _rest = LINK.split(status())
        return replace(whole, fields={"level": data.decode()})

    signals = ReplySignals([ReplyField("level")], {"link": Texts()})
    assert told(signals, transcript(exchange(1.0, b"12.5"), exchange(2.0, b"high"))) == [(1.0, (12.5,))]
