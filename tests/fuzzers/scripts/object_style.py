"""Object style: Requests with children, a size and a checksum, loggers, a CSV file and a web port."""

import io

from boofuzz import (
    Block,
    Byte,
    Bytes,
    Checksum,
    FuzzLogger,
    FuzzLoggerCsv,
    FuzzLoggerText,
    Request,
    Session,
    Size,
    Static,
    String,
    Target,
    TCPSocketConnection,
)

KEYWORD = {"fuzzable": False}


def framed(name, verb, *fields):
    body = Block("body", children=(Static("verb", verb), *fields))
    return Request(
        name,
        children=(
            Size("length", "body", length=2, output_format="ascii", **KEYWORD),
            body,
            Checksum("sum", "body", algorithm="crc32", **KEYWORD),
            Static("end", b"\n"),
        ),
    )


class Fuzzer:
    def __init__(self):
        connection = TCPSocketConnection("127.0.0.1", 9000, send_timeout=1.0, recv_timeout=1.0)
        loggers = [FuzzLoggerText(file_handle=io.StringIO()), FuzzLoggerCsv(file_handle=io.StringIO())]
        self.session = Session(
            target=Target(connection=connection),
            fuzz_loggers=loggers,
            web_port=26000,
            keep_web_open=False,
            crash_threshold_element=10,
            reuse_target_connection=True,
        )
        self.log = FuzzLogger(fuzz_loggers=loggers)

    def run(self):
        hello = framed("hello", b"HELLO ", String("name", "bed-7", max_len=40))
        dose = framed("dose", b"DOSE ", Byte("code", 49, output_format="ascii"), Bytes("rest", b"0", max_len=8))
        self.session.connect(hello)
        self.session.connect(hello, dose)
        self.session.fuzz(max_depth=1)


Fuzzer().run()
