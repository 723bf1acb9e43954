"""What is made in half the time is otherwise the dataclass that it is without."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from harness.quick import quick


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    count: int = 2
    told: list[str] = field(default_factory=list)
    hidden: str = field(default="", compare=False)


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    name: str
    count: int = 2
    told: list[str] = field(default_factory=list)
    hidden: str = field(default="", compare=False)


ARGUMENTS = [(("a",), {}), (("a", 3), {"hidden": "x"}), ((), {"name": "b", "told": ["c"]})]


@pytest.mark.parametrize(("given", "named"), ARGUMENTS)
def test_it_holds_what_the_plain_one_holds(given, named):
    one, other = Plain(*given, **named), Quick(*given, **named)
    assert [getattr(one, f.name) for f in fields(one)] == [getattr(other, f.name) for f in fields(other)]
    assert repr(other) == repr(one).replace("Plain", "Quick")
    assert other == Quick(*given, **named)
    assert other == copy.copy(other) == pickle.loads(pickle.dumps(other))


def test_it_is_frozen_and_replaced_like_any_other():
    one = Quick("a", told=["b"])
    with pytest.raises(FrozenInstanceError):
        one.name = "b"
    assert replace(one, count=7) == Quick("a", 7, ["b"])
    assert Quick("a").told is not Quick("a").told


@pytest.mark.parametrize(("given", "named"), [((), {}), (("a", 1, [], "", "more"), {}), (("a",), {"other": 1})])
def test_wrong_arguments_are_refused(given, named):
    with pytest.raises(TypeError, match=r"Quick\.__init__"):
        Quick(*given, **named)


def test_its_arguments_have_the_plain_one_s_names():
    assert list(inspect.signature(Quick).parameters) == list(inspect.signature(Plain).parameters)
