"""Stores cases and findings for ever and says each finding's id once it is stored; the tests kill it."""

import sys
from pathlib import Path

from nouns import finding

from harness.events import CaseFinished, FindingConfirmed
from harness.record import StoreWriter
from harness.store import Store
from harness.verdict import Verdict


def main():
    store = Store.create(Path(sys.argv[1]), {"campaign": "killed"})
    tell = StoreWriter(store)
    for number in range(1, 1_000_000):
        found = finding(f"{number:08x}00000000", case_number=number, reproduced=3)
        tell(CaseFinished(number, found.case, found.transcript, Verdict.FINDING, number / 1000, number))
        if number % 3 == 0:
            tell(FindingConfirmed(found))
            sys.stdout.write(f"{found.id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
