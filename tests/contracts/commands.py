"""What every way to run commands must do. Subclasses give `cluster`, `namespace` and `place`.

In the container of `place` there are cat, true, and a sh that runs the scripts below.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from champ_offline.cluster.commands import (
    CHUNK,
    LAST_WORDS,
    CommandFailed,
    CommandNotStarted,
    Commands,
    ContainerNotRunning,
    Place,
)

PIECE = 64 * 1024
FAILING = "echo half; echo first >&2; echo 'it went wrong' >&2; exit 3"
# A shell becomes its last command, and nothing holds the stdout it was given.
KEEPING = "exec cat > /home/champ/kept 2> /dev/null"
LAZY = "head -c 100000 > /dev/null; exit 4"
ENDLESS = "while true; do echo endless; done"
# 3,000 lines of 10 bytes.
WORDY = "i=0; while [ $i -lt 3000 ]; do echo warning.. >&2; i=$((i+1)); done; echo done"


class CommandContract:
    """The suite."""

    @pytest.fixture
    def where(self, place: Place) -> tuple[str, str, str]:
        return place.namespace, place.pod, place.container

    def test_a_megabyte_goes_in_and_comes_out(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        sent = [os.urandom(PIECE) for _ in range(16)]
        with cluster.run_in(*where, ["cat"], stdin=sent) as running:
            got = list(running)
        assert b"".join(got) == b"".join(sent)

    def test_large_pieces_are_cut(self, cluster: Commands, where: tuple[str, str, str]) -> None:
        sent = os.urandom(3 * CHUNK + 1)
        with cluster.run_in(*where, ["cat"], stdin=[b"", sent, b""]) as running:
            got = list(running)
        assert b"".join(got) == sent
        assert max(map(len, got)) <= CHUNK

    def test_without_input_a_command_reads_its_end_at_once(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        nothing: tuple[bytes, ...] = ()
        for stdin in (None, nothing):
            with cluster.run_in(*where, ["cat"], stdin=stdin) as running:
                assert list(running) == []

    def test_a_silent_command_ends_well(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        with cluster.run_in(*where, ["true"]) as running:
            running.wait()
        assert running.last_words == ""

    def test_an_exit_code_comes_with_the_last_words(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        got = []
        with pytest.raises(CommandFailed) as failed:
            with cluster.run_in(*where, ["sh", "-c", FAILING]) as running:
                got += list(running)
        assert failed.value.fields["code"] == 3
        assert failed.value.fields["last"] == "it went wrong"
        assert failed.value.fields["program"] == "sh"
        assert running.last_words == "first\nit went wrong\n"

    def test_of_many_warnings_the_last_are_kept(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        with cluster.run_in(*where, ["sh", "-c", WORDY]) as running:
            assert b"".join(running) == b"done\n"
        assert len(running.last_words) == LAST_WORDS
        assert running.last_words.endswith("warning..\n")

    def test_who_does_not_read_its_input_to_the_end_is_heard(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        sent = (bytes(PIECE) for _ in range(256))
        with pytest.raises(CommandFailed, match="code 4"):
            with cluster.run_in(*where, ["sh", "-c", LAZY], stdin=sent) as running:
                running.wait()

    def test_who_lets_go_of_its_output_is_given_all_of_its_input(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        sent = os.urandom(4 * CHUNK)
        with cluster.run_in(*where, ["sh", "-c", KEEPING], stdin=[sent]) as running:
            assert list(running) == []
        with cluster.run_in(*where, ["cat", "/home/champ/kept"]) as running:
            assert b"".join(running) == sent

    def test_a_program_that_is_not_there_is_told(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        with pytest.raises(CommandNotStarted, match="no-such-program"):
            with cluster.run_in(*where, ["no-such-program", "secret"]) as running:
                running.wait()

    def test_a_container_that_is_not_there_is_told(self, cluster: Commands, place: Place) -> None:
        for pod, container in ((place.pod, "no-such"), ("no-such", place.container)):
            with pytest.raises(ContainerNotRunning, match="no-such"):
                with cluster.run_in(place.namespace, pod, container, ["true"]) as running:
                    running.wait()

    def test_a_reader_may_leave_early(self, cluster: Commands, where: tuple[str, str, str]) -> None:
        with cluster.run_in(*where, ["sh", "-c", ENDLESS]) as running:
            assert next(running).startswith(b"endless\n")
        assert list(running) == []
        with cluster.run_in(*where, ["true"]) as again:
            again.wait()

    def test_input_that_fails_fails_the_command(
        self, cluster: Commands, where: tuple[str, str, str]
    ) -> None:
        def broken() -> Iterator[bytes]:
            yield b"begun"
            raise OSError("the stick was pulled")

        with pytest.raises(OSError, match="the stick was pulled"):
            with cluster.run_in(*where, ["cat"], stdin=broken()) as running:
                running.wait()
