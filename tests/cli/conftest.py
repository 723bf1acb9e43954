"""Commands run in this process, in an empty folder."""

import pytest

from harness.cli import main as cli


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
