"""Commands run in this process, in an empty folder."""

from pathlib import Path

import pytest

from harness.cli import main as cli

PUMP = Path(__file__).parents[2] / "targets" / "pump"


@pytest.fixture(scope="session")
def hasty_pump(tmp_path_factory):
    """A bench of the pump in whose runs findings have a second to become smaller."""
    path = tmp_path_factory.mktemp("hasty") / "pump.toml"
    path.write_text(f'include = "{PUMP}/bench.toml"\n[limits]\ntriage = 1\n')
    return path


@pytest.fixture
def medfuzz(monkeypatch, capsys, tmp_path):
    """Runs one command in an empty folder; (exit code, lines of output, lines of error output)."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr("sys.argv", ["medfuzz", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out.splitlines(), err.splitlines()

    return run
