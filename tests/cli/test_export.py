"""`medfuzz export` and what is done with its files: played elsewhere, collected by pytest."""

import contextlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CRASH = ROOT / "targets" / "pump" / "controls" / "crash.json"
IDENTIFIER, SUMMARY = "F-e7256625", "null pointer write in check_patient (hl7_order.c:59)"


def run_pytest(folder, *words):
    """Exit code and output of pytest in a process and folder of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "harness.handover.pytest_bench", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_file_is_played_from_another_folder_on_its_bench_and_on_the_fixed_one(medfuzz, monkeypatch, tmp_path):
    code, out, err = medfuzz("export", CRASH, "--json")
    assert (code, err, out[-1]) == (0, [], f"wrote {IDENTIFIER}.json")
    assert stat.S_IMODE((tmp_path / f"{IDENTIFIER}.json").stat().st_mode) == 0o600
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, out, err = medfuzz("replay", f"../{IDENTIFIER}.json", "--times", "2")
    assert (code, out[-1], err) == (1, "reproduced: 2 of 2 (95 % interval 34-100 %)", [])
    code, out, err = medfuzz("replay", f"../{IDENTIFIER}.json", "--bench", "pump-fixed", "--times", "1")
    assert (code, out[-1], err) == (0, "fixed: 0 of 1 (95 % interval 0-79 %)", [])


def test_an_exported_test_fails_on_the_vulnerable_pump_passes_on_the_fixed_one_and_never_untested(medfuzz, tmp_path):
    code, out, _err = medfuzz("export", CRASH, "--pytest")
    assert (code, out[1:]) == (0, ["wrote test_f_e7256625.py", "wrote test_f_e7256625.json"])
    code, text = run_pytest(tmp_path)
    assert (code, "1 failed" in text, "reproduced: 3 of 3 (95 % interval 44-100 %); null pointer write" in text) == (
        1,
        True,
        True,
    )
    code, text = run_pytest(tmp_path, "--bench", "pump-fixed")
    assert (code, "1 passed" in text) == (0, True)
    code, text = run_pytest(tmp_path, "--bench", "pump-fixd")
    assert (code, "Did you mean 'pump-fixed'?" in text) == (pytest.ExitCode.USAGE_ERROR, True)
    (tmp_path / "test_f_e7256625.json").unlink()
    code, text = run_pytest(tmp_path)
    assert (code, "1 error" in text, "nothing was tested" in text) == (1, True, True)


def test_a_devices_words_do_not_become_python(medfuzz, tmp_path):
    plain = json.loads(CRASH.read_text())
    plain["finding"]["observation"]["summary"] = 'says """\nraise SystemExit(3)\n"""\\'
    (tmp_path / "odd.json").write_text(json.dumps(plain))
    assert medfuzz("export", "odd.json", "--pytest", "--out", "test_odd.py")[0] == 0
    compiled = compile((tmp_path / "test_odd.py").read_text(), "test_odd.py", "exec")
    assert "says '''" in compiled.co_consts[0]
    assert "raise SystemExit(3)" in compiled.co_consts[0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "one of --json"),
        (("--json", "--pytest"), 2, "one of --json"),
        (("--json", "--run", "runs/one"), 2, "--run"),
        (("--json", "--out", "nowhere/f.json"), 3, "--out"),
        (("--pytest", "--out", "test_f.txt"), 2, ".py"),
    ],
)
def test_what_cannot_be_written_so_is_one_line_of_error(medfuzz, tmp_path, words, code, said):
    ended, _out, err = medfuzz("export", CRASH, *words)
    assert (ended, len(err)) == (code, 1)
    assert said in err[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("export", "--json"), ("replay",)])
def test_both_commands_refuse_nonsense_files_alike(medfuzz, tmp_path, command):
    (tmp_path / "cut.json").write_text(CRASH.read_text()[:500])
    for file, said in (("cut.json", "cut off"), ("gone.json", "No such file")):
        code, _out, err = medfuzz(command[0], file, *command[1:])
        assert (code, len(err), said in err[0]) == (2, 1, True)


@contextlib.contextmanager
def served(bench, folder):
    """An emulated device of another process, on a TCP port and a serial link of its own: where, by interface."""
    link = folder / f"{bench}.tty"
    command = [sys.executable, "-m", "harness.cli.main", "emulate", bench, "--tcp", "0", "--serial", str(link)]
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    ) as one:
        try:
            lines = iter(one.stdout.readline, "")
            place = next(line for line in lines if line.startswith("network: ")).split()[1]
            next(line for line in lines if line.startswith("serving"))
            yield {"network": place, "maintenance": f"serial:{link}?baudrate=115200"}
        finally:
            one.terminate()


@pytest.fixture
def bare_python(tmp_path):
    """Runs Python with its own modules and pyserial, and nothing else: exit code and lines."""
    import serial

    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "serial").symlink_to(Path(serial.__file__).parent)

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-S", "-P", *map(str, words)],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "library")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).splitlines()

    assert run("-c", "import harness")[0] == run("-c", "import boofuzz")[0] == 1
    return run


SEEN_BY_A_SCRIPT = {
    "crash": "FAULT: the device restarted: ",
    "leak": "FAULT: the reply to echo holds patient identifier, patient name, service PIN",
    "hang": "FAULT: the ",
}


@pytest.mark.slow
def test_exported_scripts_fail_on_the_vulnerable_pump_and_pass_on_the_fixed_one(medfuzz, bare_python, tmp_path):
    interfaces = {}
    for kind in SEEN_BY_A_SCRIPT:
        plain = json.loads((CRASH.parent / f"{kind}.json").read_text())
        case = plain["finding"]["window"][-1]
        interfaces[kind] = case["interface"]
        case["state"] = "session" if kind == "hang" else "idle"  # reached without a key that somebody presses
        (tmp_path / f"{kind}.json").write_text(json.dumps(plain))
        assert medfuzz("export", f"{kind}.json", "--python", "--out", f"{kind}.py")[0] == 0
    for bench in ("pump", "pump-fixed"):
        with served(bench, tmp_path) as places:
            for kind, said in SEEN_BY_A_SCRIPT.items():
                code, lines = bare_python(f"{kind}.py", places[interfaces[kind]], "--timeout", "0.5")
                if bench == "pump":
                    assert (code, lines[-1].startswith(said)) == (1, True), lines[-3:]
                else:
                    assert (code, lines[-1]) == (0, "the probe is answered: the device serves")


def test_a_script_of_an_emulated_bench_wants_an_address(medfuzz, tmp_path):
    assert medfuzz("export", CRASH, "--python")[:2] == (
        0,
        [f"{IDENTIFIER} from {CRASH}: {SUMMARY}", "wrote f_e7256625.py"],
    )
    done = subprocess.run(
        [sys.executable, "-I", "f_e7256625.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "the following arguments are required: address" in done.stderr) == (2, True)


def test_a_bluetooth_finding_has_a_script_with_its_address_and_a_capture(medfuzz, bare_python, tmp_path):
    crash = ROOT / "targets" / "insulin" / "controls" / "crash.json"
    assert medfuzz("export", crash, "--python", "--out", "crash.py")[0] == 0
    assert medfuzz("export", crash, "--pcapng")[0] == 0
    code, lines = bare_python("crash.py")
    assert (code, lines[-1]) == (1, "ModuleNotFoundError: No module named 'bleak'")
