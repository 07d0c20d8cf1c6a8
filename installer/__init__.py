"""CHAMP's front-ends: the `champ` command line and the terminal screens.

Invariant: front-ends are skins. They call `champ_offline`, which never imports them, and decide
nothing that a script could not also have asked for.
"""
