#!/usr/bin/env python3
"""Challenge and response before each order, on the edge."""

import zlib

from boofuzz import *

HOST, PORT = "127.0.0.1", 1


def prove(target, fuzz_data_logger, session, node, edge, *args, **kwargs):
    context = kwargs["test_case_context"]
    assert session.last_recv == b"OK HELLO\n", session.last_recv
    assert context.previous_message.name == "hello", context.previous_message
    assert context.current_message is node
    target.send(b"CHALLENGE\n")
    number = target.recv(10000).split()[-1]
    target.send(b"PROVE %d\n" % zlib.crc32(number))
    if target.recv() != b"OK PROVE\n":
        fuzz_data_logger.log_fail("the proof is refused")
    context.session_variables["number"] = number


class Orders:
    def __init__(self, session):
        self.session = session

    def define(self):
        s_initialize("hello")
        s_static("HELLO ")
        s_group("who", values=["a", "b", "c"])
        s_static("\n")
        s_initialize("order")
        s_static("ORDER ")
        s_static(ProtocolSessionReference("number", b"0000"), name="number")
        s_string(" 12", name="dose", max_len=20)
        s_static("\n")

    def go(self):
        self.session.connect(s_get("hello"))
        self.session.connect(s_get("hello"), s_get("order"), callback=prove)
        self.session.fuzz()


def main():
    orders = Orders(Session(target=Target(connection=TCPSocketConnection(HOST, PORT))))
    orders.define()
    orders.go()


if __name__ == "__main__":
    main()
