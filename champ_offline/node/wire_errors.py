"""What can stand between a node and the zone's registry, step by step.

Invariant: each names what was tried and the one thing to do next, on the node or the zone's host.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class NameUnknown(ChampError):
    """The registry's name leads to no address."""

    id = "node.name-unknown"
    exit_code = ExitCode.PREFLIGHT
    message = "The name {host} is not known on this machine."
    remedy = (
        "Add a line “ADDRESS {host}” to /etc/hosts, with the address of the zone's host, or have"
        " the zone's name service know it."
    )


class PortClosed(ChampError):
    """The host is there and nothing listens."""

    id = "node.port-closed"
    exit_code = ExitCode.PREFLIGHT
    message = "{ip} refuses connections on port {port}: nothing listens there."
    remedy = (
        "On the zone's host, see that `champ registry serve --host {ip} --port {port}` runs;"
        " without --host it listens on 127.0.0.1 alone."
    )


class PortSilent(ChampError):
    """Nobody answers, not even with a refusal."""

    id = "node.port-silent"
    exit_code = ExitCode.PREFLIGHT
    message = "{ip} does not answer on port {port}."
    remedy = (
        "See whether the address is right and the host is on; then let the firewalls on the way,"
        " and the host's own, pass TCP port {port}."
    )


class NoRoute(ChampError):
    """The node's own network does not lead there."""

    id = "node.no-route"
    exit_code = ExitCode.PREFLIGHT
    message = "This machine has no way to {ip}: {reason}."
    remedy = "See `ip route get {ip}`; set the node's address, route or gateway right."


class NotTls(ChampError):
    """Something answers, but not in TLS."""

    id = "node.not-tls"
    exit_code = ExitCode.PREFLIGHT
    message = "What answers at {address} does not speak TLS."
    remedy = (
        "See whether the port is the registry's; `champ registry serve` always speaks TLS, on port"
        " 5443 unless told otherwise."
    )


class TlsTooOld(ChampError):
    """The server has no TLS 1.2 or newer."""

    id = "node.tls-too-old"
    exit_code = ExitCode.PREFLIGHT
    message = "What answers at {address} offers no TLS 1.2 or newer."
    remedy = "It is not the zone's registry, or something in between; see what has this address."


class ChainUnknown(ChampError):
    """The certificate is not signed by an authority the node knows."""

    id = "node.chain-unknown"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "The certificate of {address} is not signed by the authority this node trusts: {reason}."
    )
    remedy = (
        "On the zone's host, `champ registry authority show` says which authority the zone has,"
        " and whether it was changed. Bring its pki/ca.crt to the node and run `champ node trust"
        " {address} --ca ca.crt`, comparing the fingerprint."
    )


class NameNotInCertificate(ChampError):
    """The certificate is for other names."""

    id = "node.name-not-in-certificate"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry's certificate is not for {host}; it is for {names}."
    remedy = (
        "Use one of these names, or start the registry with all that nodes use: `champ registry"
        " serve --name {host} --name ...`."
    )


class CertificateNotValid(ChampError):
    """The certificate's time has not come or is over, by the node's clock."""

    id = "node.certificate-not-valid"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry's certificate is valid from {begin} to {end}; this clock says {now}."
    remedy = "Check this machine's clock. If it is right, restart the registry: it makes a new one."


class ClockDiffers(ChampError):
    """The node and the registry do not agree what time it is."""

    id = "node.clock-differs"
    exit_code = ExitCode.PREFLIGHT
    message = "This clock says {own}, the registry's {other}: {minutes} minutes apart."
    remedy = "Find out which of the two is wrong and set it; certificates depend on it."


class AnswerUnreadable(ChampError):
    """The answer was no HTTP, too slow or cut off."""

    id = "node.answer-unreadable"
    exit_code = ExitCode.PREFLIGHT
    message = "What answers at {address} speaks TLS, but gave no whole HTTP answer."
    remedy = "See whether the port is the registry's, and the registry's log on the zone's host."


class NotRegistry(ChampError):
    """An HTTP server that is no registry."""

    id = "node.not-a-registry"
    exit_code = ExitCode.PREFLIGHT
    message = "{address} answers {target} with {status}, not as a registry does."
    remedy = "See whether name and port are the registry's, and what proxy stands before it."


class CredentialsRefused(ChampError):
    """The credentials in the mirror file are not good."""

    id = "node.credentials-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "{address} refuses the name and password that the node's mirror file holds."
    remedy = (
        "Run `champ node trust {address} --ca ca.crt --user NAME --password-file FILE` with a"
        " client that `champ registry client list` shows."
    )


class CredentialsMissing(ChampError):
    """The zone is closed to strangers and the node comes as one."""

    id = "node.credentials-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "{address} wants a name and a password for pulling, and the mirror file holds none."
    remedy = (
        'Add a client on the zone\'s host (`champ registry client add nodes --pull "*"`), then run'
        " `champ node trust {address} --ca ca.crt --user nodes --password-file FILE`."
    )


class PullForbidden(ChampError):
    """The node's client may not pull what was asked for."""

    id = "node.pull-forbidden"
    exit_code = ExitCode.PREFLIGHT
    message = "The client that the mirror file names may not pull {target}."
    remedy = (
        'Add one for nodes on the zone\'s host (`champ registry client add nodes --pull "*"`), then'
        " run `champ node trust {address} --ca ca.crt --user nodes --password-file FILE`."
    )


class ImageMissing(ChampError):
    """The registry does not have the image that was asked for."""

    id = "node.image-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry does not have {image}."
    remedy = "See `champ catalog` on the zone's host; import the bundle that brings the image."


class NothingServed(ChampError):
    """The registry has no image at all, or does not say."""

    id = "node.nothing-served"
    exit_code = ExitCode.PREFLIGHT
    message = "{address} answers, but has no image yet that could be read to try a pull."
    remedy = (
        "Import a bundle on the zone's host and look again; or name an image with --image that it"
        " should have."
    )


class ContentDiffers(ChampError):
    """What arrives is not what its digest says."""

    id = "node.content-differs"
    exit_code = ExitCode.CORRUPT
    message = "What the registry sends as {digest} arrives as something else."
    remedy = (
        "Look for a proxy on the way that changes answers. Run `champ store check` on the zone's"
        " host."
    )


class ReadFailed(ChampError):
    """A manifest or a blob is refused."""

    id = "node.read-failed"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry answers {target} with {status}."
    remedy = "See the registry's log on the zone's host for the request {request}."
