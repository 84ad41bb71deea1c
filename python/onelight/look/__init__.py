"""The look of a show in explainable numbers, measured on linear pictures."""

from onelight.look.fingerprint import MEASUREMENTS, Look, Sightings, conclude, measure, observe
from onelight.look.grain import regrain

__all__ = ["MEASUREMENTS", "Look", "Sightings", "conclude", "measure", "observe", "regrain"]
