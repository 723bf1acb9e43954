from boofuzz import *


def state_is_good(target, fuzz_data_logger, session, sock):
    fuzz_data_logger.log_check("state of the device")
    sock.send(b"STATE\n")
    try:
        state = sock.recv(10000)
    except exception.BoofuzzTargetConnectionReset:
        fuzz_data_logger.log_fail("no state")
        return
    if not state.startswith(b"OK STATE good"):
        fuzz_data_logger.log_fail("the state is " + state.decode("ascii", "replace").strip())
    sock.close()


connection = TCPSocketConnection("127.0.0.1", 8888)
session = Session(target=Target(connection=connection, max_recv_bytes=64))
session.register_post_test_case_callback(state_is_good)
s_initialize("note")
s_static(b"NOTE ")
s_string("hi", name="text", max_len=30)
s_static(b"\n")
session.connect(s_get("note"))
session.fuzz(name="note")
