"""The house: imports run one way, and the wheel works alone in a bare environment."""

import ast
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE = {"harness"}
WIRED = ENGINE | {"protocols", "fuzzers", "targets"}
ALLOWED = {
    "harness": ENGINE,
    "harness/assembly": WIRED | {"harness/assembly"},
    "harness/discovery": ENGINE | {"protocols", "harness/assembly", "harness/discovery"},
    "harness/campaigns": ENGINE | {"harness/assembly", "harness/campaigns", "reports"},
    "harness/handover": ENGINE | {"protocols", "harness/assembly", "harness/campaigns", "harness/handover", "reports"},
    "harness/cli": WIRED
    | {f"harness/{name}" for name in ("assembly", "discovery", "campaigns", "handover", "cli")}
    | {"reports", "targets/serving"},
    "protocols": ENGINE | {"protocols"},
    "fuzzers": ENGINE | {"protocols", "fuzzers"},
    "targets": ENGINE | {"protocols", "targets"},
    "targets/serving": ENGINE | {"targets", "targets/serving"},
    "targets/insulin": ENGINE | {"protocols", "targets", "targets/serving", "targets/insulin"},
    "targets/glucometer": ENGINE | {"protocols", "targets", "targets/serving", "targets/glucometer"},
    "reports": ENGINE | {"reports"},
}
TOPS = [name for name in ALLOWED if "/" not in name]


def room(place):
    """The innermost room of a path, or of a module, that is written with slashes; "" for what is not ours."""
    return max((name for name in ALLOWED if f"{place}/".startswith(f"{name}/")), key=len, default="")


def imported(path):
    """Modules that a file names, those that it takes from a package, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


SOURCES = [path for name in TOPS for path in sorted((ROOT / name).rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    used = {room(name.replace(".", "/")) for name in imported(path)} - {""}
    assert used <= ALLOWED[room(path.relative_to(ROOT).as_posix())]


def test_every_room_is_there():
    assert [name for name in ALLOWED if not (ROOT / name / "__init__.py").is_file()] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_structural_types_live_in_one_place():
    homes = [
        path
        for path in SOURCES
        if any(name == "typing" for name in imported(path)) and "Protocol as Interface" in path.read_text()
    ]
    assert [path.relative_to(ROOT).as_posix() for path in homes] == ["harness/interfaces.py"]


@pytest.mark.slow
def test_the_wheel_works_alone_from_another_folder(tmp_path):
    """A bare environment sees the wheel and the dependencies, and nothing of the checkout."""

    def run(*command):
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        return done.returncode, done.stdout + done.stderr

    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    assert run(*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT))[0] == 0
    assert run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare"))[0] == 0
    python = tmp_path / "bare" / "bin" / "python"
    site = next((tmp_path / "bare").glob("lib/python*/site-packages"))
    (wheel,) = tmp_path.glob("medfuzz-*.whl")
    assert run(*pip, "install", "--no-deps", "--target", str(site), str(wheel))[0] == 0
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (tmp_path / "which.py").write_text("import harness, targets; print(harness.__file__)")
    code, output = run(str(python), "which.py")
    assert (code, str(site) in output) == (0, True)
    code, output = run(
        str(python), "-m", "harness.cli.main", "run", "pump-fixed", "--cases", "5", "--quiet", "--out", "run"
    )
    assert code == 0, output
    assert (tmp_path / "run" / "report.html").exists()
    (tmp_path / "test_own.py").write_text("def test_own(bench): assert bench.interfaces")
    code, output = run(str(python), "-m", "pytest", "-W", "error", "--bench", "pump-fixed", "test_own.py")
    assert (code, "medfuzz: bench " in output) == (0, True), output
