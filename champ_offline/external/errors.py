"""How speaking to an external registry can fail, said so that a person knows where to look.

Invariant: what the registry said of itself is a field, bounded and on one line, and never holds
what was sent to log in. `where` is the target's address.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class NotExternal(ChampError):
    """A verb is about an external registry and the zone has none."""

    id = "external.none"
    exit_code = ExitCode.NOT_FOUND
    message = "The nodes of this zone pull from the zone's own registry."
    remedy = "Name another one with `champ registry external set HOST:PORT/PREFIX`."


class TargetUnreachable(ChampError):
    """Nothing answered, or not in a usable way, and did not come back."""

    id = "external.unreachable"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} cannot be used: {reason}."
    remedy = (
        "Check that it runs and that this machine may connect to it, then run the command again; it"
        " goes on with what is missing there."
    )


class TargetTlsRefused(ChampError):
    """No trusted TLS connection comes about."""

    id = "external.tls-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "There is no trusted TLS connection to {where}: {reason}."
    remedy = "Give the authority of its certificate: `champ registry external set … --ca FILE`."


class TargetWithoutTls(ChampError):
    """The target answers in another way than TLS begins."""

    id = "external.without-tls"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} does not speak TLS."
    remedy = (
        "See whether the port is right. On this machine's own loopback a registry may be spoken to"
        " without TLS: `champ registry external set … --plain-http`; any other needs a certificate."
    )


class TargetWithTls(ChampError):
    """The target speaks TLS and was spoken to without."""

    id = "external.with-tls"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} speaks TLS, and was spoken to without."
    remedy = "Leave out --plain-http: `champ registry external set … --ca FILE`."


class CaUnreadable(ChampError):
    """What should be the certificate of an authority is not."""

    id = "external.ca-unreadable"
    exit_code = ExitCode.USAGE
    message = "{path} holds no certificate in PEM form."
    remedy = "Give the file that begins with -----BEGIN CERTIFICATE-----."


class LoginRefused(ChampError):
    """The target does not know this user or password, or wants one."""

    id = "external.login-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} did not accept the user “{user}” and the password."
    remedy = (
        "Set both again: `champ registry external set … --username NAME --password-file FILE`."
        " Where they are right, the project must exist and let this user push."
    )


class LoginNeeded(ChampError):
    """The target wants a user, and none is set."""

    id = "external.login-needed"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} wants a user name and a password, and none are set."
    remedy = "Set both: `champ registry external set … --username NAME --password-file FILE`."


class TokenServerUnknown(ChampError):
    """The target wants its clients to give their password to another host."""

    id = "external.token-server-unknown"
    exit_code = ExitCode.TRUST_REFUSED
    message = "The registry {where} sends its clients to {host} for tokens; nothing was sent there."
    remedy = (
        "If that host is the site's own, allow it: `champ registry external set …"
        " --token-server {host}`."
    )


class SentElsewhere(ChampError):
    """The target wants what is pushed, or asked, to go where it must not."""

    id = "external.sent-elsewhere"
    exit_code = ExitCode.TRUST_REFUSED
    message = "The registry {where} sends its clients on to {host}; nothing was sent there."
    remedy = (
        "Have its own address in its settings and in the proxy before it (the header"
        " X-Forwarded-Proto, Harbor's external_url), then run the command again."
    )


class PushDenied(ChampError):
    """The user may not push there, or there is no such project."""

    id = "external.denied"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} does not let “{user}” push to {repository}: {said}."
    remedy = "Make the project there and give this user the right to push to it."


class AnonymousDenied(ChampError):
    """Nobody may push there without a name, or there is no such project."""

    id = "external.denied-anonymous"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} lets nobody push to {repository} without a user name: {said}."
    remedy = (
        "Make the project there, and set a user who may push to it:"
        " `champ registry external set … --username NAME --password-file FILE`."
    )


class BodyTooLarge(ChampError):
    """Something between here and the target takes no body of that size."""

    id = "external.body-too-large"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} takes no {size} in one request."
    remedy = "Raise the limit of the proxy before it (nginx: client_max_body_size 0)."


class RegistryFull(ChampError):
    """The target has no room, or its quota is used up."""

    id = "external.full"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} has no room for {repository}: {said}."
    remedy = "Free space there or raise the quota; then run the command again: it goes on."


class TargetFailed(ChampError):
    """The target answered with an error of its own, or not as the specification says."""

    id = "external.failed"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry {where} refused {what}: {said}."
    remedy = "Look into that registry's log; run the command again when it works: it goes on."


class TargetDiffers(ChampError):
    """The target has other bytes than were sent, or says so."""

    id = "external.differs"
    exit_code = ExitCode.CORRUPT
    message = "The registry {where} has something else as {what} than {digest}."
    remedy = "Do not install from it; have it checked, delete that content there and push again."


class ImagesNotPushed(ChampError):
    """A plan needs images that the external registry is not known to have."""

    id = "external.images-not-pushed"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was changed: {count} image(s) are not at {where} as verified: {images}."
    remedy = "Run `champ registry push`, then plan again."


class NothingToPush(ChampError):
    """An argument names no bundle and no repository that bundles brought."""

    id = "external.nothing-to-push"
    exit_code = ExitCode.NOT_FOUND
    message = "“{name}” is neither a bundle nor an image of this zone."
    remedy = "`champ zone show` lists the bundles; without a name everything is pushed."


class ReferrersTagTaken(ChampError):
    """What stands at the tag that lists referrers is no list (distribution-spec 1.1)."""

    id = "external.referrers-tag-taken"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "The tag {tag} in {repository} at {where} is no index, so nothing can be listed there."
    )
    remedy = "Delete that tag at the registry, then run the command again."


class PushWaiting(ChampError):
    """Bundles brought what the external registry was not given yet."""

    id = "external.push-waiting"
    exit_code = ExitCode.PREFLIGHT
    message = "{count} name(s) of this zone were not pushed to {where} yet."
    remedy = "Run `champ registry push`; plans that need them are refused until then."
