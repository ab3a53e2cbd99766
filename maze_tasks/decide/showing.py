"""Which pieces of the code base and which earlier answers a prompt shows, and how they look in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from maze_tasks.decide.windows import first_lines, size_of
from maze_tasks.models import PIECE_KINDS, ContextPiece, Diagnostic

CONTEXT_TITLE = "Other code of the same project:"
DIAGNOSTICS_TITLE = "Earlier answers for this hole were rejected. Do not repeat what was wrong with them:"
LEFT_OUT_REST = "\n[the rest left out]"

MOST_DIAGNOSTICS = 3  # earlier answers that are shown, the latest ones
MOST_REASON = 2000  # bytes of why one was rejected; what a test runner says of a failure fits
MOST_ANSWER = 1200  # bytes of the answer itself
LEAST_PIECE = 200  # bytes of room that are worth the beginning of a piece

_GAP = "\n\n"  # between entries
_RANKS = {kind: rank for rank, kind in enumerate(PIECE_KINDS)}
_LATE_RANK = _RANKS["neighbour"]  # from here on, and for unknown kinds: what shows style rather than facts
_WHOLE = frozenset({"dependency", "imports"})  # kinds of which a part is of little use
_TELLING = 4  # characters of a line that says something; a bracket alone is everywhere
_ELIDED = "..."

# Bytes that earlier answers take at most, headings included.
MOST_DIAGNOSTICS_BYTES = size_of(DIAGNOSTICS_TITLE) + MOST_DIAGNOSTICS * (MOST_REASON + MOST_ANSWER + 100)


def ordered(pieces: Iterable[ContextPiece]) -> tuple[list[ContextPiece], list[ContextPiece]]:
    """The pieces by weight, those of equal weight by kind and then as given: the facts, and what only shows style."""
    by_use = sorted(pieces, key=lambda piece: (-piece.weight, _rank(piece)))
    early = [piece for piece in by_use if _rank(piece) < _LATE_RANK]
    return early, [piece for piece in by_use if _rank(piece) >= _LATE_RANK]


def choose(pieces: Sequence[ContextPiece], room: int) -> tuple[list[str], int]:
    """The entries of the pieces that fit, in their order, and what is left of the room.

    A piece that does not fit is cut at the end of a line if enough of it fits, else left out, and later ones are tried.
    But for `_WHOLE` kinds none gets more than half of the room: a large one does not keep out several others.

    Args:
        pieces: the most useful first.
        room: bytes.
    """
    entries: list[str] = []
    half = room if len(pieces) == 1 else room // 2
    for piece in pieces:
        entry = _entry(piece, (room if piece.kind in _WHOLE else min(room, half)) - size_of(_GAP))
        if entry:
            entries.append(entry)
            room -= size_of(_GAP) + size_of(entry)
    return entries, room


def without_shown(pieces: Iterable[ContextPiece], code: str) -> list[ContextPiece]:
    """The pieces of which some telling line does not stand in `code`."""
    lines = frozenset(line.strip() for line in code.splitlines())
    return [piece for piece in pieces if not _is_shown(piece, lines)]


def context_section(entries: Sequence[str]) -> str:
    """The section of the pieces chosen."""
    return _GAP.join((CONTEXT_TITLE, *entries)) if entries else ""


def diagnostics_section(diagnostics: Sequence[Diagnostic], room: int) -> str:
    """The section of earlier answers, as many as fit.

    Args:
        diagnostics: the latest first.
        room: bytes.
    """
    shown: list[str] = []
    room -= size_of(DIAGNOSTICS_TITLE)
    for diagnostic in diagnostics[:MOST_DIAGNOSTICS]:
        entry = next((text for text in _told(diagnostic) if size_of(_GAP) + size_of(text) <= room), None)
        if entry is None:
            break
        shown.append(entry)
        room -= size_of(_GAP) + size_of(entry)
    return _GAP.join((DIAGNOSTICS_TITLE, *shown)) if shown else ""


def _rank(piece: ContextPiece) -> int:
    return _RANKS.get(piece.kind, len(_RANKS))


def _entry(piece: ContextPiece, room: int) -> str:
    """A piece with its title, whole or cut, or nothing."""
    title = " ".join(piece.title.split()) or piece.kind
    text = piece.text.strip("\n")
    whole = f"{title}:\n<code>\n{text}\n</code>"
    if size_of(whole) <= room:
        return whole if text.strip() else ""
    frame = f"{title}:\n<code>\n{LEFT_OUT_REST}\n</code>"
    spare = room - size_of(frame)
    if spare < LEAST_PIECE:
        return ""
    return f"{title}:\n<code>\n{first_lines(text, spare)}{LEFT_OUT_REST}\n</code>"


def _is_shown(piece: ContextPiece, lines: Collection[str]) -> bool:
    telling = [line for line in map(str.strip, piece.text.splitlines()) if len(line) >= _TELLING]
    return all(line in lines for line in telling)


def _told(diagnostic: Diagnostic) -> Iterator[str]:
    """An earlier answer: with its code, shortened, or the reason alone."""
    reason = f"Rejected: {shortened(diagnostic.reason.strip(), MOST_REASON)}"
    if diagnostic.code and diagnostic.code.strip():
        answer = shortened(diagnostic.code.strip("\n"), MOST_ANSWER)
        yield f"{reason}\n<answer>\n{answer}\n</answer>"
    yield reason


def shortened(text: str, limit: int) -> str:
    """The first lines of a text that is too long, and that there were more."""
    if size_of(text) <= limit:
        return text
    return first_lines(text, limit - size_of(LEFT_OUT_REST)) + LEFT_OUT_REST
