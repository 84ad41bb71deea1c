"""Whom a verification believes: a show that is here, a public key or certificate that was handed over, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from onelight.errors import NotFound, OnelightError, RequestError
from onelight.provenance import certificates
from onelight.provenance.chain import Verify
from onelight.shows.files import read
from onelight.shows.keys import BadSignature, Keys, fingerprint_of
from onelight.shows.store import Show

_LARGEST = 65536


@dataclass
class Trust:
    """Finds who vouches for a record: the key in `key`, the show that was named, or the one that the record names.

    `opened` gives the show of a name, or raises NotFound.
    """

    opened: Callable[[str], Show]
    name: str = ""  # the show that has to have signed
    key: Path | None = None
    _shows: dict[str, Show | None] = field(default_factory=dict)

    def show(self, name: str) -> Show | None:
        """The show that records of that name are checked against; None where there is none here."""
        name = self.name or name
        if name not in self._shows:
            try:
                self._shows[name] = self.opened(name)
            except (NotFound, RequestError):
                if self.name:
                    raise
                self._shows[name] = None
        return self._shows[name]

    def verifier(self, name: str) -> Verify | None:
        """What checks a signature that the show of that name is said to have made; None where nobody can."""
        if self.key is not None:
            return _Handed(self.key).verify
        show = self.show(name)
        return Keys(show).verify if show else None

    def roots(self, name: str) -> str:
        """The certificates, as PEM, that content credentials have to come from."""
        if self.key is not None:
            return _Handed(self.key).roots
        show = self.show(name)
        return certificates.roots(show) if show else ""


class _Handed:
    """A PEM file with public keys, or with the certificates of a show (leaf and root)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            data = read(path, _LARGEST)
            self._keys = self._read(data)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise RequestError(f"{path} holds no public key or certificate of a show: PEM was expected.") from error

    def _read(self, data: bytes) -> list[Ed25519PublicKey]:
        self.roots = ""
        if b"BEGIN CERTIFICATE" not in data:
            keys = [serialization.load_pem_public_key(data)]
        else:
            found = x509.load_pem_x509_certificates(data)
            authorities = [each for each in found if each.issuer == each.subject]
            self.roots = "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in authorities)
            keys = [each.public_key() for each in found if each.issuer != each.subject]
        usable = [key for key in keys if isinstance(key, Ed25519PublicKey)]
        if not usable:
            raise ValueError("no Ed25519 key")
        return usable

    def verify(self, data: bytes, signature: bytes) -> str:
        """As `Keys.verify`."""
        for key in self._keys:
            try:
                key.verify(signature, data)
            except InvalidSignature:
                continue
            return fingerprint_of(key)
        raise BadSignature(f"The signature is not of the key in {self.path}.")


def claimed(public_pem: str) -> Verify:
    """Checks against the key that a record itself shows: that it hangs together, not who made it.

    Raises OnelightError where that is no key.
    """
    try:
        key = serialization.load_pem_public_key(public_pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise OnelightError("The public key in the record cannot be read.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise OnelightError("The public key in the record is of another kind than Ed25519.")

    def verify(data: bytes, signature: bytes) -> str:
        try:
            key.verify(signature, data)
        except InvalidSignature as error:
            raise BadSignature("The signature is not of the key that the record itself shows.") from error
        return fingerprint_of(key)

    return verify
