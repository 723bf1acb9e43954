"""TLS over TCP: `tls:HOST:PORT?ca=FILE&cert=FILE&key=FILE&name=NAME&verify=off`. What is fuzzed is what is inside."""

from __future__ import annotations

import ssl

from harness.errors import LinkError, UsageError
from harness.place import TLS_FILES, connected, place_of
from harness.transports import Endpoint, transports
from harness.transports.tcp import SocketLink


class TlsLink(SocketLink):
    """What is inside of an encrypted stream."""

    waits = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
    ends = (ConnectionError, ssl.SSLZeroReturnError, ssl.SSLEOFError, ssl.SSLError)


class TlsTransport:
    """Connects to one place, and shakes hands."""

    quiet_gap = byte_seconds = 0.0

    def __init__(self, moniker: str, place: str, name: str, context: ssl.SSLContext) -> None:
        self.moniker, self._place, self._name, self._context = moniker, place, name, context

    def open(self, timeout: float) -> TlsLink:
        """Connect and shake hands within `timeout` seconds each; a peer that is not the wanted one is a LinkError."""
        try:
            stream = connected(self._place, timeout)
        except OSError as error:
            raise LinkError(
                f"{self.moniker}: {error.strerror or error}. Is the device on and listening there?"
            ) from error
        try:
            stream.settimeout(timeout)
            return TlsLink(self._context.wrap_socket(stream, server_hostname=self._name), self.moniker)
        except ssl.SSLCertVerificationError as error:
            stream.close()
            raise LinkError(
                f"{self.moniker}: the device's certificate is not taken ({error.verify_message}). Give ca=FILE, and "
                "name=NAME where it is made out to another name; verify=off takes any"
            ) from error
        except OSError as error:
            stream.close()
            raise LinkError(
                f"{self.moniker}: no TLS ({error}). Does it want a client's certificate: cert=FILE?"
            ) from error


@transports.register("tls")
def tls_transport(endpoint: Endpoint, target: object) -> TlsTransport:
    """`ca`: whom to trust, else the system's; `cert` and `key`: our own certificate; `name`: the device's in its own.

    With `verify=off` any certificate is taken. Raises UsageError.
    """
    endpoint.check(*TLS_FILES, "name", "verify")
    host, _port = place_of(f"tls:{endpoint.address}", scheme="tls")
    return TlsTransport(
        endpoint.moniker, f"tcp:{endpoint.address}", endpoint.options.get("name", host), _context(endpoint)
    )


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    ca, cert, key = (endpoint.options.get(file) for file in TLS_FILES)
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert:
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{endpoint.moniker}: {error.strerror or error}; ca, cert and key are PEM files") from error
    if not endpoint.switch("verify", default=True):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
