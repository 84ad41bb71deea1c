"""The errors of Onelight, worded for the person at the node.

OnelightError
├── RequestError        what was asked cannot be done as asked (a knob, clip, size or pass is wrong)
├── NotFound            no such show, tool, version, file or frame
├── NotReady            something must happen first (analyse the shot, update the server, send the frame again)
├── Busy                the server's queue is full
├── Cancelled           the asker gave up, or its deadline passed
├── ImageError          a file cannot be read or written as an image
└── ColourError         a colour space or config is unknown or broken
"""

from __future__ import annotations


class OnelightError(Exception):
    """Base of all; `str()` is one plain sentence that names the thing and says what was expected."""


class RequestError(OnelightError):
    """The request itself is wrong."""


class NotFound(OnelightError):
    """The named thing does not exist here."""


class NotReady(OnelightError):
    """A precondition is missing; `missing` names tensors to send again, where that is the reason."""

    def __init__(self, sentence: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.missing = missing


class Busy(OnelightError):
    """More work is queued than the server takes."""


class Cancelled(OnelightError):
    """The work was given up on purpose."""


class ImageError(OnelightError):
    """An image file is missing, broken, of an unsupported kind, or cannot be written."""


class ColourError(OnelightError):
    """A colour space name or an OpenColorIO config cannot be used."""
