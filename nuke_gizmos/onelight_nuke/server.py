"""Asks an Onelight server, by the client that the nodes use, how a show's model version stands."""

from __future__ import annotations

import os


class NoAnswer(Exception):
    """No server, no bridge for this Python, or the show is not served to us."""


def standing(server: str, show: str, tool: str, version: str, seconds: float = 5.0) -> tuple[str, str]:
    """The version's state (approved, candidate, retired) and the name of the one that is approved, each perhaps empty.

    Takes up to `seconds`; not for Nuke's main thread. Raises NoAnswer.
    """
    try:
        from onelight import _bridge
    except ImportError as error:
        raise NoAnswer("onelight._bridge is not installed for this Python") from error
    # Opening a panel starts no server: where none is named, only one that runs on this machine is asked.
    address = server or os.environ.get("ONELIGHT_SERVER", "") or _bridge.local_address()
    try:
        told = _bridge.model(address, show, tool, version, seconds)
    except _bridge.BridgeError as error:
        raise NoAnswer(str(error.args[-1])) from error
    return told["state"], told["default"]
