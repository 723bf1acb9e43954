"""What finds the planted faults, and after how many cases? `make bench-guided`; `python -m benchmarks.guided BENCH …`.

One campaign for each contender and seed, without making reproducers smaller. A fault's figure is the case that found
it, campaigns that did not find it counted as never. What was run once is kept in `--out` and not run again there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import guided_plot
from benchmarks.guided_table import Run, Runs, markdown, reach
from benchmarks.others import environment
from benchmarks.paired import HERE

_USUAL = ("enumerate", "sequence")
_GUIDED = (*_USUAL, "guided")
_FEEDBACKS = ("operands", "edges", "replies", "margins", "words")


@dataclass(frozen=True, slots=True)
class Contender:
    """Fuzzers by name, and on which interface ("": all); `cases` in the place of what the others get."""

    fuzzers: Sequence[str]
    interface: str = ""
    cases: int = 0

    @property
    def words(self) -> list[str]:
        """As options of `run`."""
        chosen = ["--interface", self.interface] if self.interface else []
        return chosen + [word for fuzzer in self.fuzzers for word in ("--fuzzer", fuzzer)]


CONTENDERS: Mapping[str, Contender] = {
    "guided": Contender(_GUIDED),
    "unguided": Contender(_USUAL),
    "enumerate": Contender(("enumerate",)),
    "random": Contender(("random",)),
    "pairs": Contender((*_USUAL, "pairs")),
    **{f"without {one}": Contender(_GUIDED) for one in _FEEDBACKS},
    # what boofuzz, tuned, sends in an hour: `python -m benchmarks.boofuzz_served`
    "boofuzz network": Contender(("boofuzz",), "network", 135_000),
    "boofuzz maintenance": Contender(("boofuzz",), "maintenance", 57_000),
}
# a file of ours besides the devices' own, and what of it stands in the campaign's own folder
_PLACED = {"pump_pty": '[interfaces.maintenance]\ntransport = "serial:pump.tty?baudrate=115200"\n'}
_ASKED_FOR = {name for name in CONTENDERS if name.startswith("boofuzz") or name == "pairs"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is compared: a bench (with firmware of one's own), for so many cases or seconds, and where results stay."""

    bench: str
    elf: str
    limit: Sequence[str]
    out: Path

    def command(self, name: str, seed: int, folder: Path) -> list[str]:
        """The campaign of a contender, in a folder of its own."""
        elf = f'[target]\nelf = "{Path(self.elf).resolve()}"\n' if self.elf else ""
        file = folder / "bench.toml"
        own = HERE / "benchmarks" / f"{self.bench}.toml"
        included = own if self.bench in _PLACED else HERE / "targets" / self.bench / "bench.toml"
        placed = _PLACED.get(self.bench, "")
        file.write_text(f'include = "{included}"\n{elf}{placed}[limits]\ntriage = 0\n')
        words = [sys.executable, "-m", "benchmarks.guided_run", name, "run", str(file), *self.limit_of(name)]
        return [*words, "--seed", str(seed), "--out", f"{folder}/run", "--quiet", *CONTENDERS[name].words]

    def limit_of(self, name: str) -> list[str]:
        """How long a contender's campaigns are."""
        cases = CONTENDERS[name].cases
        return ["--cases", str(cases)] if cases else list(self.limit)

    def run(self, name: str, seed: int) -> Run:
        """What the campaign found, from the file where it was run before."""
        bench = f"{self.bench}-{Path(self.elf).parent.name}" if self.elf else self.bench
        kept = self.out / bench / name / f"{seed}.json"
        if kept.exists() and (run := json.loads(kept.read_text()))["limit"] == self.limit_of(name):
            return run
        with tempfile.TemporaryDirectory(prefix="medfuzz-guided-") as folder:
            quiet, env = subprocess.DEVNULL, environment(HERE)
            subprocess.run(self.command(name, seed, Path(folder)), cwd=HERE, env=env, stdout=quiet, check=False)
            summary = json.loads(Path(folder, "run", "summary.json").read_text())
        run = told(summary) | {"limit": self.limit_of(name)}
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(run))
        return run


def told(summary: Mapping[str, object]) -> Run:
    """Cases, seconds, and where each planted fault was found first: (case, seconds)."""
    found: dict[str, tuple[int, float]] = {}
    for one in summary["findings"]:  # pyright: ignore[reportGeneralTypeIssues]
        if one["confirmed"] and one["fault"]:
            place = (one["case"], one["found_after"])
            found[one["fault"]] = min(found.get(one["fault"], place), place)
    return {"cases": summary["cases"], "seconds": summary["seconds"], "found": found}


def main() -> int:
    """Prints a table and draws a plot; exit code 1 where guidance finds fewer faults than without."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", nargs="?", default="pump")
    parser.add_argument("--elf", default="", help="firmware with its constants moved, of that bench")
    parser.add_argument("--cases", type=int, default=8000)
    parser.add_argument("--time", default="", help="for each campaign, like 120s, in the place of --cases")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=list(CONTENDERS))
    parser.add_argument("--jobs", type=int, default=1, help="campaigns at once")
    parser.add_argument("--out", type=Path, default=HERE / "build" / "guided")
    parser.add_argument("--plot", default="", help="its file's name, without the ending (default: the bench's)")
    given = parser.parse_args()
    limit = ("--time", given.time) if given.time else ("--cases", str(given.cases))
    wish = Wish(given.bench, given.elf, limit, given.out)
    names = given.only or [name for name in CONTENDERS if name not in _ASKED_FOR]
    found = campaigns(wish, names, given.seeds, given.jobs)
    print(markdown(found, " ".join(limit)), flush=True)
    guided_plot.draw(found, given.out / f"{given.plot or given.bench}.png", timed=bool(given.time))
    return 0 if reach(found.get("guided", ())) >= reach(found.get("unguided", ())) else 1


def campaigns(wish: Wish, names: Sequence[str], seeds: int, jobs: int) -> Mapping[str, Runs]:
    """All of them, seed by seed, so that a machine that is busy for a while is so for all contenders."""
    order = [(name, seed) for seed in range(seeds) for name in names]
    with ThreadPoolExecutor(jobs) as pool:
        made = dict(zip(order, pool.map(partial(_one, wish), order), strict=True))
    return {name: [made[name, seed] for seed in range(seeds)] for name in names}


def _one(wish: Wish, which: tuple[str, int]) -> Run:
    run = wish.run(*which)
    print(f"{which[0]}, seed {which[1]}: {len(run['found'])} faults in {run['cases']:,} cases", file=sys.stderr)
    return run


if __name__ == "__main__":
    sys.exit(main())
