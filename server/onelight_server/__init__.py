"""The inference server: frames come in over the Open Inference Protocol, tools work on them, frames go back."""

from onelight_server.config import Config
from onelight_server.server import create_server

__all__ = ["Config", "create_server"]
