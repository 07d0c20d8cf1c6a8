"""Preset apps: what they are, what they ask, and the chart values that come of the answers."""
