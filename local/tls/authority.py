"""A certificate authority (RFC 5280) of one's own, P-256, made once and kept; it renews what it signs before expiry."""

from __future__ import annotations

import argparse
import datetime as dt
import ipaddress
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 397  # the longest that browsers accept of a public authority
_RENEW_BEFORE_DAYS = 30
_BACKDATE = dt.timedelta(hours=1)  # clocks differ


@dataclass(frozen=True)
class ServerCertificate:
    """Paths of PEM files: the certificate, its private key (mode 0600), and the authority that signed it."""

    certificate: Path
    key: Path
    ca: Path


class LocalAuthority:
    """The authority in `directory`: `ca.pem`, `ca.key.pem`, and one certificate with its key for each server name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        if not self.ca_file.exists() or not self._ca_key_file.exists() or _is_due(self.ca_file):
            self._make_authority()

    @property
    def ca_file(self) -> Path:
        return self._directory / "ca.pem"

    @property
    def _ca_key_file(self) -> Path:
        return self._directory / "ca.key.pem"

    def server_certificate(
        self, name: str = "server", hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    ) -> ServerCertificate:
        """The server certificate for `hosts`; made or renewed where it is missing, near its end, or for other hosts."""
        files = ServerCertificate(self._directory / f"{name}.pem", self._directory / f"{name}.key.pem", ca=self.ca_file)
        if not files.key.exists() or not self._is_valid(files.certificate, hosts):
            self._make_server_certificate(files, hosts)
        return files

    def _is_valid(self, certificate_file: Path, hosts: tuple[str, ...]) -> bool:
        if not certificate_file.exists() or _is_due(certificate_file):
            return False
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        authority = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        try:
            certificate.verify_directly_issued_by(authority)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, a new one is right
            return False
        return names == _alternative_names(hosts)

    def _make_authority(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Local cloud"),
                x509.NameAttribute(NameOID.COMMON_NAME, "Local certificate authority"),
            ]
        )
        certificate = (
            _builder(name, name, key.public_key(), _AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(key_cert_sign=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write(self._ca_key_file, _pem(key), 0o600)
        _write(self.ca_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def _make_server_certificate(self, files: ServerCertificate, hosts: tuple[str, ...]) -> None:
        ca_key = serialization.load_pem_private_key(self._ca_key_file.read_bytes(), None)
        if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._ca_key_file}: not an EC key")
        authority = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        certificate = (
            _builder(subject, authority.subject, key.public_key(), _SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_alternative_names(hosts), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        _write(files.key, _pem(key), 0o600)
        _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(hosts: tuple[str, ...]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)


def _is_due(certificate_file: Path) -> bool:
    end = x509.load_pem_x509_certificate(certificate_file.read_bytes()).not_valid_after_utc
    return end - dt.datetime.now(dt.UTC) < dt.timedelta(days=_RENEW_BEFORE_DAYS)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never for a moment readable by others."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    unfinished.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.tls.authority", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    arguments = parser.parse_args()
    files = LocalAuthority(arguments.directory).server_certificate()
    sys.stdout.write(f"{files.ca}\n{files.certificate}\n{files.key}\n")


if __name__ == "__main__":
    main()
