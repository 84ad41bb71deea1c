"""Who calls: the token that came with a call, and what the connection itself proves of its other end."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import grpc

from onelight_server.peers import Peers, is_loopback_peer

HEADER = "authorization"
_BEARER = re.compile(r"[Bb]earer (onelight_[A-Za-z0-9]{1,32}_[A-Za-z0-9_-]{1,128})")


@dataclass(frozen=True)
class Caller:
    """One other end. Equal callers may do the same things, so what was found out about one holds for the other.

    `token` is empty where none came, where more than one came, or where others could have read it on the way.
    `names` are the common and alternative names of a client certificate that our own authority signed. `uid` is the
    user at the other end of a Unix socket, None where the kernel does not vouch for one.
    """

    token: str = ""
    names: frozenset[str] = frozenset()
    uid: int | None = None

    @property
    def kind(self) -> str:
        """What this caller relies on, in a word for logs."""
        return "token" if self.token else "certificate" if self.names else "none" if self.uid is None else "user"

    @property
    def public(self) -> str:
        """The part of the token that is no secret: what it may be called in a show's own log."""
        return self.token.split("_")[1] if self.token else ""

    def key(self) -> tuple:
        """The caller without its secret: caches of a process that dumps core should not hold tokens."""
        return hashlib.sha256(self.token.encode()).digest(), self.names, self.uid


def caller_of(context: grpc.aio.ServicerContext, peers: Peers) -> Caller:
    """The caller of this very call; cheap enough to be asked for each frame."""
    proven = context.auth_context()
    encrypted = b"ssl" in proven.get("transport_security_type", ())
    names: frozenset[str] = frozenset()
    if encrypted:
        found = (*proven.get("x509_common_name", ()), *proven.get("x509_subject_alternative_name", ()))
        names = frozenset(name.decode(errors="replace") for name in found)
    peer = context.peer()
    given = [value for key, value in context.invocation_metadata() or () if key == HEADER]
    # A token read off a studio's network opens the show to whoever read it: there it has to come encrypted.
    private = encrypted or peer.startswith("unix:") or is_loopback_peer(peer)
    match = _BEARER.fullmatch(given[0]) if private and len(given) == 1 and isinstance(given[0], str) else None
    return Caller(match[1] if match else "", names, peers.uid(peer))
