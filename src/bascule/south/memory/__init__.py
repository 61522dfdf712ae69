"""A data plane in memory: for trying Bascule out, for tests and for measuring everything but a data plane."""

from bascule.south.memory.backend import MemoryBackend
from bascule.south.memory.device import Device

__all__ = ["Device", "MemoryBackend"]
