"""`pytest --bench`: fixtures that talk to a device, and known findings as tests, as somebody's own suite sees them."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import harness.handover.known_items
from harness.assembly.assemble import assemble
from harness.assembly.benches import find_bench
from harness.document import read_document

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PUMP = ROOT / "targets" / "pump"
CRASH = PUMP / "controls" / "crash.json"
BUCKET = read_document(CRASH).finding.bucket
SHOWN = f"known.toml::F-{BUCKET[:8]}*"
NODE = f"F-{BUCKET[:8]}[order]"
PLUGIN = "harness.handover.pytest_bench"
PLUGINS = [word for name in (PLUGIN, "no:cacheprovider", "no:xdist", "no:hypothesispytest") for word in ("-p", name)]


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """Else each session below, which forgets what it has loaded, loads it all anew."""
    assert harness.handover.known_items
    return assemble(find_bench("pump-fixed"), seed=0)


@pytest.fixture
def suite(pytester):
    """A folder with benches of both pumps; runs pytest there."""
    for name, bench in (("bench", "bench"), ("fixed", "bench-fixed")):
        (pytester.path / f"{name}.toml").write_text(f'include = "{PUMP / bench}.toml"\n')

    def run(*words):
        return pytester.runpytest_inprocess(*PLUGINS, "-ra", *words)

    run.path = pytester.path
    return run


def known(suite, *lines, name="known.toml", bucket=BUCKET, reproducer=str(CRASH)):
    with (suite.path / name).open("a") as file:
        file.write("\n".join(["# ours", "[[finding]]", f'bucket = "{bucket}"', f'reproducer = "{reproducer}"', *lines]))
        file.write("\n")


def test_without_a_bench_nothing_happens_and_nothing_is_loaded(pytester):
    (pytester.path / "known.toml").write_text("[[finding]]\n")
    pytester.makepyfile(
        "def test_one(): import sys; assert not {'scapy', 'pydantic', 'harness.bench'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", PLUGIN],
        cwd=pytester.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_the_package_tells_pytest_of_it_by_the_name_of_its_module():
    """So that `-p` with the module's name, which a checkout needs, does not load it a second time."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert told == {PLUGIN: PLUGIN}
    assert EntryPoint(PLUGIN, told[PLUGIN], "pytest11").load().__name__ == PLUGIN


def test_fixtures_without_a_bench_are_skipped_and_say_how_to_give_one(suite, pytester):
    pytester.makepyfile("def test_one(link): pass\ndef test_two(target): pass\ndef test_three(bench): pass")
    ended = suite()
    ended.assert_outcomes(skipped=3)
    ended.stdout.fnmatch_lines(["*needs a bench: pytest --bench BENCH*"])


def test_a_link_sends_by_name_and_goes_to_states(suite, pytester):
    pytester.makepyfile("""
        import pytest

        @pytest.mark.interface("maintenance")
        def test_answer(link):
            assert link.ask("status").fields["uptime_ms"] > 0
            assert link.exchange.message == "status"

        @pytest.mark.interface("maintenance")
        def test_state(link, target, bench):
            link.enter("session")
            assert link.send("get_settings") is not None
            assert target.now() > 0
            assert "maintenance" in bench.interfaces
    """)
    suite("--bench", "bench.toml").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("mark", "body", "said"),
    [
        ("", "pass", "several interfaces (maintenance, network)"),
        ("@pytest.mark.interface('netwrok')", "pass", "Did you mean 'network'?"),
        ("@pytest.mark.interface('network')", "link.ask('oder')", "Did you mean 'order'?"),
        ("@pytest.mark.interface('maintenance')", "link.enter('sesion')", "Did you mean 'session'?"),
    ],
)
def test_a_misspelt_name_says_the_nearest(suite, pytester, mark, body, said):
    pytester.makepyfile(f"import pytest\n{mark}\ndef test_one(link): {body}")
    ended = suite("--bench", "bench.toml")
    assert ended.ret == pytest.ExitCode.TESTS_FAILED
    assert said in ended.stdout.str()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--bench", "pump-fixd"), "*Did you mean 'pump-fixed'?*"),
        (("--bench", "gone.toml"), "*gone.toml*"),
        (("--known", "known.toml"), "*--known needs --bench*"),
        (("--bench", "bench.toml", "--known", "gone.toml"), "*gone.toml*"),
        (("--bench", "bench.toml", "--known", "bench.toml"), "*unknown key 'include'*"),
    ],
)
def test_what_is_no_bench_is_a_usage_error(suite, words, said):
    ended = suite(*words)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines([said])


