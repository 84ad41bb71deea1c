"""The certificate chain by which a show signs content credentials: its signing key, vouched for by a root of the show.

C2PA wants X.509 and refuses a certificate that signs itself. So each signing key gets a certificate from a root that
is made for this one purpose: the root's private key signs it and is forgotten, never written anywhere. Chains of
retired keys stay, so that what they signed stays proven.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from onelight.errors import OnelightError
from onelight.shows import files
from onelight.shows.keys import Keys
from onelight.shows.store import Show

# Without a time stamp from an authority, which a closed network has not, a credential is good only as long as its
# certificate: as long as a show's material is kept.
VALID = timedelta(days=20 * 365)
_CLAIM_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")  # C2PA's own; older validators know emailProtection
_LARGEST = 16384
_PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def chain(show: Show) -> str:
    """Certificate of the key that signs now, and its root, as PEM; made where there is none yet.

    Raises OnelightError where it can be neither read nor made.
    """
    keys = Keys(show)
    path = _folder(show) / f"{keys.fingerprint}.pem"
    try:
        if not path.exists():
            _publish(path, _issue(show, keys))
        return files.read(path, _LARGEST).decode()
    except OSError as error:
        raise OnelightError(f"The certificates {path} cannot be used: {error.strerror or error}.") from error


def roots(show: Show) -> str:
    """Every root that the show ever had, as PEM: whom a validator has to trust. Empty before the first credential.

    A chain counts only when it vouches for a key of the show itself: a file that was put there by others does not.
    """
    known, found = set(Keys(show).known), []
    for path in sorted(_folder(show).glob("*.pem")):
        try:
            leaf, root = x509.load_pem_x509_certificates(files.read(path, _LARGEST))
            leaf.verify_directly_issued_by(root)
        except (OSError, ValueError, TypeError) as error:
            raise OnelightError(f"The certificates {path} cannot be read: {error}.") from error
        if path.stem in known and _fingerprint(leaf) == path.stem:
            found.append(root.public_bytes(serialization.Encoding.PEM).decode())
    return "".join(found)


def _folder(show: Show) -> Path:
    return show.places.keys / "certificates"


def _publish(path: Path, data: bytes) -> None:
    """The first of several processes wins: all have to sign with the same certificate."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        files.write(part, data)
        with contextlib.suppress(FileExistsError):
            files.name(part, path)
    finally:
        part.unlink(missing_ok=True)


def _issue(show: Show, keys: Keys) -> bytes:
    signing = serialization.load_pem_public_key(keys.public_pem)
    assert isinstance(signing, Ed25519PublicKey)
    authority = Ed25519PrivateKey.generate()
    begin = datetime.now(UTC) - timedelta(hours=1)  # clocks of other machines may be late
    issuer = _name(show, "root")

    def certificate(subject: x509.Name, key: Ed25519PublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + VALID)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        )

    root = (
        certificate(issuer, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
    )
    leaf = (
        certificate(_name(show, f"signing key {keys.fingerprint[:16]}"), signing)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, _CLAIM_SIGNING]), critical=False)
    )
    signed = [each.sign(authority, None) for each in (leaf, root)]
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in signed)


def _name(show: Show, what: str) -> x509.Name:
    said = ((NameOID.ORGANIZATION_NAME, f"Onelight show {show.name}"), (NameOID.COMMON_NAME, f"{show.name} {what}"))
    return x509.Name([x509.NameAttribute(kind, text[:64]) for kind, text in said])


def _usage(certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _fingerprint(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_key().public_bytes(*_PUBLIC)).hexdigest()
