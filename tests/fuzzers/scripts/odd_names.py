import sys

from boofuzz import *

session = Session(
    target=Target(connection=TCPSocketConnection("127.0.0.1", 80)),
    index_start=1,
    index_end=500,
    session_filename="http.session",
)
order = []


def remember(target, log, session, node, edge, test_case_context):
    order.append((test_case_context.previous_message.name, node.name))
    test_case_context.session_variables["n"] = len(order)


with_body = Request(
    "POST: order, 1 [v1.1]",
    children=(
        Static("verb", "POST "),
        String("path", "/o", max_len=16),
        Static("end", "\n"),
    ),
)
s_initialize("GET status page")
s_static("GET ")
s_string("/status", max_len=16)
s_static("\n")

session.connect(s_get("GET status page"), callback=remember)
session.connect(s_get("GET status page"), with_body, remember)

index = int(sys.argv[1]) if len(sys.argv) > 1 else 100
session.fuzz_single_case(index)
print("done", session.exec_speed, session.runtime)
