"""A DICOM server of pynetdicom: verification, secondary capture storage, study root find. Prints its port."""

import sys

from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

STUDIES = 2


def found(event):
    """Two studies, whatever is asked for."""
    for number in range(STUDIES):
        if event.is_cancelled:
            yield 0xFE00, None
            return
        identifier = event.identifier
        identifier.StudyInstanceUID = f"1.2.3.{number}"
        yield 0xFF00, identifier


def main():
    entity = AE(ae_title="SCP")
    entity.maximum_associations = 1000  # one that is aborted counts for half a minute
    for syntax in (Verification, SecondaryCaptureImageStorage, StudyRootQueryRetrieveInformationModelFind):
        entity.add_supported_context(syntax)
    handlers = [
        (evt.EVT_C_ECHO, lambda _event: 0x0000),
        (evt.EVT_C_STORE, lambda event: 0x0000 if event.dataset is not None else 0xC000),
        (evt.EVT_C_FIND, found),
    ]
    server = entity.start_server(("127.0.0.1", int(sys.argv[1])), block=False, evt_handlers=handlers)
    print(server.socket.getsockname()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
