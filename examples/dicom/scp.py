"""A DICOM server of pynetdicom on a port of this machine: `python3 scp.py PORT [ASSOCIATIONS]`."""

import sys

from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)


def stored(event):
    """Success where the data set can be read."""
    return 0x0000 if event.dataset is not None else 0xC000


def found(event):
    """The study that was asked for, whichever it was."""
    yield 0xFF00, event.identifier


entity = AE(ae_title="SCP")
if len(sys.argv) > 2:
    entity.maximum_associations = int(sys.argv[2])
for syntax in (Verification, SecondaryCaptureImageStorage, StudyRootQueryRetrieveInformationModelFind):
    entity.add_supported_context(syntax)
handlers = [(evt.EVT_C_STORE, stored), (evt.EVT_C_FIND, found)]
entity.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=handlers)
