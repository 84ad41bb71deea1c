"""What a script pinned: the exact model by its digest, and what the frames of one job are computed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onelight import spec
from onelight.errors import NotReady, RequestError
from onelight.registry import Version
from onelight.runtime import PLAIN, Session

NAMES = ("frame.digest", "frame.provider", "frame.runtime")
LONGEST = 200


@dataclass(frozen=True)
class Pins:
    """Empty where nothing was pinned."""

    digest: str = ""
    provider: str = ""
    runtime: str = ""

    @classmethod
    def read(cls, frame: Mapping[str, Any]) -> Pins:
        """Out of a request's `frame.` parameters. Raises RequestError for what is no text."""
        values = [frame.get(name, "") for name in NAMES]
        for name, value in zip(NAMES, values, strict=True):
            if not isinstance(value, str) or len(value) > LONGEST:
                raise RequestError(f"{name} has to be a text of at most {LONGEST} characters.")
        return cls(*values)

    def check_version(self, tool: spec.Tool, version: Version) -> None:
        """Raises NotReady where the version is not the one that was pinned by its digest."""
        if self.digest and self.digest != version.digest:
            raise NotReady(
                f"{tool.label} {version.name} of '{version.show}' is not the model this node was made with: its digest "
                f"is {version.digest[:12]}, pinned is {self.digest[:12]}. Set the node's Version again, or ask for the "
                "show's own models on this server."
            )

    def check_session(self, tool: spec.Tool, session: Session) -> None:
        """Raises NotReady where this server would compute the frame otherwise than the rest of the job."""
        if session.provider == PLAIN:  # no network: the same arithmetic everywhere
            return
        for what, pinned, here in (
            ("provider", self.provider, session.provider),
            ("runtime", self.runtime, session.runtime),
        ):
            if pinned and pinned != here:
                raise NotReady(
                    f"{tool.label}: this job is computed with the {what} {pinned[:80]}, this server has {here}: the "
                    "frames would differ. Send the whole job to servers of one kind."
                )


def check_exact(tool: spec.Tool, version: Version, asked: str, priority: str) -> None:
    """Raises RequestError where a background render leaves the version open: tomorrow it would be another."""
    if version.state and not asked and priority == "farm":
        raise RequestError(
            f"{tool.label}: Version is empty: a background render of the show '{version.show}' needs the exact model "
            f"version, such as {version.name}."
        )
