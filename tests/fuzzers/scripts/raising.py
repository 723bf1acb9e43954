from boofuzz import *


def look(target, fuzz_data_logger, session, sock):
    number = int(session.last_recv.split(b":")[1])
    fuzz_data_logger.log_info(str(number))


session = Session(target=Target(connection=TCPSocketConnection("127.0.0.1", 1)), post_test_case_callbacks=[look])
s_initialize("ask")
s_static("ASK ")
s_string("a", max_len=10)
s_static("\n")
session.connect(s_get("ask"))
session.fuzz()
