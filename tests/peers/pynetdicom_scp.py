"""A DICOM server of pynetdicom: storage in several transfer syntaxes, study root find, and normalized services.

Prints its port.
"""

import sys

from pydicom import Dataset
from pydicom.uid import RLELossless
from pynetdicom import AE, DEFAULT_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import (
    BasicFilmSession,
    ModalityPerformedProcedureStep,
    SecondaryCaptureImageStorage,
    StorageCommitmentPushModel,
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


def got(event):
    """The attributes that were asked for."""
    attributes = Dataset()
    for tag in event.attribute_identifiers:
        attributes.add_new(tag, "CS", "OT")
    return 0x0000, attributes


def main():
    entity = AE(ae_title="SCP")
    entity.maximum_associations = 1000  # one that is aborted counts for half a minute
    services = (BasicFilmSession, ModalityPerformedProcedureStep, StorageCommitmentPushModel)
    for syntax in (Verification, StudyRootQueryRetrieveInformationModelFind, *services):
        entity.add_supported_context(syntax)
    entity.add_supported_context(SecondaryCaptureImageStorage, [*DEFAULT_TRANSFER_SYNTAXES, RLELossless])
    handlers = [
        (evt.EVT_C_ECHO, lambda _event: 0x0000),
        (evt.EVT_C_STORE, lambda event: 0x0000 if event.dataset is not None else 0xC000),
        (evt.EVT_C_FIND, found),
        (evt.EVT_N_CREATE, lambda event: (0x0000, event.attribute_list)),
        (evt.EVT_N_SET, lambda event: (0x0000, event.modification_list)),
        (evt.EVT_N_GET, got),
        (evt.EVT_N_ACTION, lambda event: (0x0000, event.action_information)),
        (evt.EVT_N_EVENT_REPORT, lambda event: (0x0000, event.event_information)),
        (evt.EVT_N_DELETE, lambda _event: 0x0000),
    ]
    server = entity.start_server(("127.0.0.1", int(sys.argv[1])), block=False, evt_handlers=handlers)
    print(server.socket.getsockname()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
