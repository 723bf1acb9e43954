"""How much of the engine its tests hold: `make mutants` runs mutmut over the modules that [tool.mutmut] names.

A mutant is the engine with one small error in it. It is killed when a test fails or does not end. Of those that live,
`benchmarks/mutants.md` says why they may. Takes about ten minutes on two cores; not a part of CI.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

_FOLDER = Path("mutants")
_SURVIVED, _NOT_RUN = 0, (33, None)  # exit codes that mutmut keeps: no test failed; no test reached it


def counted(meta: Path) -> Counter[str]:
    """Mutants of one module: in all, killed, and not reached by any test."""
    codes = json.loads(meta.read_text())["exit_code_by_key"].values()
    unreached = sum(code in _NOT_RUN for code in codes)
    killed = sum(code != _SURVIVED for code in codes) - unreached
    return Counter(mutants=len(codes), killed=killed, unreached=unreached)


def line(name: str, counts: Counter[str]) -> str:
    """One row of the table."""
    share = 100 * counts["killed"] / max(1, counts["mutants"])
    return f"{name:28} {counts['mutants']:8} {counts['killed']:7} {counts['unreached']:10} {share:6.1f} %"


def report(folder: Path) -> None:
    """Print the table; `mutmut results` names those that survive, `mutmut show NAME` shows one."""
    metas = sorted(folder.rglob("*.meta"))
    modules = {str(meta.relative_to(folder).with_suffix("")): counted(meta) for meta in metas}
    print(f"{'module':28} {'mutants':>8} {'killed':>7} {'unreached':>10} {'share':>8}")
    for name, counts in modules.items():
        if counts["mutants"]:
            print(line(name, counts))
    print(line("in all", sum(modules.values(), Counter[str]())))


def main() -> int:
    """Run mutmut with the arguments given, then print the table; mutmut's own exit code."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "2", *sys.argv[1:]]
    code = subprocess.run(command, check=False).returncode
    report(_FOLDER)
    return code


if __name__ == "__main__":
    sys.exit(main())
