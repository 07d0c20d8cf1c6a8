"""What stops a build: a sentence for whoever builds."""

from __future__ import annotations


class BuildFailed(Exception):
    """The build cannot go on."""
