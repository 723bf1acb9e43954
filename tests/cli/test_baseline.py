"""Known findings from the command line: a night that fails only for what is new, expired or back again."""

import json
import shutil
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sqlalchemy as sql

from harness.cli import main as cli
from harness.known.file import read_known
from harness.store import STORE_NAME
from harness.store_schema import campaign

PUMP = Path(__file__).parents[2] / "targets" / "pump"
CASES = ("--cases", "60", "--seed", "1", "--quiet")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """A folder with a bench and a run of it, made once."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "bench.toml").write_text(f'include = "{PUMP}/bench.toml"\n[limits]\ntriage = 1\n')
    (folder / "fixed.toml").write_text(f'include = "{PUMP}/bench-fixed.toml"\n')
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["medfuzz", "run", "bench.toml", *CASES, "--out", "a"])
        cli.main()
    assert ended.value.code == 1
    return folder


@pytest.fixture
def bench(first_run, tmp_path, medfuzz):
    """That folder, and the command, in it."""
    shutil.copytree(first_run, tmp_path, dirs_exist_ok=True)
    store = sql.create_engine(f"sqlite:///{tmp_path / 'a' / STORE_NAME}")
    with store.begin() as connection:  # the run's bench is where it was copied to
        manifest = json.loads(connection.execute(sql.select(campaign.c.manifest)).scalar_one())
        manifest["bench_path"] = str(tmp_path / "bench.toml")
        connection.execute(campaign.update().values(manifest=json.dumps(manifest)))
    store.dispose()
    return medfuzz


def summary(folder):
    return json.loads(Path(folder, "summary.json").read_text())


def skipped(folder):
    root = ElementTree.parse(Path(folder, "junit.xml")).getroot()
    return [case.get("message") for case in root.iter("skipped")], int(root.get("failures"))


def changed(old, new, count=-1):
    path = Path("known.toml")
    path.write_text(path.read_text().replace(old, new, count))


def test_a_repeat_of_a_run_whose_findings_are_all_known_passes(bench):
    code, out, _ = bench("baseline", "update", "a", "--owner", "Ada", "--reason", "ticket 7", "--expires", "2999-12-31")
    found = summary("a")["findings"]
    assert code == 0
    assert len([line for line in out if line.startswith("added: ")]) == len(found) > 1
    assert out[-1] == f"{Path.cwd() / 'known.toml'}: {len(found)} known findings, {len(found)} of them new"

    code, out, _ = bench("run", "bench.toml", *CASES, "--out", "again")
    assert code == 0
    words = "known: defer, owner Ada, until 2999-12-31: ticket 7"
    assert sum(f"[{words}]" in line for line in out) == len(found)
    assert sum(line.startswith("still there: F-") for line in out) == len(found)
    assert "no new findings: all that were confirmed are known" in out
    told = summary("again")
    assert told["exit_code"] == 0
    assert {finding["status"] for finding in told["findings"]} == {"known"}
    decided = {"decision": "defer", "reason": "ticket 7", "owner": "Ada", "expires": "2999-12-31"}
    assert all(finding["decided"] == decided for finding in told["findings"])
    assert {entry["seen"] for entry in told["known"]} == {"still there"}
    messages, failures = skipped("again")
    assert (failures, sum(message.startswith(words) for message in messages)) == (0, len(found))
    page = Path("again", "report.html").read_text()
    assert '<span class="chip known">known</span>' in page
    assert f" · {words}</p>" in page
    manifest = json.loads(Path("again", "manifest.json").read_text())
    assert manifest["baseline"]["file"] == str(Path.cwd() / "known.toml")
    assert len(manifest["baseline"]["sha256"]) == 64

    before = Path("known.toml").read_bytes()
    assert bench("baseline", "update", "again")[1][-1].endswith("0 of them new")
    assert Path("known.toml").read_bytes() == before
    code, out, _ = bench("compare", "a", "again")
    assert (code, [line for line in out if line.startswith(("new", "gone", "flaky"))]) == (
        0,
        ["new: none", "gone: none", "flaky now: none"],
    )


def test_one_expired_or_back_again_fails_and_a_report_of_a_killed_run_says_the_same(bench):
    bench("baseline", "update", "a", "--decision", "fix")
    changed('owner = ""\n', 'owner = ""\nexpires = 2020-01-31\n', 1)
    code, out, _ = bench("run", "bench.toml", *CASES, "--out", "b")
    assert code == 1
    assert sum("[expired: fix, no owner, until 2020-01-31]" in line for line in out) == 1
    assert skipped("b")[1] >= 1
    changed("expires = 2020-01-31", "fixed = true")
    code, out, _ = bench("run", "bench.toml", *CASES, "--out", "c")
    assert code == 1
    assert sum("[regressed: was fixed; fix, no owner, for ever]" in line for line in out) == 1

    statuses = [finding["status"] for finding in summary("c")["findings"]]
    assert sorted(set(statuses)) == ["known", "regressed"]
    known = summary("c")["known"]
    Path("known.toml").unlink()
    store = sql.create_engine(f"sqlite:///c/{STORE_NAME}")
    with store.begin() as connection:
        connection.execute(campaign.update().values(state="running", end="{}"))
    store.dispose()
    assert bench("report", "c")[0] == 0
    told = summary("c")
    assert (told["reason"], told["exit_code"], told["known"]) == ("killed", 1, known)
    assert sorted(finding["status"] for finding in told["findings"]) == sorted(statuses)


def test_what_is_mended_is_seen_marked_and_pruned_and_its_return_fails(bench):
    bench("baseline", "update", "a")
    count = len(summary("a")["findings"])
    code, out, _ = bench("run", "fixed.toml", *CASES, "--out", "f")
    assert (code, sum(line.startswith("fixed: F-") for line in out)) == (0, count)
    code, out, _ = bench("compare", "a", "f", "--json")
    told = json.loads("\n".join(out))
    assert (code, len(told["gone"]), told["new"]) == (0, count, [])
    assert all(entry["why"].startswith("fixed: ") for entry in told["gone"])
    bench("baseline", "update", "f")
    assert [entry["fixed"] for entry in tomllib.loads(Path("known.toml").read_text())["finding"]] == [True] * count
    assert bench("run", "bench.toml", "--cases", "1", "--quiet", "--out", "g")[0] == 1
    out = bench("baseline", "update", "g")[1]
    assert sum(line.startswith("regressed: F-") for line in out) == count
    code, out, _ = bench("baseline", "prune", "f")
    assert (code, sum(line.startswith("removed: F-") for line in out)) == (0, count)
    assert read_known(Path("known.toml"))[1] == ()


def test_an_interface_or_a_reproducer_that_is_missing_is_told_and_nothing_else_happens(bench):
    bench("baseline", "update", "a")
    shutil.rmtree("known")
    code, out, _ = bench("run", "bench.toml", *CASES, "--out", "b")
    assert code == 0
    assert sum(line.startswith("not tested: F-") and "cannot be read" in line for line in out) >= 1
    assert bench("run", "bench.toml", *CASES, "--baseline", "/dev/null", "--out", "c")[0] == 1


def test_known_findings_are_listed_with_what_holds_today(bench):
    bench("baseline", "update", "a", "--owner", "Ada")
    changed('owner = "Ada"\n', 'owner = "Ada"\nexpires = 2020-01-31\n', 1)
    code, out, _ = bench("baseline", "list")
    assert code == 0
    assert out == bench("baseline", "list", ".")[1]
    assert [line.split()[1] for line in out][:2] == ["expired", "known"]
    Path("empty.toml").write_text("")
    assert bench("baseline", "list", "empty.toml")[:2] == (0, ["no known findings"])


WRONG = {
    "no such baseline": (["run", "bench.toml", "--baseline", "no.toml"], "no.toml"),
    "no such list": (["baseline", "list", "no.toml"], "no.toml"),
    "no such run": (["baseline", "update", "no"], "no"),
    "no such run to prune by": (["baseline", "prune", "no"], "no"),
    "no file to prune": (["baseline", "prune", "a"], "known.toml"),
    "a decision": (["baseline", "update", "a", "--decision", "acept"], "'accept'"),
    "a date": (["baseline", "update", "a", "--expires", "tomorrow"], "2026-12-31"),
    "a day that is not": (["baseline", "update", "a", "--expires", "2026-02-30"], "2026-02-30"),
    "no such later run": (["compare", "a", "no"], "no"),
    "no such earlier run": (["compare", "no", "a"], "no"),
    "a folder for a run": (["compare", ".", "a"], STORE_NAME),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_one_line(bench, words, said):
    code, _, err = bench(*words)
    assert (code, len(err)) == (2, 1), err
    assert said in err[0]
    assert not Path("runs").exists()


@pytest.mark.parametrize("text", ["nonsense", "[[finding]]\nbucket = 3", "\x00"])
def test_a_baseline_of_nonsense_ends_everything_before_it_begins(bench, text):
    Path("known.toml").write_text(text)
    for words in (["run", "bench.toml"], ["baseline", "list"], ["baseline", "update", "a"], ["baseline", "prune", "a"]):
        code, _, err = bench(*words)
        assert (code, len(err)) == (2, 1), err
        assert "known.toml" in err[0]
    assert Path("known.toml").read_text() == text


def test_a_bench_that_comes_with_medfuzz_gets_no_file_beside_it(bench):
    store = sql.create_engine(f"sqlite:///a/{STORE_NAME}")
    with store.begin() as connection:
        manifest = json.loads(connection.execute(sql.select(campaign.c.manifest)).scalar_one()) | {"bench_path": "pump"}
        connection.execute(campaign.update().values(manifest=json.dumps(manifest)))
    store.dispose()
    code, _, err = bench("baseline", "update", "a")
    assert (code, "--file" in err[0]) == (2, True)
    assert bench("baseline", "update", "a", "--file", "deep/known.toml")[0] == 0
    assert len(read_known(Path("deep/known.toml"))[1]) == len(list(Path("deep/known").iterdir())) > 1


def test_another_seed_is_compared_by_bucket(bench):
    assert bench("run", "bench.toml", "--cases", "60", "--seed", "2", "--quiet", "--out", "b")[0] == 1
    code, out, _ = bench("compare", "a", "b", "--json")
    told = json.loads("\n".join(out))
    heads = [[f for f in summary(run)["findings"] if f["confirmed"] and not f["same_as"]] for run in ("a", "b")]
    before, after = ({f["bucket"] for f in found} for found in heads)
    assert {f["bucket"] for f in told["new"]} == after - before
    assert {f["bucket"] for f in told["still_there"]} == before & after
    assert {f["bucket"] for f in told["gone"]} | {f["bucket"] for f in told["flaky_now"]} == before - after
    assert code == (1 if told["new"] else 0)
