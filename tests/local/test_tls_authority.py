"""The local certificate authority, against OpenSSL's own verification."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from local.tls.authority import LocalAuthority


def handshake(files, ca, host):
    """A TLS handshake over a socket pair with full verification, as a client of `host` does it."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(files.certificate, files.key)
    client_context = ssl.create_default_context(cafile=str(ca))
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    left, right = socket.socketpair()

    def serve():
        try:
            server_context.wrap_socket(left, server_side=True).close()
        except ssl.SSLError:
            left.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        with client_context.wrap_socket(right, server_hostname=host) as client:
            return client.version()
    finally:
        server.join()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_strict_client_that_trusts_the_authority_accepts_the_server(tmp_path, host):
    authority = LocalAuthority(tmp_path)
    assert handshake(authority.server_certificate(), authority.ca_file, host) == "TLSv1.3"


def test_another_name_is_refused(tmp_path):
    authority = LocalAuthority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.server_certificate(), authority.ca_file, "example.com")


def test_a_client_that_trusts_another_authority_refuses(tmp_path):
    files = LocalAuthority(tmp_path / "one").server_certificate()
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(files, LocalAuthority(tmp_path / "other").ca_file, "localhost")


def test_authority_and_certificate_are_made_once_and_kept(tmp_path):
    first = LocalAuthority(tmp_path).server_certificate()
    before = first.certificate.read_bytes(), first.ca.read_bytes(), first.key.read_bytes()
    again = LocalAuthority(tmp_path).server_certificate()
    assert (again.certificate.read_bytes(), again.ca.read_bytes(), again.key.read_bytes()) == before


def test_private_keys_are_readable_by_their_owner_only(tmp_path):
    LocalAuthority(tmp_path).server_certificate()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key.pem")}
    assert modes == {"ca.key.pem": 0o600, "server.key.pem": 0o600}


def test_keys_are_p_256(tmp_path):
    files = LocalAuthority(tmp_path).server_certificate()
    for path in (files.ca, files.certificate):
        key = x509.load_pem_x509_certificate(path.read_bytes()).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"


def test_a_certificate_near_its_end_is_renewed_by_the_same_authority(tmp_path, monkeypatch):
    monkeypatch.setattr("local.tls.authority._SERVER_DAYS", 29)
    authority = LocalAuthority(tmp_path)
    old = authority.server_certificate().certificate.read_bytes()
    ca = authority.ca_file.read_bytes()
    monkeypatch.undo()
    renewed = LocalAuthority(tmp_path).server_certificate().certificate.read_bytes()
    assert renewed != old
    assert authority.ca_file.read_bytes() == ca
    end = x509.load_pem_x509_certificate(renewed).not_valid_after_utc
    assert end - dt.datetime.now(dt.UTC) > dt.timedelta(days=300)


def test_other_hosts_get_another_certificate(tmp_path):
    authority = LocalAuthority(tmp_path)
    first = authority.server_certificate().certificate.read_bytes()
    assert authority.server_certificate(hosts=("localhost",)).certificate.read_bytes() != first


def test_a_lost_authority_key_makes_a_new_authority_and_new_certificates(tmp_path):
    authority = LocalAuthority(tmp_path)
    old = authority.server_certificate().certificate.read_bytes()
    (tmp_path / "ca.key.pem").unlink()
    renewed = LocalAuthority(tmp_path)
    assert renewed.server_certificate().certificate.read_bytes() != old
    handshake(renewed.server_certificate(), renewed.ca_file, "localhost")
