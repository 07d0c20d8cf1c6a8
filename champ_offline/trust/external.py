"""A signer program, such as a tool for a smart card or an HSM, in the place of a key file.

`keys/<role>.command.yaml`:

    format: 1
    public_key: |                 # PEM, SubjectPublicKeyInfo; Ed25519 or P-256
      -----BEGIN PUBLIC KEY-----
      ...
    command: [program, argument]  # never a shell
    seconds: 60                   # how long it may take; 60 unless said otherwise

The payload goes to the program's standard input; on its standard output it gives the raw signature:
64 bytes for Ed25519, DER (RFC 3279 section 2.2.3) over SHA-256 for P-256.

Invariant: no signature leaves here that the public key has not verified; a program that hangs, or
writes without end, is ended.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.exceptions import Error as SecureSystemsError
from securesystemslib.signer import Key, SecretsHandler, Signature, Signer, SSlibKey

from champ_offline.durable import typed_yaml
from champ_offline.errors import Phrase, Quoted, Reason, system_said
from champ_offline.trust.key_errors import SignerFailed, SignerTimedOut, SignerWrong

SUFFIX = ".command.yaml"
_FORMAT = 1
_SECONDS, _MOST_SECONDS = 60, 3600
_LONGEST = 64 * 1024
_SHOWN = 200


@dataclass(frozen=True)
class Command:
    """What a signer file says; `seconds` is the time limit of one signature."""

    path: Path
    key: SSlibKey
    arguments: tuple[str, ...]
    seconds: int

    @classmethod
    def from_file(cls, path: Path) -> Command:
        """Read a signer file; raises the errors of `typed_yaml`."""
        root = typed_yaml.read(path).table("format", "public_key", "command", "seconds")
        root["format"].integer(_FORMAT, _FORMAT)
        arguments = tuple(root["command"].texts())
        if not arguments:
            raise root["command"].refuse("a program and its arguments")
        pem = root["public_key"]
        try:
            key = SSlibKey.from_crypto(load_pem_public_key(pem.text().encode()))
        except (ValueError, UnsupportedAlgorithm, SecureSystemsError) as error:
            raise pem.refuse("a public key in PEM, Ed25519 or P-256") from error
        if key.scheme not in {"ed25519", "ecdsa-sha2-nistp256"}:
            raise pem.refuse("a public key of Ed25519 or P-256")
        return cls(path, key, arguments, root.get("seconds", _SECONDS).integer(1, _MOST_SECONDS))


class CommandSigner(Signer):
    """securesystemslib's Signer over a program; every signature is verified before it is used."""

    def __init__(self, command: Command) -> None:
        self._command = command

    @property
    def public_key(self) -> SSlibKey:
        """The public key the signer file names."""
        return self._command.key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> CommandSigner:
        """Signers are made from files here, never from URIs."""
        raise NotImplementedError

    def sign(self, payload: bytes) -> Signature:
        """Have the program sign; raises SignerFailed, SignerTimedOut, SignerWrong."""
        raw = _answer(self._command, payload)
        signature = Signature(self.public_key.keyid, raw.hex())
        try:
            self.public_key.verify_signature(signature, payload)
        except SecureSystemsError as error:
            raise SignerWrong(
                command=self._command.arguments[0], path=self._command.path, size=len(raw)
            ) from error
        return signature


def _answer(command: Command, payload: bytes) -> bytes:
    def failed(reason: Reason) -> SignerFailed:
        return SignerFailed(command=command.arguments[0], path=command.path, reason=reason)

    # The session stays ours: a token's program may ask for its PIN on the terminal.
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(command.arguments, stdin=pipe, stdout=pipe, stderr=pipe)
    except (OSError, ValueError) as error:
        told = system_said(error) if isinstance(error, OSError) else Quoted(error)
        raise failed(told or Phrase("it cannot be started")) from error
    with child:
        try:
            deadline = time.monotonic() + command.seconds
            said, complained = _Talk(child, payload).until(deadline)
            if len(said) > _LONGEST:
                raise failed(Phrase("it wrote more than {limit} bytes", limit=_LONGEST))
            code = child.wait(timeout=max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise SignerTimedOut(
                command=command.arguments[0], path=command.path, seconds=command.seconds
            ) from error
        finally:
            child.kill()
    if code != 0:
        last = _first_line(complained)
        raise failed(Phrase("exit code {code}, {said}", code=code, said=last))
    return bytes(said)


class _Talk:
    """Feeds a child and keeps what it says, within bounds of size and time."""

    def __init__(self, child: subprocess.Popen[bytes], payload: bytes) -> None:
        self._selector = selectors.DefaultSelector()
        self._left = memoryview(payload)
        self._said, self._complained = bytearray(), bytearray()
        self._input = self._listen(child.stdin, selectors.EVENT_WRITE, None)
        self._listen(child.stdout, selectors.EVENT_READ, self._said)
        self._listen(child.stderr, selectors.EVENT_READ, self._complained)

    def until(self, deadline: float) -> tuple[bytearray, bytearray]:
        """Its output and its complaints, once both ended or the output is too long.

        Raises TimeoutError at `deadline`, a time of the monotonic clock in seconds.
        """
        with self._selector as selector:
            while selector.get_map() and len(self._said) <= _LONGEST:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError
                for key, _events in ready:
                    self._serve(key)
        return self._said, self._complained

    def _listen(self, stream: IO[bytes] | None, event: int, into: bytearray | None) -> IO[bytes]:
        if stream is None:
            raise TypeError(stream)
        os.set_blocking(stream.fileno(), False)
        self._selector.register(stream, event, into)
        return stream

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.data is None:
            self._feed(key)
            return
        found = os.read(key.fd, _LONGEST)
        if not found:
            self._selector.unregister(key.fileobj)
        elif len(key.data) <= _LONGEST:
            key.data.extend(found)

    def _feed(self, key: selectors.SelectorKey) -> None:
        try:
            self._left = self._left[os.write(key.fd, self._left) :]
        except BrokenPipeError:
            # It needs no more; whether it did well is told by its exit code and signature.
            self._left = self._left[:0]
        if not self._left:
            self._selector.unregister(key.fileobj)
            self._input.close()


def _first_line(complained: bytearray) -> str:
    lines = complained.decode("utf-8", "replace").strip().splitlines()
    return lines[0][:_SHOWN] if lines else "without a word"
