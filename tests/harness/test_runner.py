"""What a device is asked to bear: bytes a case, resets a campaign."""

from dataclasses import replace

import pytest
from toy import case, message

from harness.errors import GuardRefused, TargetError


def test_a_case_over_the_size_limit_is_not_sent(toy):
    t = toy()
    t.runner.interfaces["toy"] = replace(t.interface, max_case_bytes=10)
    with pytest.raises(GuardRefused, match="max_case_bytes"):
        t.runner.run(case(message(b"a" * 20)))
    assert t.transport.sent == []
    t.runner.run(case(message(b"a")))


def test_a_device_is_reset_no_more_often_than_allowed(toy):
    t = toy()
    t.runner._max_resets = 2
    for _ in range(2):
        t.runner.fresh()
    with pytest.raises(TargetError, match="max_resets"):
        t.runner.fresh()
    assert t.target.resets == 2
