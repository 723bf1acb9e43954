"""Datagrams and TLS: what carries them, and what they say of a peer that is gone, strange or hostile."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.bench import load_bench
from harness.errors import LinkClosed, LinkError, UsageError
from harness.handover.places import Gone, place_at
from harness.transports import tls, transport, udp

CARRIERS = (tls, udp)


def said(link, data, seconds=5.0):
    link.send(data, link.now() + 20.0)
    return link.receive(link.now() + seconds)


def first(moniker):
    """What answers `a` on a link of its own."""
    with contextlib.closing(transport(moniker, None).open(5.0)) as link:
        return said(link, b"a")


# -- datagrams ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def datagrams():
    """A peer that answers each datagram in capitals; its moniker."""
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind(("127.0.0.1", 0))

    def serve():
        data = b""
        while data != b"stop":
            data, sender = peer.recvfrom(65535)
            peer.sendto(data.upper(), sender)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"udp:127.0.0.1:{peer.getsockname()[1]}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.sendto(b"stop", peer.getsockname())
    thread.join(5)
    peer.close()


def test_each_datagram_is_a_message_and_an_answer(datagrams):
    link = transport(datagrams, None).open(1.0)
    assert said(link, b"a") == b"A"
    for data in (b"one", b"two"):
        link.send(data, link.now() + 20.0)
    assert [link.receive(link.now() + 5.0) for _ in range(2)] == [b"ONE", b"TWO"]
    assert said(link, bytes(9000)) == bytes(9000)
    began = time.monotonic()
    assert said(link, b"", 0.1) == b""
    assert time.monotonic() - began < 5.0
    link.close()
    link.close()


def test_a_port_on_which_nothing_listens_any_more_is_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        moniker = f"udp:127.0.0.1:{free.getsockname()[1]}"
    link = transport(moniker, None).open(1.0)
    with pytest.raises(LinkClosed, match="nothing listens there"):
        said(link, b"a")
    link.close()


def test_what_no_datagram_holds_is_an_error_of_the_link(datagrams):
    link = transport(datagrams, None).open(1.0)
    with pytest.raises(LinkError, match="too long"):
        link.send(bytes(70_000), link.now() + 20.0)
    link.close()


@pytest.mark.parametrize(
    "moniker", ["udp:127.0.0.1", "udp:127.0.0.1:0", "udp:127.0.0.1:70000", "udp:127.0.0.1:1?echo=on"]
)
def test_what_is_no_place_is_refused(moniker):
    with pytest.raises(UsageError):
        transport(moniker, None)


def test_a_host_that_there_is_not_is_told():
    with pytest.raises(LinkError, match="Check the address"):
        transport("udp:no.such.host.invalid:9", None).open(1.0)


# -- TLS ---------------------------------------------------------------------------------------------------------------


def certificate(folder, name, issuer=None):
    """A certificate and its key as PEM files, made out to 127.0.0.1, its own issuer unless one is given."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signer, by = issuer or (key, subject)
    made = (
        x509.CertificateBuilder(by, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / f"{name}.key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    return key, subject


@pytest.fixture
def server(tmp_path):
    """Starts a TLS peer that answers in capitals and hangs up at `end`, and may ask for a certificate; its place."""
    certificate(tmp_path, "device")
    certificate(tmp_path, "ours")
    sockets = []

    def started(*, asks=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "device.pem", tmp_path / "device.key")
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(tmp_path / "ours.pem")
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def serve():
            while True:
                try:
                    accepted, _address = listener.accept()
                    with accepted, context.wrap_socket(accepted, server_side=True) as stream:
                        while (data := stream.recv(70_000)) not in (b"", b"end"):
                            stream.sendall(data.upper())
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield started
    for listener in sockets:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_what_is_inside_of_tls_is_talked_to(server, tmp_path):
    link = transport(f"tls:{server()}?ca={tmp_path}/device.pem", None).open(5.0)
    assert said(link, b"abc") == b"ABC"
    got, large = b"", b"x" * 60_000
    link.send(large, link.now() + 5.0)
    while len(got) < len(large):
        got += link.receive(link.now() + 5.0)
    began = link.now()
    assert link.receive(began + 0.1) == b""
    assert link.now() - began < 5.0
    link.send(b"end", link.now() + 20.0)
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 5.0)
    link.close()


def test_a_device_that_nobody_vouches_for_is_refused_unless_the_bench_says_so(server):
    place = server()
    with pytest.raises(LinkError, match="certificate is not taken"):
        transport(f"tls:{place}", None).open(5.0)
    assert first(f"tls:{place}?verify=off") == b"A"


def test_one_that_is_made_out_to_another_name_is_refused(server, tmp_path):
    place = server()
    with pytest.raises(LinkError, match="certificate is not taken"):
        transport(f"tls:{place}?ca={tmp_path}/device.pem&name=pump.example", None).open(5.0)


def test_a_device_that_wants_our_certificate_is_given_it(server, tmp_path):
    place = server(asks=True)
    ours = f"ca={tmp_path}/device.pem&cert={tmp_path}/ours.pem&key={tmp_path}/ours.key"
    assert first(f"tls:{place}?{ours}") == b"A"
    with pytest.raises(LinkClosed):  # a TLS 1.3 client hears of it behind the handshake
        first(f"tls:{place}?ca={tmp_path}/device.pem")


def test_a_peer_that_speaks_no_tls_or_nothing_at_all_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = transport(f"tls:127.0.0.1:{listener.getsockname()[1]}?verify=off", None)
        began = time.monotonic()
        with pytest.raises(LinkError, match="no TLS"):
            place.open(0.3)
        assert time.monotonic() - began < 30.0
    with pytest.raises(LinkError, match="listening there"):
        place.open(0.3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("ca=/no/such.pem", "are PEM files"),
        ("cert=/no/such.pem", "are PEM files"),
        ("verify=no", "on or off"),
        ("insecure=on", "unknown option"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        transport(f"tls:127.0.0.1:1?{options}", None)


def test_the_files_of_a_bench_lie_beside_it(tmp_path):
    (tmp_path / "bench.toml").write_text(
        '[target]\nkind = "external"\nname = "x"\n[interfaces.main]\n'
        'transport = "tls:127.0.0.1:1?ca=ca.pem&verify=off"\nprotocol = "hl7_mllp"\n'
    )
    moniker = load_bench(tmp_path / "bench.toml").interfaces["main"].transport
    assert moniker == f"tls:127.0.0.1:1?ca={tmp_path.resolve()}/ca.pem&verify=off"


def test_an_exported_script_reaches_both_too(server, datagrams, tmp_path):
    for moniker in (datagrams, f"tls:{server()}?ca={tmp_path}/device.pem"):
        place = place_at(moniker)
        place.open()
        place.send(b"abc" * 10_000)
        got, deadline = b"", time.monotonic() + 5.0
        while len(got) < 30_000 and time.monotonic() < deadline:
            got += place.receive(deadline)
        assert got == b"ABC" * 10_000
        assert place.receive(time.monotonic() + 0.05) == b""
        place.close()
    with pytest.raises(Gone, match="no connection"):
        place_at(f"tls:{server()}").open()
