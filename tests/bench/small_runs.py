"""What tests of resumed runs share: a run that is copied or interrupted at some event."""

import os
import shutil
import signal

from harness.campaigns.session import Audience
from harness.store import STORE_NAME


def copied(folder, to):
    """The store as a process that is gone at this moment leaves it."""
    to.mkdir()
    for path in folder.glob(f"{STORE_NAME}*"):
        shutil.copy(path, to / path.name)
    return to


class Copies:
    """Copies the store whenever an event is one of those that are `wanted`, by their number."""

    def __init__(self, folder, place, wanted):
        self.folder, self.place, self.wanted, self.count, self.made = folder, place, wanted, 0, []

    def __call__(self, event):
        self.count += 1
        if self.wanted(self.count, event):
            self.made.append(copied(self.folder, self.place / f"cut-{self.count}"))

    def audience(self):
        return Audience((self,))


def interrupting(at):
    """An audience that interrupts the run at its event number `at`."""
    count = 0

    def listen(_event):
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGINT)

    return Audience((listen,))
