"""Taking a reply apart: out of what a model says, the code that fits the hole."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

from maze_tasks.errors import Failure
from maze_tasks.models import Hole
from maze_tasks.validation.candidates import Candidate, candidates
from maze_tasks.validation.echoes import opens_again
from maze_tasks.validation.findings import MAX_MESSAGE_CHARS, Fill, Finding
from maze_tasks.validation.fit import misfits, parses
from maze_tasks.validation.frame import Frame, frame_of
from maze_tasks.validation.guises import is_diff, is_text, unmarked
from maze_tasks.validation.indentation import newlines_fit
from maze_tasks.validation.likeness import likeness
from maze_tasks.validation.lines import bare, unbraced
from maze_tasks.validation.replies import UNSEEN, Block, blocks, cleaned, ranked, without_prose
from maze_tasks.validation.static import MAX_FILL_CHARS
from maze_tasks.validation.stubs import is_stub

TAKING_BUDGET_S = 8.0  # processor time after which no further reading is tried; one takes milliseconds
_MOST_READ = 8_000_000  # characters parsed for one reply, over all its readings
_LEAST_TRIES, _MOST_TRIES = 6, 60  # readings tried
_TABBED, _SPACED = re.compile(r"^\t", re.MULTILINE), re.compile(r"^ +\S", re.MULTILINE)
_TABS = re.compile(r"^\t+", re.MULTILINE)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot);")
_BACKTICKS = frozenset({"javascript", "typescript", "tsx", "go"})  # where a fence may be read as texts
_PROSE_LANGUAGES = frozenset({"markdown", "md", "rst", "text", "txt", "asciidoc", "html", "latex", "tex"})


def take_apart(reply_text: str, hole: Hole, file_text: str | None = None) -> Fill | Failure:
    """The fill that a reply holds.

    A reply that fits as it is stays as it is, byte for byte; taking the code of a fill apart again changes nothing. Any
    other is read in the ways models answer, the most literal first, and the first reading that fits is taken:
    without fences, prose, thoughts and special signs; the body out of a whole function, class or file; without what it
    repeats of the code around; indented and with line ends as the file is. White space at the edges of an altered fill
    becomes what its place wants; lines within strings keep theirs.

    Where the language is not known, or nothing of the code around the hole, there is nothing to fit to: only fences are
    removed, and prose around them.

    Args:
        reply_text: the reply as it came.
        hole: the hole, its prefix, suffix and language as far as they are known.
        file_text: the file as it was scanned, if at hand.

    Returns:
        The fill, or a failure of kind ``empty``, ``too_large`` or ``unusable``, whose message says why.
    """
    if not reply_text.strip():
        return Failure("empty", "the reply holds no code")
    if len(reply_text) > MAX_FILL_CHARS:
        return Failure("too_large", f"the reply has {len(reply_text)} characters, more than {MAX_FILL_CHARS}")
    try:
        reply_text.encode()
    except UnicodeEncodeError:
        return Failure("unusable", "the reply is not valid Unicode")
    frame = frame_of(hole, file_text)
    if frame.known and frame.language is not None:
        return _fitted(reply_text, frame)
    return _plain(reply_text, hole, frame)


def _fitted(reply: str, frame: Frame, clock: Callable[[], float] = time.thread_time) -> Fill | Failure:
    """The first reading that fits."""
    end = clock() + TAKING_BUDGET_S
    loose = misfits(frame, reply)
    if not loose and _in_style(reply, frame):
        return _spaced(reply, frame)
    tries = max(_LEAST_TRIES, min(_MOST_TRIES, _MOST_READ // (len(frame.before) + len(frame.after) + len(reply))))
    seen = {reply}
    why: Finding | None = loose[0] if loose else None
    unread: Finding | None = None
    stub = lacking = False
    for candidate in candidates(reply, frame):
        if candidate.code in seen or not candidate.code.strip():
            continue
        seen.add(candidate.code)
        if is_stub(candidate.code):
            stub = True
            continue
        found = _against(candidate, frame)
        if found is None:
            return Fill(_spaced(candidate.code, frame).code, candidate.imports, altered=True)
        if unread is None or (candidate.missing and not lacking):
            unread, lacking = found, bool(candidate.missing)
        if len(seen) > tries or clock() > end:
            break
    if not loose:
        return Fill(reply)
    reason = "nothing but the mark of a hole" if stub else f"no code that fits: {unread or why}"
    return Failure("unusable", f"the reply holds {reason}"[:MAX_MESSAGE_CHARS])


def _against(candidate: Candidate, frame: Frame) -> Finding | None:
    """What speaks against a reading, or None."""
    if candidate.missing:
        names = ", ".join(f"`{name}`" for name in candidate.missing)
        return Finding("surroundings", f"it needs {names}, defined outside of the hole")
    found = misfits(frame, candidate.code)
    if found:
        return found[0]
    return None if _in_style(candidate.code, frame) else Finding("style", "its line ends or its indentation are others")


def _in_style(code: str, frame: Frame) -> bool:
    """Whether a fill is written as the file is and repeats nothing of its line; what only parses by chance is not.

    That is: a line's white space ahead of the hole, ``x = `` behind ``x = ``, the line that opens the block around it,
    braces around a block that has them already, ``&amp;`` outside of a text, a fence, which scripts read as a text, the
    signs of a diff, and nothing but a text where statements stand.
    """
    if frame.left and not frame.left.strip() and code[:1] in (" ", "\t"):
        return False
    left = "".join(frame.left.split())
    repeated = left.endswith("=") and "".join(code.split()).startswith(left)
    if repeated and "".join(code.split())[len(left) :][:1] not in ("=", ">"):
        return False
    if frame.language == "python" and not frame.statements and code.rstrip().endswith(";"):
        return False
    if code.lstrip().startswith((*UNSEEN, "assistant:")) or (
        "\r" in code.replace("\r\n", "") and frame.newline is not None
    ):
        return False
    if (frame.statements and (is_diff(code) or is_text(code))) or unmarked(code, frame.language) != code:
        return False
    if frame.inner and unbraced(code, frame.language) != code:
        return False
    if opens_again(code, frame.before) or _ENTITY.search(bare(code, frame.language)):
        return False
    fenced = code.lstrip().startswith(("```", "~~~")) or (frame.language in _BACKTICKS and bool(blocks(code)))
    return newlines_fit(code, frame.newline) and not fenced


def _spaced(code: str, frame: Frame) -> Fill:
    """A fill that fits; its tabs are spaces in a file that indents by spaces alone, if it says the same then."""
    around = frame.before + frame.after
    if not _TABBED.search(code) or _TABBED.search(around) or not _SPACED.search(around):
        return Fill(code)
    spaced = _TABS.sub(lambda tabs: "    " * len(tabs[0]), code)
    same = likeness(spaced, frame.language) == likeness(code, frame.language)
    fits = same and not misfits(frame, spaced) and _in_style(spaced, frame)
    return Fill(spaced, altered=True) if fits else Fill(code)


def _plain(reply: str, hole: Hole, frame: Frame) -> Fill | Failure:
    """The code of a reply for a hole that nothing is known to fit to."""
    text = reply
    while len(inner := _unwrapped(text, hole, frame)) < len(text):
        text = inner
    if not text.strip():
        return Failure("empty", "the reply holds no code")
    return Fill(text, (), altered=text != reply)


def _unwrapped(text: str, hole: Hole, frame: Frame) -> str:
    if _wants_json(hole):
        return _json_in(text)
    if frame.language is not None and parses(frame.language, text):
        return text
    named = (hole.language or "").strip().lower()
    found = blocks(text)
    if named in _PROSE_LANGUAGES and not _spans(text, found):
        return text
    chosen = [block for block in found if block.code.strip()]
    if chosen:
        return ranked(chosen, frame.language or named)[0].code
    if found and not chosen:
        return ""
    if frame.language is None:
        return text
    readings = (reading for one in cleaned(text) for reading in (one, *without_prose(one)))
    return next((one for one in readings if one.strip() and parses(frame.language, one)), text)


def _spans(text: str, found: list[Block]) -> bool:
    """Whether a text is nothing but one fenced block."""
    body = text.strip()
    return len(found) == 1 and found[0].closed and body.startswith(("```", "~~~")) and body.endswith(("```", "~~~"))


def _wants_json(hole: Hole) -> bool:
    """Whether the fill is a JSON value: it has a schema, and no code around it that says otherwise."""
    schema = hole.spec.fill_schema or next((one.json_schema for one in hole.constraints if one.json_schema), None)
    return schema is not None and not (hole.prefix or hole.suffix) and hole.language in (None, "", "json")


def _json_in(text: str) -> str:
    """The first JSON value that stands in a text as a whole, in a fence, or between the outermost brackets."""
    readings = [text, *(block.code for block in ranked(blocks(text), "json"))]
    for one in cleaned(text):
        readings += [one[one.find(begin) : one.rfind(end) + 1] for begin, end in ("{}", "[]") if begin in one]
    return next((one for one in readings if _is_json(one)), text if len(readings) == 1 else readings[1])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
