"""Reed-Solomon codes over GF(2^16) in O(n log n); the only module that knows reed_solomon_leopard.

Invariant: the code is systematic and knows nothing of errors, only of erasures: every block that is
given is taken for right, so the caller has checked it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import reed_solomon_leopard as leopard  # type: ignore[import-untyped]


def supports(data: int, parity: int) -> bool:
    """Whether there is a code of so many blocks; always when both are 1 to 32,768."""
    return bool(leopard.supports(data, parity))


def encode(blocks: Sequence[bytes], parity: int) -> list[bytes]:
    """`parity` further blocks for `blocks`, all of one even length."""
    encoded: list[bytes] = leopard.encode(list(blocks), parity)
    return encoded


def restore(
    count: int, parity: int, blocks: Mapping[int, bytes], extra: Mapping[int, bytes]
) -> dict[int, bytes]:
    """The blocks that `blocks` lacks of `count`, by their index.

    `blocks` are data by index, `extra` parity by index; together they must be `count` or more, of
    one length. Nothing is missing: nothing is calculated.
    """
    if len(blocks) == count:
        return {}
    restored: dict[int, bytes] = leopard.decode(count, parity, dict(blocks), dict(extra))
    return restored
