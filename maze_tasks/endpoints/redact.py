"""Keeping secrets out of every text that a server or the network stack wrote.

Redaction goes by value: whoever echoes a key, in whatever header or message, is caught without anybody having to
foresee the place. The common encodings of the value are caught with it.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from html import escape as html_escape
from urllib.parse import quote, quote_plus

MAX_MESSAGE_CHARS = 500  # of an error message (CONTRACTS of `Failure`)
MIN_SECRET_CHARS = 4  # a shorter value would blank ordinary words without protecting anything
MIN_UNMISTAKABLE_CHARS = 16  # from here on a match in generated text is the key, not a word such as "EMPTY"
MIN_DRAWN_CHARS = 8  # from here on one of letters and digits mixed was drawn, as "h7Kq92xz" was and "EMPTY" was not
MAX_EXAMINED_CHARS = 16_384  # of a server's text; only 500 are shown in the end
MIN_BASE64_CHARS = 8  # a shorter piece of base64 occurs by chance
MARK = "[redacted]"

_BASE64_GROUP = 3  # bytes that become four characters
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANKS = re.compile(r"\s+")
_KNOWN_NAMES, _NAME_CHARS = 64, 200  # texts of servers that are remembered as they are shown, and how long they may be


class Redactor:
    """Turns foreign text into one line without secrets.

    Args:
        secrets: the values that must not be shown; those shorter than `MIN_SECRET_CHARS` are left alone.
    """

    __slots__ = ("_drawn", "_known", "_longest", "_pattern", "_unmistakable")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        kept = [secret for secret in secrets if len(secret) >= MIN_SECRET_CHARS]
        forms = sorted({form for secret in kept for form in _forms(secret)}, key=len, reverse=True)
        self._longest = len(forms[0]) if forms else 0
        self._pattern = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE) if forms else None
        self._unmistakable = tuple(
            form
            for secret in kept
            if len(secret) >= MIN_UNMISTAKABLE_CHARS
            for form in _forms(secret)
            if len(form) >= MIN_UNMISTAKABLE_CHARS
        )
        self._drawn = tuple(secret for secret in kept if _is_drawn(secret))
        self._known: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Redactor(...)"

    def __call__(self, text: str, limit: int = MAX_MESSAGE_CHARS) -> str:
        """One printable line of at most `limit` characters, every secret replaced by `MARK`."""
        shown = self._without_secrets(text[:MAX_EXAMINED_CHARS])
        if len(text) > MAX_EXAMINED_CHARS:
            # What was cut off may have been the rest of a secret: its beginning goes too.
            shown = shown[: max(len(shown) - self._longest, 0)]
        shown = shown if shown.isprintable() else "".join(map(_printable, shown))
        line = _BLANKS.sub(" ", shown).strip()
        # Once more: dropping control characters may have joined what they had parted.
        line = self._without_secrets(line)
        return line if len(line) <= limit else line[: limit - 1] + "…"

    def name(self, text: str) -> str:
        """The same for what a server says with every reply: the name of a model, the reason to end."""
        known = self._known.get(text)
        if known is None:
            known = self(text)
            if len(text) <= _NAME_CHARS and len(self._known) < _KNOWN_NAMES:
                self._known[text] = known
        return known

    def hide(self, text: str) -> str:
        """`text` as it is, every secret replaced by `MARK`."""
        return self._without_secrets(text)

    def betrays(self, text: str, asked: str = "") -> bool:
        """Whether `text` holds a secret that cannot be there by chance.

        A long one is the key wherever it stands. A shorter one that mixes letters and digits is, where it is a word of
        its own that does not stand in what was asked. A plain word such as ``EMPTY``, ``test`` or ``x`` tells nothing.

        Args:
            text: what a model wrote.
            asked: what it was asked, prompt and code.
        """
        if any(secret in text for secret in self._unmistakable):
            return True
        return any(secret not in asked and _is_word_of(secret, text) for secret in self._drawn if secret in text)

    def _without_secrets(self, text: str) -> str:
        return self._pattern.sub(MARK, text) if self._pattern else text


PLAIN = Redactor()


def _is_drawn(secret: str) -> bool:
    """Whether a secret that is not long looks like one that was drawn, rather than like a word."""
    mixed = any(map(str.isalpha, secret)) and any(map(str.isdigit, secret))
    return mixed and MIN_DRAWN_CHARS <= len(secret) < MIN_UNMISTAKABLE_CHARS


def _is_word_of(secret: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", text) is not None


def _printable(char: str) -> str:
    """The character, or a blank for one that could break a line, a terminal or an encoder."""
    return " " if unicodedata.category(char) in _UNPRINTABLE else char


def _forms(secret: str) -> Iterator[str]:
    """The ways a value is commonly written: as it is, quoted for URL, JSON, HTML, Python, and in base64 and hex."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield quote(secret, safe="", errors="replace")
    yield quote(secret, errors="replace")
    yield quote_plus(secret, errors="replace")
    for ascii_only in (True, False):
        escaped = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield escaped.replace("/", "\\/")
    yield html_escape(secret)
    yield repr(secret)[1:-1]
    yield raw.hex()
    yield from _base64_forms(raw)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """What base64 makes of the value by itself, and at each of the three offsets it may have in a longer text."""
    yield base64.b64encode(raw).decode("ascii")
    yield base64.urlsafe_b64encode(raw).decode("ascii")
    for offset in range(_BASE64_GROUP):
        padded = b"\0" * offset + raw
        whole = len(padded) // _BASE64_GROUP * _BASE64_GROUP  # the rest mixes with whatever follows
        start = -(-offset * 4 // _BASE64_GROUP)  # characters that also depend on what stands before
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            form = encode(padded[:whole]).decode("ascii")[start:]
            if len(form) >= MIN_BASE64_CHARS:
                yield form
