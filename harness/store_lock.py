"""One campaign writes one store: a lock that its process holds, and that ends with it however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from harness.errors import BenchError
from harness.files import PRIVATE_FILE


class Lock:
    """Held from `of` to `release`. The file beside the store stays: whoever removes it lets two in."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def of(cls, store: Path) -> Lock | None:
        """The lock of a store, None where another campaign has it; raises BenchError from the disk."""
        path = store.with_suffix(".lock")
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError as error:
            raise BenchError(f"cannot write {path}: {error.strerror}. Check that the folder is writable") from error
        try:
            os.fchmod(descriptor, PRIVATE_FILE)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:  # a file system without locks: the first writer's transactions still keep the store whole
            pass
        return cls(descriptor)

    def release(self) -> None:
        """Let others have it; idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        with contextlib.suppress(OSError):
            os.close(descriptor)
