"""A map of counters that a program raises while we look: where it lies, and what it showed since the last look."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys

AFL_BYTES, PYTHON_BYTES = 1 << 23, 1 << 16
"""As large as AFL++ has it for any program that asks for no more; Python's hook takes what it is given."""
_PIECE = 1 << 16
_NONE = bytes(_PIECE)
_LOOK_AHEAD_EVERY = 256
_IPC_PRIVATE, _IPC_CREAT, _IPC_RMID = 0, 0o1000, 0
_FAILED = ctypes.c_void_p(-1).value


class Hits:
    """Counters of a byte each. The first tells that a program shares them at all, and is no edge's.

    A map is made for the largest of programs. Only as much of it is read as was ever used, in pieces of 64 KiB; now and
    then it is looked whether that has become more.
    """

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._used, self._looks = min(_PIECE, len(cells)), 0

    @property
    def shared(self) -> bool:
        """True once a program has the map, and for good."""
        return self._cells[0] != 0

    def take(self) -> bytes:
        """How often each edge was taken since the last call, as far as the map is used."""
        if self._looks % _LOOK_AHEAD_EVERY == 0:
            self._used = self._reach()
        self._looks += 1
        counted = self._cells[1 : self._used]
        hits = b"\0" + bytes(counted)
        counted[:] = bytes(len(counted))
        return hits

    def begin(self) -> None:
        """Another program is about to share the map."""
        self._cells[0] = 0
        self._looks = 0

    def _reach(self) -> int:
        for start in range(len(self._cells) - _PIECE, self._used - 1, -_PIECE):
            if bytes(self._cells[start : start + _PIECE]) != _NONE:
                return start + _PIECE
        return self._used


class Segment:
    """Shared memory of System V, as AFL++'s runtime takes it. Raises OSError where there is none.

    It is removed as soon as it is ours: the kernel keeps it as long as somebody has it, and a program gets it by its
    number nevertheless. So nothing is left, whatever ends the program or us.
    """

    def __init__(self, size: int = AFL_BYTES) -> None:
        if sys.platform != "linux":
            raise OSError("only Linux shares memory that is removed already")
        self._library = _library()
        self.id = _checked(self._library.shmget(_IPC_PRIVATE, size, _IPC_CREAT | 0o600))
        try:
            address = self._library.shmat(self.id, None, 0)
            if address == _FAILED:
                _checked(-1)
        finally:
            self._library.shmctl(self.id, _IPC_RMID, None)
        self._address: int | None = address
        self.size = size
        self.hits = Hits(memoryview((ctypes.c_ubyte * size).from_address(address)).cast("B"))

    def close(self) -> None:
        """Let go of it; idempotent. `hits` must not be used any more."""
        address, self._address = self._address, None
        if address is not None:
            self._library.shmdt(address)


class Pages:
    """Memory that a program on this machine opens as a file, at `place`; it is gone with us. Raises OSError."""

    def __init__(self, size: int = PYTHON_BYTES) -> None:
        self._descriptor = os.memfd_create("medfuzz-coverage")
        os.ftruncate(self._descriptor, size)
        self._memory = mmap.mmap(self._descriptor, size)
        self._view = memoryview(self._memory)
        self.place = f"/proc/{os.getpid()}/fd/{self._descriptor}"
        self.hits = Hits(self._view)

    def close(self) -> None:
        """Let go of it; idempotent. `hits` must not be used any more."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
    library.shmat.argtypes, library.shmat.restype = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int], ctypes.c_void_p
    library.shmdt.argtypes = [ctypes.c_void_p]
    library.shmctl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
    return library


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
