"""Gated zones with real Kubernetes nodes on one machine, for the end-to-end tests and for a person.

Invariant: whatever the lab makes outside its state folder (processes, namespaces, mounts, loop
devices, cgroups, links) stands in a record there before it exists, and goes by that record.
"""

from __future__ import annotations

from tests.lab.lab import Lab
from tests.lab.node import Node
from tests.lab.stick import Stick
from tests.lab.zone import Zone

__all__ = ["Lab", "Node", "Stick", "Zone"]
