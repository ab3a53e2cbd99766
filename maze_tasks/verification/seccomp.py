"""System calls that a command does not get: those that take memory which is nobody's, and those for the kernel's keys.

What `usage` watches is memory of processes. Files without a name (memfd) and shared memory of System V stay in no
process as soon as they are filled, so that they would take all memory of the machine unseen. Calls for the former fail
as they do on kernels that have none, which programs are prepared for; of the latter small pieces are left, which
databases use as locks. The keys that the kernel keeps for a session (keyrings(7)) know no sandbox: what the worker's
session holds could be read. Source: seccomp(2), bpf(4); numbers from the kernel's tables of system calls.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SMALL_BYTES = 64 * 1024  # of a piece of shared memory; there are 4096 at most (shmmni)

_ALLOW, _DENY = 0x7FFF0000, 0x00050000 | errno.ENOSYS
_LOAD, _RETURN, _EQUAL, _ABOVE, _FROM = 0x20, 0x06, 0x15, 0x25, 0x35
# Offsets in struct seccomp_data: number, architecture, halves of the second argument (little endian).
_NUMBER, _ARCHITECTURE, _SECOND_LOW, _SECOND_HIGH = 0, 4, 24, 28
_X32 = 0x40000000  # beginning of the numbers of an ABI that nobody uses
_NO_NUMBER = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Abi:
    """One way to call a kernel.

    Args:
        architecture: AUDIT_ARCH_* of it.
        denied: numbers that fail.
        sized: number of shmget, which is allowed for little.
    """

    architecture: int
    denied: Sequence[int]
    sized: int | None = None


# memfd_create, memfd_secret, add_key, request_key, keyctl; where shmget is not asked for its size also that, and ipc.
_ABIS = {
    "x86_64": (
        _Abi(0xC000003E, (319, 447, 248, 249, 250), 29),
        _Abi(0x40000003, (356, 447, 286, 287, 288, 395, 117)),
    ),
    "aarch64": (
        _Abi(0xC00000B7, (279, 447, 217, 218, 219), 194),
        _Abi(0x40000028, (385, 309, 310, 311, 307)),
    ),
}


def program(machine: str | None = None) -> bytes | None:
    """The filter for a machine, as the kernel takes it; None where its numbers are not known here.

    Args:
        machine: as `platform.machine` says; None is this one.
    """
    abis = _ABIS.get(machine or platform.machine())
    if abis is None:
        return None
    steps = [_step(_LOAD, _ARCHITECTURE)]
    for abi in abis:
        block = list(_block(abi))
        steps += [_step(_EQUAL, abi.architecture, 0, len(block)), *block]
    return b"".join([*steps, _step(_RETURN, _DENY)])


def _block(abi: _Abi) -> Iterator[bytes]:
    yield _step(_LOAD, _NUMBER)
    yield from (_step(_FROM, _X32, 0, 1), _step(_RETURN, _DENY))
    for number in abi.denied:
        yield from (_step(_EQUAL, number, 0, 1), _step(_RETURN, _DENY))
    yield from (_step(_EQUAL, abi.sized if abi.sized is not None else _NO_NUMBER, 0, 6),)
    yield from (_step(_LOAD, _SECOND_HIGH), _step(_EQUAL, 0, 1, 0), _step(_RETURN, _DENY))
    yield from (_step(_LOAD, _SECOND_LOW), _step(_ABOVE, SMALL_BYTES, 0, 1), _step(_RETURN, _DENY))
    yield _step(_RETURN, _ALLOW)


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
