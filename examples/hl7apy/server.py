"""An MLLP server of hl7apy on a port of this machine, one message a connection: `python3 server.py PORT`."""

import re
import sys

from hl7apy.mllp import AbstractErrorHandler, AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

EVENTS = ("A01", "A02", "A03", "A04", "A05", "A08", "A11", "A28", "A31", "A40")
ORDERS = ("ORM^O01", "OMP^O09", "RDE^O11", "RGV^O15", "RAS^O17")
TYPES = (*(f"ADT^{event}" for event in EVENTS), *ORDERS, "ORU^R01", "QRY^R02", "QBP^Q11", "SIU^S12", "MDM^T02")


def acknowledgement(code, identifier):
    """A message of two segments in its block."""
    return f"\x0bMSH|^~\\&|RECEIVER|HOSPITAL|GATEWAY|HOSPITAL|||ACK|1|P|2.5\rMSA|{code}|{identifier}\r\x1c\r"


class Accepts(AbstractHandler):
    """Parses a message and acknowledges it with its own control id."""

    def reply(self):
        return acknowledgement("AA", parse_message(self.incoming_message).msh.msh_10.to_er7())


class Refuses(AbstractErrorHandler):
    """Rejects what raised an exception, by its control id as far as there is one."""

    def reply(self):
        print("refused:", type(self.exc).__name__, flush=True)
        found = re.match(r"MSH\|(?:[^|\r]*\|){8}([^|\r]*)", self.incoming_message)
        return acknowledgement("AE", found[1] if found else "")


handlers = dict.fromkeys(TYPES, (Accepts,)) | {"ERR": (Refuses,)}
MLLPServer("127.0.0.1", int(sys.argv[1]), handlers).serve_forever()
