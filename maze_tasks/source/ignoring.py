"""What a checkout's ``.gitignore`` files leave out.

Source: gitignore(5). The last pattern that matches decides; a file in a folder overrules those further up; what is left
out with its folder cannot be let in again, which holds by itself where such folders are not entered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maze_tasks.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pathspec import GitIgnoreSpec

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Ignoring:
    """The rules of one folder and of those above it.

    Args:
        base: the folder, relative to the top of the checkout; empty for the top.
        spec: its patterns.
        above: the rules of the folders above it.
    """

    base: str
    spec: GitIgnoreSpec
    above: Ignoring | None = None

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Whether a file or folder is left out, given that the folders it is in are not.

        Args:
            path: its path relative to the top of the checkout, below `base`.
            is_folder: whether it is a folder.
        """
        rules: Ignoring | None = self
        while rules is not None:
            within = path[len(rules.base) + 1 :] if rules.base else path
            verdict = rules.spec.check_file(f"{within}/" if is_folder else within).include
            if verdict is not None:
                return bool(verdict)
            rules = rules.above
        return False


def ignoring(base: str, content: bytes, above: Ignoring | None = None) -> Ignoring | None:
    """The rules of a ``.gitignore``, or `above` where it has none.

    Args:
        base: the folder it is in, relative to the top of the checkout.
        content: its bytes; what is no UTF-8 is read as file names are.
        above: the rules of the folders above.

    Raises:
        Refused: the library that reads patterns is not installed.
    """
    lines = content.decode(errors="surrogateescape").removeprefix(_BOM).split("\n")
    spec = _spec([line.removesuffix("\r") for line in lines], strict=False)
    return Ignoring(base, spec, above) if len(spec) else above


def globs(patterns: Iterable[str]) -> GitIgnoreSpec:
    """Globs in the syntax of ``.gitignore``, relative to the root of a tree.

    Raises:
        Refused: one of them is no glob, or the library that reads them is not installed.
    """
    return _spec(patterns, strict=True)


def _spec(lines: Iterable[str], *, strict: bool) -> GitIgnoreSpec:
    try:
        from pathspec import GitIgnoreSpec
    except ImportError:
        raise Refused("reading a source tree needs pathspec: pip install 'maze-tasks[code]'") from None
    patterns: list[Any] = []
    for line in lines:
        try:
            patterns += GitIgnoreSpec.from_lines([line]).patterns
        except ValueError as error:  # git passes over what it cannot read
            if strict:
                raise Refused(f"{line!r} is no glob: {error}") from None
    return GitIgnoreSpec([pattern for pattern in patterns if pattern.include is not None])
