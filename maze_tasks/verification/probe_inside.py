"""What the probe tries from inside the sandbox: everything here must fail there.

Run as ``python -I -S -c SOURCE ARGUMENTS``, for the sandbox does not show this file. It imports nothing of the project.
It prints one line of JSON:

``forks``        processes it could start at a time, at most `wanted`
``written``      places outside where it could make a file
``connected``    sockets it could connect to
``variables``    names of all environment variables of all processes it can see
``processes``    how many those are
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import suppress

CONNECT_S = 2.0


def forks(wanted: int) -> int:
    """How many children can be had at a time."""
    children: list[int] = []
    try:
        while len(children) < wanted:
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(children)


def written(folders: list[str], name: str) -> list[str]:
    """The folders in which a file could be made."""
    done = []
    for folder in folders:
        with suppress(OSError):
            os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_WRONLY))  # noqa: PTH118 - starts faster
            done.append(folder)
    return done


def connected(port: int, abstract: str) -> list[str]:
    """The listeners of the worker that could be reached."""
    done = []
    targets: list[tuple[socket.AddressFamily, tuple[str, int] | str]] = [
        (socket.AF_INET, ("127.0.0.1", port)),
        (socket.AF_UNIX, "\0" + abstract),
    ]
    for family, address in targets:
        with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(CONNECT_S)
            client.connect(address)
            done.append(family.name)
    return done


def processes() -> list[str]:
    """Ids of all processes to be seen."""
    return [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - starts faster


def variables() -> list[str]:
    """Names of the variables of all processes to be seen."""
    names: set[bytes] = set(map(os.fsencode, os.environ))
    for pid in processes():
        with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as stream:  # noqa: PTH123
            names.update(entry.partition(b"=")[0] for entry in stream.read().split(b"\0") if entry)
    return sorted(name.decode("utf-8", "replace") for name in names)


def main(text: str) -> None:
    """Try everything and print what could be done."""
    asked = json.loads(text)
    found = {
        "variables": variables(),
        "processes": len(processes()),
        "written": written(asked["folders"], asked["name"]),
        "connected": connected(asked["port"], asked["abstract"]),
        "forks": forks(asked["wanted"]),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
