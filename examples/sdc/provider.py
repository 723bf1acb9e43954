"""An SDC provider of sdc11073 on a port of this machine: `python3 provider.py PORT [CHUNK_SIZE [reference]]`.

Without TLS, and without discovery: nothing goes out to the network. With `reference`, a subscription is named by a
reference parameter, else by its path.
"""

import decimal
import logging
import sys
import threading
from pathlib import Path

from sdc11073.definitions_sdc import SdcV1Definitions
from sdc11073.httpserver.httprequesthandler import DispatchingRequestHandler
from sdc11073.httpserver.httpserverimpl import HttpServerThreadBase, _ThreadingHTTPServer
from sdc11073.mdib import ProviderMdib
from sdc11073.provider import RoleProviderComponents, SdcProvider, provider_components_async_factory
from sdc11073.provider.baseproduct import BaseProduct
from sdc11073.provider.operations import ExecuteResult
from sdc11073.provider.subscriptionmgr_async import SubscriptionsManagerReferenceParamAsync
from sdc11073.xml_types.dpws_types import ThisDeviceType, ThisModelType
from sdc11073.xml_types.msg_types import InvocationState

logging.disable()  # what it says of requests that it refuses is no fault
DispatchingRequestHandler.disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement


class NoDiscovery:
    """Nobody looks for it."""

    active_address = "127.0.0.1"

    def publish_service(self, epr, types, scopes, x_addrs):
        """Tell nobody."""

    def clear_service(self, epr):
        """Tell nobody."""


class Reusing(_ThreadingHTTPServer):
    """It can be started again at once."""

    allow_reuse_address = True


class Server(HttpServerThreadBase):
    """sdc11073's own server, on a port that is not the operating system's choice; it answers once there is a device."""

    ready = threading.Event()

    def run(self):
        place = ("127.0.0.1", int(sys.argv[1]))
        self.httpd = Reusing(self.logger, place, self.chunk_size, self.supported_encodings)
        self.started_evt.set()
        self.ready.wait()
        self.httpd.serve_forever()


class Operations:
    """Handlers for what can be set; nothing else is done by the role."""

    def __init__(self, mdib):
        self.mdib = mdib

    def make_operation_instance(self, descriptor, class_of):
        """Every operation of the MDIB."""
        return class_of(descriptor.NODETYPE)(
            descriptor.Handle, descriptor.OperationTarget, self.execute, delayed_processing=False
        )

    def execute(self, told):
        """Set the metric, where the operation has one."""
        target, value = told.operation_instance.operation_target_handle, told.operation_request.argument
        if target != "pump":
            with self.mdib.metric_state_transaction() as transaction:
                state = transaction.get_state(target)
                if state.MetricValue is None:
                    state.mk_metric_value()
                state.MetricValue.Value = decimal.Decimal(value) if target == "rate" else value
        return ExecuteResult(InvocationState.FINISHED, self.mdib.mdib_version_group, target)

    def make_missing_operations(self, sco):
        """There are none."""
        return []

    def _nothing(self, *_):
        """Stop, init_operations, on_pre_commit, on_post_commit: nothing to do."""

    stop = init_operations = on_pre_commit = on_post_commit = _nothing


class Pump(BaseProduct):
    """The one role of the one service control object."""

    def __init__(self, mdib, sco, log_prefix):
        super().__init__(mdib, sco, log_prefix)
        self._ordered_role_providers.append(Operations(mdib))


server = Server("127.0.0.1", None, [], logging.getLogger(), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
server.start()
server.started_evt.wait()
components = provider_components_async_factory()
if "reference" in sys.argv:
    components.subscriptions_manager_class["StateEvent"] = SubscriptionsManagerReferenceParamAsync
provider = SdcProvider(
    NoDiscovery(),
    ThisModelType(manufacturer="sdc11073", manufacturer_url="", model_name="Pump", model_number="1"),
    ThisDeviceType(friendly_name="Pump on a bench", firmware_version="3.0.0", serial_number="P-17"),
    ProviderMdib.from_mdib_file(Path(__file__).with_name("mdib.xml"), SdcV1Definitions),
    epr="device",
    max_subscription_duration=60,
    components=components,
    role_provider_components=RoleProviderComponents(role_provider_class=Pump),
)
provider.start_all(start_rtsample_loop=False, shared_http_server=server)
server.ready.set()
print(server.server_port, flush=True)
threading.Event().wait()
