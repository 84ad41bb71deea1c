"""What a show's policy forbids is refused before anything is computed."""

from __future__ import annotations

from pathlib import Path

from onelight.errors import RequestError

from onelight_server.request import Job


def check(job: Job, folder: Path) -> None:
    """Raises RequestError where a knob is on that the policy of the show in `folder` forbids; NotReady without one.

    Reads a file, if any knob asks for it.
    """
    asking = [knob for knob in job.tool.render_knobs() if getattr(knob, "policy", "") and job.knobs.get(knob.name)]
    if not asking:
        return
    from onelight.shows.places import Places
    from onelight.shows.policy import Policy

    policy = Policy.read(Places(folder).policy)
    for knob in asking:
        name = getattr(knob, "policy", "")
        if not getattr(policy, name):
            raise RequestError(f"{job.tool.label}: the show's policy ({name}) forbids '{knob.label}': switch it off.")