def test_a_known_finding_fails_where_it_is_seen_and_passes_where_it_is_fixed(suite):
    known(suite, 'decision = "fix"', 'owner = "Ada"')
    ended = suite("--bench", "bench.toml")
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(
        ["*1 known finding in *known.toml", f"F-{BUCKET[:8]} known: fix, owner Ada, for ever", "reproduced: 3 of 3 *"]
    )
    ended.stdout.fnmatch_lines([f"FAILED {SHOWN}"])
    suite("--bench", "fixed.toml").assert_outcomes(passed=1)


@pytest.mark.parametrize("decision", ["accept", "defer"])
def test_what_was_accepted_or_deferred_is_expected_to_fail_and_may_pass(suite, decision):
    known(suite, f'decision = "{decision}"', 'reason = "waits for the new framer"')
    ended = suite("--bench", "bench.toml")
    ended.assert_outcomes(xfailed=1)
    ended.stdout.fnmatch_lines([f"XFAIL {SHOWN}{decision}, no owner, for ever: waits for the new framer"])
    ended = suite("--bench", "fixed.toml")
    ended.assert_outcomes(xpassed=1)
    assert ended.ret == 0


@pytest.mark.parametrize("line", ["expires = 2020-01-31", "fixed = true"])
def test_a_decision_that_holds_no_more_excuses_nothing(suite, line):
    known(suite, 'decision = "accept"', line)
    suite("--bench", "bench.toml").assert_outcomes(failed=1)


def test_what_has_no_reproducer_or_no_interface_here_is_skipped_with_its_reason(suite):
    known(suite, 'decision = "fix"', bucket="0" * 16, reproducer="")
    known(suite, 'decision = "fix"')
    (suite.path / "bench.toml").write_text(
        '[target]\nkind = "external"\nname = "x"\n[interfaces.main]\nprotocol = "hl7_mllp"\n'
        'transport = "tcp:127.0.0.1:9"\n'
    )
    ended = suite("--bench", "bench.toml")
    ended.assert_outcomes(skipped=2)
    ended.stdout.fnmatch_lines(
        ["SKIPPED*known.toml: F-00000000: it has no reproducer*", "SKIPPED*known.toml:*has no interface 'network'"]
    )


def test_where_nothing_is_tested_it_is_an_error_also_of_what_is_expected_to_fail(suite):
    known(suite, 'decision = "accept"')
    known(suite, 'decision = "accept"', bucket="1" * 16, reproducer="gone.json")
    (suite.path / "bench.toml").write_text(
        '[target]\nkind = "external"\nname = "x"\n[interfaces.network]\nprotocol = "pump_hl7"\n'
        'transport = "tcp:127.0.0.1:9"\nopen_timeout = 0.2\n'
    )
    ended = suite("--bench", "bench.toml")
    ended.assert_outcomes(errors=2)
    ended.stdout.fnmatch_lines(["nothing was tested: *127.0.0.1:9*", "nothing was tested: *gone.json*"])


def test_tests_that_were_named_run_alone_and_known_findings_can_be_named(suite, pytester):
    known(suite, 'decision = "fix"')
    pytester.makepyfile(test_mine="def test_one(): pass")
    (suite.path / "deep").mkdir()
    for words, names in [
        ((), ["test_one", NODE]),
        (("test_mine.py",), ["test_one"]),
        (("test_mine.py", "--known", "known.toml"), ["test_one", NODE]),
        ((".",), [NODE, "test_one"]),
        (("deep",), [NODE]),
        (("known.toml",), [NODE]),
        ((f"known.toml::{NODE}",), [NODE]),
        (("-k", "order"), [NODE]),
    ]:
        ended = suite("--bench", "fixed.toml", "--collect-only", "-q", *words)
        found = [line.partition("::")[2] for line in ended.outlines if "::" in line]
        assert sorted(found) == sorted(names), words


def test_a_device_that_a_finding_has_killed_serves_the_next_test(suite, pytester):
    known(suite, 'decision = "fix"')
    pytester.makepyfile(
        test_mine="import pytest\n@pytest.mark.interface('network')\ndef test_one(link): assert link.ask('query')"
    )
    suite("--bench", "bench.toml").assert_outcomes(passed=1, failed=1)
