from boofuzz import *


def messages():
    s_initialize("Login")
    s_static("LOGIN ")
    s_string("nurse", max_len=20)
    s_static("\n")
    s_initialize("Upload")
    s_static("UPLOAD ")
    s_string("plan", max_len=20)
    s_static("\n")


def control():
    session = Session(target=Target(connection=TCPSocketConnection("127.0.0.1", 5001)))
    session.connect(s_get("Login"))
    session.fuzz()


def data():
    session = Session(target=Target(connection=TCPSocketConnection("127.0.0.1", 5002)))
    session.connect(s_get("Upload"))
    session.fuzz()


messages()
control()
data()
