"""The client of python-hl7 as a device that sends a result now and then: `python_hl7_sender.py HOST PORT SECONDS`."""

import contextlib
import sys
import time

from hl7.client import MLLPClient

ORU = (
    "MSH|^~\\&|ANALYSER|LAB|LIS|HOSPITAL|20260101120000||ORU^R01|{id:08}|P|2.5\rPID|1||PAT-0001\r"
    "OBR|1||R17|718-7\rOBX|1|NM|718-7^Hemoglobin||13.2|g/dL|||||F\r"
)


def main(host, port, seconds):
    number = 0
    while True:
        with contextlib.suppress(OSError), MLLPClient(host, int(port)) as client:
            while client.send_message(ORU.format(id=number)):
                number += 1
                time.sleep(float(seconds))
        time.sleep(float(seconds))


main(*sys.argv[1:])
