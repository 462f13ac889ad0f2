"""What the fault scenarios share: load that misses nothing, private networks and mounts, preloaded faults."""

from .load import Load
from .place import Counters, private_mounts, private_network, tmpfs
from .processes import cpu_seconds, process_state, stopped
from .shims import Shim
from .site import ORIGIN_SITE, SITE, main_with

__all__ = [
    "Counters",
    "Load",
    "ORIGIN_SITE",
    "SITE",
    "Shim",
    "cpu_seconds",
    "main_with",
    "private_mounts",
    "private_network",
    "process_state",
    "stopped",
    "tmpfs",
]
