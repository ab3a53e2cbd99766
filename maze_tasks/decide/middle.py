"""What a model that fills in the middle is shown: no words, only code before the hole and code after it."""

from __future__ import annotations

from maze_tasks.decide import showing
from maze_tasks.decide.windows import Around, around, size_of
from maze_tasks.models import ContextPiece, Hole

_CODE_SHARE = 1, 2  # of the room, what the code around the hole gets before other pieces
_HASH_LANGUAGES = frozenset({"python", "ruby", "shell", "bash", "perl", "r", "yaml", "toml", "make", "elixir", "julia"})
_AS_CODE = "imports"  # the kind of piece that belongs to the file itself, if it is not there already
_OWN_PLACE = frozenset({"usage", "neighbour"})  # kinds that a model would take for more of the same file


def code_for_middle(hole: Hole, most_bytes: int) -> Around:
    """The code around a hole within a number of bytes, with other code that it needs ahead of it.

    Such a model was trained on files, so what is cut is not marked. Imports that were cut away stand at the top again;
    definitions of other places stand above them as comments, as is usual for models that read one file at a time
    (source: Zhang et al., RepoCoder, 2023).

    Args:
        hole: a hole whose code before is known.
        most_bytes: size of both sides together, in UTF-8.
    """
    code = Around(hole.prefix or "", hole.suffix or "")
    share, of = _CODE_SHARE
    least = min(code.size, max(most_bytes, 0) * share // of)
    shown = around(code, least)
    pieces = showing.without_shown((piece for piece in hole.pieces if piece.kind not in _OWN_PLACE), "".join(shown))
    head = _head(pieces, hole.language, most_bytes - least)
    shown = around(code, most_bytes - size_of(head))
    return Around(head + shown.before, shown.after)


def _head(pieces: list[ContextPiece], language: str | None, room: int) -> str:
    """Comments and imports, the most useful pieces that fit."""
    early, _ = showing.ordered(pieces)
    comments: list[str] = []
    imports: list[str] = []
    for piece in early:
        text = _as_code(piece) if piece.kind == _AS_CODE else _as_comment(piece, language)
        size = size_of(text)
        if size <= room:
            room -= size
            (imports if piece.kind == _AS_CODE else comments).append(text)
    return "".join(comments + imports)


def _as_code(piece: ContextPiece) -> str:
    text = piece.text.strip("\n")
    return f"{text}\n\n" if text else ""


def _as_comment(piece: ContextPiece, language: str | None) -> str:
    leader = "#" if language is None or language.lower() in _HASH_LANGUAGES else "//"
    lines = [" ".join(piece.title.split()), *piece.text.strip("\n").splitlines()]
    return "".join(f"{leader} {line}".rstrip() + "\n" for line in lines) + "\n"
