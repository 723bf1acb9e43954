"""A device that greets and wants a login on every connection."""

from boofuzz import *

BANNER = b"220 ready\n"


def login(target, fuzz_data_logger, session, sock):
    banner = sock.recv(1024)
    if banner != BANNER:
        fuzz_data_logger.log_fail("banner is %r" % banner)
    sock.send(b"LOGIN 4711\n")
    answer = sock.recv(3)
    rest = sock.recv(1024)
    if answer + rest != b"OK LOGIN\n":
        fuzz_data_logger.log_fail("login: %r" % (answer + rest))


def main():
    session = Session(
        target=Target(connection=TCPSocketConnection("127.0.0.1", 7)),
        pre_send_callbacks=[login],
        ignore_connection_reset=True,
    )
    s_initialize("temperature")
    s_static("TEMP ")
    s_string("36.6", name="value", max_len=32)
    s_static("\n")
    session.connect(s_get("temperature"))
    session.fuzz()


main()
