"""A show's signing key: Ed25519, made with the show, replaced by rekey; what an earlier key signed stays proven."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from onelight.errors import NotReady, OnelightError
from onelight.shows import files

if TYPE_CHECKING:
    from onelight.shows.store import Show

SIGNING, NEXT, PUBLIC = "signing.pem", "next.pem", "public"
_LARGEST = 4096  # bytes of a key's file; ours have 119 and 113
_MOST = 256  # keys ever used


class BadSignature(OnelightError):
    """Nothing this show ever had signed these bytes."""


class Keys:
    """The key pair in `<show>/keys`: `signing.pem` for the owner alone, `public/FINGERPRINT.pem` of all ever used.

    A fingerprint is the lower-case hexadecimal SHA-256 of the public key in DER (SubjectPublicKeyInfo), as openssl
    computes it.
    """

    def __init__(self, show: Show) -> None:
        self.show, self.folder = show.name, show.places.keys

    def sign(self, data: bytes) -> bytes:
        """64 bytes. Raises NotReady where the private key is missing, or others could read it."""
        return self._private().sign(data)

    def verify(self, data: bytes, signature: bytes) -> str:
        """The fingerprint of this show's key that signed the data, now or before a rekey. Raises BadSignature."""
        for fingerprint, key in self._publics():
            try:
                key.verify(signature, data)
            except InvalidSignature:
                continue
            return fingerprint
        raise BadSignature(f"The signature is not of the show '{self.show}'.")

    @property
    def fingerprint(self) -> str:
        """Of the key that signs now."""
        return fingerprint_of(self._private().public_key())

    @property
    def public_pem(self) -> bytes:
        """The public half of the key that signs now, to hand out."""
        return pem_of(self._private().public_key())

    @property
    def known(self) -> list[str]:
        """Fingerprints of all keys the show ever had."""
        return [fingerprint for fingerprint, _ in self._publics()]

    def _private(self) -> Ed25519PrivateKey:
        return load(self.folder / SIGNING, self.show)

    def _publics(self) -> Iterator[tuple[str, Ed25519PublicKey]]:
        for path in sorted((self.folder / PUBLIC).glob("*.pem"))[:_MOST]:
            try:
                key = serialization.load_pem_public_key(files.read(path, _LARGEST))
            except (OSError, ValueError, UnsupportedAlgorithm) as error:
                raise OnelightError(f"{path} cannot be read as a public key: {error}.") from error
            if not isinstance(key, Ed25519PublicKey) or fingerprint_of(key) != path.stem:
                raise OnelightError(f"{path} is not the key that its name says.")
            yield path.stem, key


def make(folder: Path) -> None:
    """A first key pair in the new folder `keys`."""
    (folder / PUBLIC).mkdir(mode=0o700)
    prepare(folder)
    promote(folder, "")


def prepare(folder: Path) -> str:
    """Makes the key that will sign after `promote`, and returns its fingerprint; until then nothing has changed."""
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files.write(folder / NEXT, data)
    return fingerprint_of(key.public_key())


def promote(folder: Path, show: str) -> None:
    """The prepared key signs from now on. Can be repeated after a kill."""
    public = load(folder / NEXT, show).public_key()
    files.write(folder / PUBLIC / f"{fingerprint_of(public)}.pem", pem_of(public))
    os.replace(folder / NEXT, folder / SIGNING)
    files.sync(folder)


def load(path: Path, show: str) -> Ed25519PrivateKey:
    """The private key of a file. Raises NotReady where it is missing, readable to others or no such key."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and mode & 0o077:
            raise NotReady(f"{path} may be read by others than its owner: run chmod 600 on it.")
        key = serialization.load_pem_private_key(files.read(path, _LARGEST), None)
    except FileNotFoundError as error:
        raise NotReady(f"The show '{show}' has no signing key ({path}): restore the show from its archive.") from error
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NotReady(f"The signing key {path} cannot be read: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NotReady(f"The signing key {path} is of another kind than Ed25519.")
    return key


def fingerprint_of(key: Ed25519PublicKey) -> str:
    """See `Keys`."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def pem_of(key: Ed25519PublicKey) -> bytes:
    """The public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
