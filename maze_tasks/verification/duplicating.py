"""Copies that share nothing that can be written to: reflinks where they work, else plain copies, never hard links."""

# Paths are texts here: thousands of them for every run.
# ruff: noqa: PTH101, PTH102, PTH115, PTH211

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress

FICLONE = 0x40049409  # ioctl_ficlone(2)
COPY_BYTES = 1024 * 1024
PERMISSIONS = 0o777  # bits that are copied: a copy runs with nobody else's rights
# What FICLONE answers where it cannot be done here, rather than this time.
_NO_REFLINKS = frozenset({errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM})


class Duplicator:
    """Copies below one folder, which learns whether reflinks work there.

    Args:
        uid: user and group who shall own what is made; None is this process's.
    """

    def __init__(self, uid: int | None = None) -> None:
        self.uid = uid
        self.reflinks = True

    def file(self, source: str, target: str, found: os.stat_result) -> None:
        """Make `target` a copy of a regular file: content, permission bits, time of the last write.

        Args:
            source: a regular file; a link is refused.
            target: does not exist yet.
            found: stat of the source.

        Raises:
            OSError: it cannot be read or made.
        """
        reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            writing = self._made(target)
            try:
                if not self._cloned(reading, writing):
                    _stream(reading, writing)
                self._finish(writing, found.st_mode & PERMISSIONS, found.st_mtime_ns)
            finally:
                os.close(writing)
        finally:
            os.close(reading)

    def content(self, target: str, content: bytes, mode: int) -> None:
        """Make a file with a content.

        Args:
            target: does not exist yet.
            content: its bytes.
            mode: its permission bits.

        Raises:
            OSError: it cannot be made.
        """
        writing = self._made(target)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(writing, view) :]
            self._finish(writing, mode, None)
        finally:
            os.close(writing)

    def link(self, source: str, target: str, found: os.stat_result) -> None:
        """Make `target` a symbolic link that says what `source` says.

        Raises:
            OSError: it cannot be read or made.
        """
        os.symlink(os.readlink(source), target)
        if self.uid is not None:
            os.chown(target, self.uid, self.uid, follow_symlinks=False)
        os.utime(target, ns=(found.st_mtime_ns, found.st_mtime_ns), follow_symlinks=False)

    def folder(self, target: str) -> None:
        """Make an empty folder that this process can fill; `finish_folder` gives it its mode.

        Raises:
            OSError: it cannot be made.
        """
        os.mkdir(target, 0o700)
        if self.uid is not None:
            os.chown(target, self.uid, self.uid)

    def finish_folder(self, target: str, mode: int, mtime_ns: int) -> None:
        """Give a folder its mode and its time, and take from it what else a command may have set.

        Raises:
            OSError: it is not ours.
        """
        # Permission lists and the like survive a change of mode.
        for name in os.listxattr(target):
            if name.startswith(("user.", "system.posix_acl")):
                with suppress(OSError):
                    os.removexattr(target, name)
        os.chmod(target, mode)
        os.utime(target, ns=(mtime_ns, mtime_ns))

    def _made(self, target: str) -> int:
        return os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def _finish(self, descriptor: int, mode: int, mtime_ns: int | None) -> None:
        if self.uid is not None:
            os.fchown(descriptor, self.uid, self.uid)
        os.fchmod(descriptor, mode)
        if mtime_ns is not None:
            os.utime(descriptor, ns=(mtime_ns, mtime_ns))

    def _cloned(self, reading: int, writing: int) -> bool:
        if not self.reflinks:
            return False
        try:
            fcntl.ioctl(writing, FICLONE, reading)
        except OSError as error:
            if error.errno not in _NO_REFLINKS:
                raise
            self.reflinks = False
        return self.reflinks


def _stream(reading: int, writing: int) -> None:
    while chunk := os.read(reading, COPY_BYTES):
        view = memoryview(chunk)
        while view:
            view = view[os.write(writing, view) :]
