import sys

from boofuzz import *

port = int(sys.argv[1])
procmon = ProcessMonitor("127.0.0.1", 26002)
procmon.set_options(start_commands=[["./device", "--port", str(port)]], stop_commands=["killall device"])
procmon.set_proc_name("device")
procmon.start_target()
old = pedrpc.Client("127.0.0.1", 26002)
netmon = NetworkMonitor("127.0.0.1", 26001)


def configure(monitor):
    monitor.set_options(proc_name="device")


target = Target(
    connection=TCPSocketConnection("127.0.0.1", port),
    monitors=[procmon, netmon],
    monitor_alive=[configure],
    procmon=old,
)
session = Session(target=target, restart_sleep_time=3, crash_threshold_request=1)
s_initialize("set")
if s_block_start("line"):
    s_static("SET ")
    s_string("x", name="value", max_len=400)
s_block_end()
s_static("\n")
session.connect(s_get("set"))
session.fuzz()
