"""CHAMP Offline: signed bundles, the verified store and registry of a zone, reviewed changes.

The library behind every front-end. It never prints, prompts or exits; it raises `errors.ChampError`
and reports progress as `events`. Start reading at ARCHITECTURE.md beside this file.
"""

__version__ = "0.1.0"
