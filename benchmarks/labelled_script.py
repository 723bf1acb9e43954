"""The labelled device's text in a script for boofuzz, as its user would have it; `--raise`: its callback fails."""

from __future__ import annotations

import sys
from typing import Any

from boofuzz import Session, Target, TCPSocketConnection, s_get, s_initialize, s_static, s_string


def look(target: Any, fuzz_data_logger: Any, session: Any, sock: Any, *_: Any, **__: Any) -> None:
    """Looks at the last answer, as if each had a second word."""
    if "--raise" in sys.argv:
        fuzz_data_logger.log_info(session.last_recv.split()[9])


def main() -> None:
    """Three messages."""
    session = Session(target=Target(connection=TCPSocketConnection("127.0.0.1", 4000)), post_test_case_callbacks=[look])
    s_initialize("status")
    s_static(b"S\r\n")
    for name, letter, value in (("set_name", b"N ", "ward 3"), ("set_rate", b"R ", "120")):
        s_initialize(name)
        s_static(letter)
        s_string(value, max_len=40)
        s_static(b"\r\n")
    for name in ("status", "set_name", "set_rate"):
        session.connect(s_get(name))
    session.fuzz()


if __name__ == "__main__":
    main()
