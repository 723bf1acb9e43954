"""A bystander's device is never fuzzed: who is at the other end is asked at every connection."""

import pytest

from harness.assembly.assemble import assemble
from harness.campaigns.session import Options, run_campaign
from harness.errors import TargetError
from harness.interfaces import Identity
from harness.radio.peer import Peer

OURS = Identity("BD-1", "0042", "1.0", "bench dummy", "random")
ATT = 4


@pytest.fixture
def meet(radio):
    """A peer that must be somebody."""
    made = []

    def peer(address, **wanted):
        made.append(Peer(lambda: radio.client(3.0), address, Identity(**wanted)))
        return made[-1]

    yield peer
    for peer in made:
        peer.release()


def joined(peer):
    peer.open(ATT, 5.0, paired=False, subscribed=False)


def replaced(process, attach, radio, address):
    """Another device, named `ward 7`, stands at the address of one that is gone."""
    process.kill()
    process.wait()
    attach(radio.listening[0], address, "random", "ward 7")


def test_a_device_says_who_it_is_and_is_compared_at_once(radio, attach, meet):
    _process, address = attach(radio.listening[0])
    peer = meet(address, serial="0042", name="bench dummy", address_type="random")
    joined(peer)
    assert peer.identity == OURS
    peer.close()
    for wanted in ({"serial": "0043"}, {"name": "ward 7"}, {"address_type": "public"}):
        ((field, value),) = wanted.items()
        stranger = meet(address, **wanted)
        with pytest.raises(TargetError, match=f"{field.replace('_', ' ')} '.*', the bench wants '{value}'"):
            joined(stranger)
        assert not stranger.connected


def test_another_device_at_the_same_address_is_refused_at_the_next_connection(radio, attach, meet):
    process, address = attach(radio.listening[0])
    peer = meet(address, name="bench dummy", address_type="random")
    joined(peer)
    peer.close()
    joined(peer)
    replaced(process, attach, radio, address)
    with pytest.raises(TargetError, match="name 'ward 7', the bench wants 'bench dummy'"):
        joined(peer)
    assert not peer.connected


def test_a_device_that_a_case_has_renamed_is_known_by_its_serial_number(radio, attach, meet):
    process, address = attach(radio.listening[0])
    peer = meet(address, name="bench dummy", serial="0042")
    joined(peer)
    replaced(process, attach, radio, address)
    joined(peer)
    assert peer.connected


def bench(folder, radio, address, name):
    path = folder / "bench.toml"
    path.write_text(
        f'[target]\nkind = "external"\nname = "dummy"\narmed = true\n[radio]\ncontrol = "{radio._control}"\n'
        f'[identity]\nname = "{name}"\n[interfaces.att]\ntransport = "ble:{address}?layer=att"\nprotocol = "att"\n'
    )
    return path


def test_a_run_on_another_device_ends_with_3_before_its_first_case(radio, attach, tmp_path):
    _process, address = attach(radio.listening[0], "F0:F1:F2:F3:F4:F5", "random", "ward 7")
    path = bench(tmp_path, radio, address, "bench dummy")
    record, _folder = run_campaign(Options(path, "b", seconds=5.0, out=tmp_path / "run"))
    assert (record.exit_code, record.cases) == (3, 0)
    assert "name 'ward 7', the bench wants 'bench dummy'" in record.bench_faults[0]


def test_a_device_that_is_another_one_in_the_middle_of_a_run_ends_it_with_3(radio, attach, tmp_path):
    process, address = attach(radio.listening[0])
    assembly = assemble(bench(tmp_path, radio, address, "bench dummy"), seed=0)
    assembly.runner.start()
    executor = assembly.runner.interfaces["att"].executor
    assert executor.probe() is not None
    replaced(process, attach, radio, address)
    ladder = assembly.runner.interfaces["att"].ladder
    with pytest.raises(TargetError, match="name 'ward 7'") as refused:
        for _ in range(3):
            ladder.climb(closed=False, broken=False, patience=5.0)
    assert refused.value.exit_code == 3
    assembly.runner.stop()
