"""What can be wrong with the zone's authority and the names its registry's certificate is for.

Invariant: whoever meets one of these finds all files as they were, and hears what nodes will need.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class AuthorityUnusable(ChampError):
    """The zone's CA is there in part or damaged."""

    id = "registry.authority-unusable"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The zone's certificate authority in {path} cannot be used: {reason}."
    remedy = (
        "Restore ca.key and ca.crt from the zone's backup; nodes trust exactly this ca.crt. If they"
        " are lost for good, make another authority with `champ registry authority replace`; each"
        " node then wants `champ node trust` with its ca.crt."
    )


class AuthorityEnded(ChampError):
    """The zone's CA is at its end."""

    id = "registry.authority-ended"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The zone's certificate authority in {path} ended on {day}."
    remedy = (
        "Check this machine's clock. If it is right, make another authority with `champ registry"
        " authority replace`; each node then wants `champ node trust` with its ca.crt."
    )


class ClockBeforeAuthority(ChampError):
    """By this machine's clock the authority is not made yet, so no certificate would be valid."""

    id = "registry.clock-before-authority"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "This machine's clock says {now}; the zone's certificate authority in {path} was made on"
        " {made}. No certificate can be issued."
    )
    remedy = "Set the clock of this machine, then start the registry again."


class AuthorityAway(ChampError):
    """The authority that the zone's nodes trust is not where it was."""

    id = "registry.authority-away"
    exit_code = ExitCode.NEEDS_PERSON
    message = (
        "The zone's certificate authority is not in {path}; nodes trust the one with the"
        " fingerprint {known}."
    )
    remedy = (
        "Restore this folder from the zone's backup, or see that its disk is mounted. If it is lost"
        " for good, make another authority with `champ registry authority replace`; each node then"
        " wants `champ node trust` with its ca.crt."
    )


class AuthorityOther(ChampError):
    """There is an authority, and it is not the one that the zone's nodes trust."""

    id = "registry.authority-other"
    exit_code = ExitCode.NEEDS_PERSON
    message = (
        "{path} holds a certificate authority with the fingerprint {found}; nodes trust the one"
        " with {known}."
    )
    remedy = (
        "Restore this folder from the zone's backup. If it was changed on purpose, take on what is"
        " there with `champ registry authority accept`; each node then wants `champ node trust`"
        " with its ca.crt."
    )


class InvalidHost(ChampError):
    """A name or address that should go into the certificate is not one."""

    id = "registry.invalid-host"
    exit_code = ExitCode.USAGE
    message = "“{host}” is neither a host name nor an IP address."
    remedy = "Give names such as registry.zone and addresses such as 10.0.0.5, without a port."


class NamesMissing(ChampError):
    """The registry listens on every address of its machine, which names none for clients."""

    id = "registry.names-missing"
    exit_code = ExitCode.USAGE
    message = "Nobody can reach the registry under “{host}”, which means every address."
    remedy = "Give each name or address that nodes use for it with --name."


class NamesInUse(ChampError):
    """A second registry of one zone would take the certificate from the first."""

    id = "registry.names-in-use"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Another registry serves this zone, with its certificate for {found}; this one is to be for"
        " {asked}."
    )
    remedy = (
        "A zone has one certificate: give both all of these names with --name, or stop the other"
        " registry first."
    )


class AuthorityMissing(ChampError):
    """An authority is to be taken on and there is none."""

    id = "registry.authority-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "There is no certificate authority in {path} that could be taken on."
    remedy = "Put its ca.key and ca.crt there first."
