"""Signing, addresses and the wire: what leaves, where it may go, and how long it may take."""

import base64
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from aftercare import https_post
from aftercare.https_post import HttpsPost, public
from aftercare.webhook import Answered, Barred, Unreached, Webhook, key_of, parts_of, signed

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the example of the standard's own libraries


def test_the_signature_is_the_one_of_the_standards_own_example():
    at = datetime.fromtimestamp(1614265330, UTC)
    webhook = signed("https://a.example/", "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [SECRET], at)
    assert webhook.headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert webhook.headers["webhook-timestamp"] == "1614265330"


def test_during_a_rotation_both_secrets_sign():
    other = f"whsec_{base64.b64encode(b'x' * 32).decode()}"
    both = signed("https://a.example/", "e1", b"{}", [other, SECRET], NOW).headers["webhook-signature"].split(" ")
    assert both[1] == signed("https://a.example/", "e1", b"{}", [SECRET], NOW).headers["webhook-signature"]
    assert both[0] != both[1] and all(one.startswith("v1,") for one in both)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64", "whsec_c2hvcnQ=", f"whsec_{'A' * 100}"]
)
def test_a_secret_of_another_form_is_refused_without_being_shown(secret):
    with pytest.raises(ValueError, match="expected whsec_") as refused:
        key_of(secret)
    assert secret.removeprefix("whsec_")[:8] not in str(refused.value) or not secret.removeprefix("whsec_")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://desk.example.com/hooks/a?b=c", ("desk.example.com", "/hooks/a?b=c")),
        ("https://Desk.Example.com", ("desk.example.com", "/")),
        ("https://desk.example.com:443/x", ("desk.example.com", "/x")),
        ("http://desk.example.com/", None),
        ("https://desk.example.com:8443/", None),
        ("https://user@desk.example.com/", None),
        ("https://user:secret@desk.example.com/", None),
        ("https://localhost/", None),
        ("https://127.0.0.1/", None),
        ("https://2130706433/", None),
        ("https://0x7f.1/", None),
        ("https://[::1]/", None),
        ("https://desk.example.com/a b", None),
        ("https://desk.example.com/a\r\nHost: evil.example", None),
        ("https://desk.example.com/a#b", None),
        ("https://desk.example.com\\@evil.example/", None),
        ("https://evil.example?.desk.example.com", None),
        ("ftp://desk.example.com/", None),
        ("https://desk.example.com/" + "a" * 2000, None),
    ],
)
def test_where_a_webhook_may_go_by_its_address(url, parts):
    assert parts_of(url) == parts


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_public(address):
    assert public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "192.0.2.1",
        "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "ff02::1",
        "2001:db8::1",
    ],
)  # fmt: skip
def test_no_address_of_a_network_of_ours_is_public_however_it_is_spelt(address):
    assert not public(address)


def never(host, address, budget):
    raise AssertionError(f"a connection to {address} was opened")


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["93.184.216.34", "169.254.169.254"], []])
def test_a_name_that_leads_inside_is_never_connected_to(addresses):
    answer = HttpsPost(lambda host: addresses, never).post(Webhook("https://desk.example.com/", {}, b"{}"))
    assert answer == Barred("its name leads to no public address")


def test_a_name_that_nobody_knows_is_tried_again_later():
    def unknown(host):
        raise socket.gaierror("unknown")

    assert HttpsPost(unknown, never).post(Webhook("https://desk.example.com/", {}, b"{}")) == Unreached("gaierror")


def test_a_resolver_that_does_not_answer_is_not_waited_for(monkeypatch):
    ends = threading.Event()
    monkeypatch.setattr(https_post, "LOOKUP", timedelta(milliseconds=20))
    monkeypatch.setattr(https_post.socket, "getaddrinfo", lambda *_, **__: ends.wait(30))
    try:
        assert HttpsPost(opened=never).post(Webhook("https://desk.example.com/", {}, b"{}")) == Unreached("TimeoutError")
    finally:
        ends.set()


def test_the_resolvers_own_answer_and_its_no_are_passed_on(monkeypatch):
    told = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:2800:220:1:248:1893:25c8:1946", 443, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443)),
    ]
    monkeypatch.setattr(https_post.socket, "getaddrinfo", lambda *_, **__: told)
    assert https_post._addresses("desk.example.com")[0] == "93.184.216.34", "a function has no route of IPv6"

    def unknown(*_, **__):
        raise socket.gaierror("unknown")

    monkeypatch.setattr(https_post.socket, "getaddrinfo", unknown)
    with pytest.raises(socket.gaierror):
        https_post._addresses("desk.example.com")


# ---------------------------------------------------------------- the wire


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate for desk.example.com, and a client's context that trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk.example.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2049, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("desk.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=folder / "cert.pem")


@contextmanager
def serving(context, answer):
    """One connection on this machine: the request's bytes go into a list, `answer` writes what comes back."""
    listening = socket.create_server(("127.0.0.1", 0))
    got = []

    def serve():
        raw, _ = listening.accept()
        try:
            with context.wrap_socket(raw, server_side=True) as line:
                line.settimeout(5)
                data = b""
                while b"\r\n\r\n" not in data or not data.endswith(b"}"):
                    data += line.recv(65536)
                got.append(data)
                answer(line)
        except OSError:
            pass  # the client went away, which some tests want

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], got
    finally:
        listening.close()
        thread.join(5)


def post(port, trusted, host="desk.example.com", budget=timedelta(seconds=2)):
    """Through the real connection; only the look-up is of the test, and where it leads is this machine."""
    opened = lambda name, address, _: https_post._Cut(name, "127.0.0.1", budget, trusted, port)  # noqa: E731
    over = HttpsPost(lambda name: ["93.184.216.34"], opened)
    return over.post(signed(f"https://{host}/hooks/a?b=c", "e1", b'{"type":"x"}', [SECRET], NOW))


def test_over_the_wire_it_is_one_post_with_its_signature_and_the_status_comes_back(certificates):
    server, trusted = certificates
    with serving(server, lambda line: line.sendall(b"HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n")) as (
        port,
        got,
    ):
        assert post(port, trusted) == Answered(429, 17)
    head, _, body = got[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hooks/a?b=c HTTP/1.1\r\nHost: desk.example.com")
    assert b"webhook-id: e1" in head and b"webhook-signature: v1," in head
    assert body == b'{"type":"x"}'


def test_a_redirect_is_told_and_not_followed(certificates):
    server, trusted = certificates
    says = b"HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with serving(server, lambda line: line.sendall(says)) as (port, _):
        assert post(port, trusted) == Answered(302)


def test_the_certificate_must_be_the_names_own(certificates):
    server, trusted = certificates
    with serving(server, lambda line: None) as (port, got):
        assert post(port, trusted, host="other.example.com") == Unreached("SSLCertVerificationError")
    assert got == [], "nothing was said to it"


def test_who_sends_one_byte_after_the_other_is_cut_off_when_the_time_is_over(certificates):
    server, trusted = certificates

    def drip(line):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 100:
            line.send(bytes([byte]))
            time.sleep(0.05)

    before = time.monotonic()
    with serving(server, drip) as (port, _):
        assert post(port, trusted, budget=timedelta(seconds=0.4)) == Unreached("TimeoutError")
    assert time.monotonic() - before < 3


def test_what_is_no_http_is_no_answer(certificates):
    server, trusted = certificates
    with serving(server, lambda line: line.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")) as (port, _):
        assert isinstance(post(port, trusted), Unreached)
