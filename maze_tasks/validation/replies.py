"""Where in a reply the code is: out of fences, prose, thoughts and special signs. Text alone, no syntax."""

from __future__ import annotations

import html
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from maze_tasks.validation.lines import indent_of, lines_of

_THOUGHTS_END = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_THOUGHTS_BEGIN = re.compile(r"<(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
# Signs that chat and infilling formats put around a text and that some servers hand on.
_SIGN = (
    r"<\|[A-Za-z][\w▁ -]{0,40}\|>|<\uff5c[\w▁ ]{1,40}\uff5c>|</?s>|<(?:eos|bos|pad|unk|EOT|end_of_turn|start_of_turn)>"
    r"|<(?:fim_prefix|fim_middle|fim_suffix|fim_pad|file_sep|PRE|SUF|MID|END)>|\[/?INST\]|<</?SYS>>"
)
_SIGNS_AHEAD = re.compile(rf"(?:\s*(?:{_SIGN})[ \t]*(?:assistant\b[ \t]*)?\n?)+")
_SIGN_INSIDE = re.compile(_SIGN)
_TAGS_AROUND = ("code", "answer", "fill", "completion")
_ENCLOSED = re.compile(
    r"\A\s*(?:<(?P<tag>[A-Za-z][\w-]*)(?:\s[^<>\n]*)?>|\[(?P<word>[A-Z]+)\])[ \t]*\n?(?P<inner>.*?)"
    r"(?(tag)</(?P=tag)>|\[/(?P=word)\])\s*\Z",
    re.DOTALL,
)
_MOST_ENCLOSED = 3  # tags within each other, such as <pre><code>
_GLUED = re.compile(r"^(?![ \t>]*(?:```|~~~))(?P<code>[^\n]*[^`~\s])[ \t]*(?P<fence>```|~~~)[ \t]*$", re.MULTILINE)
UNSEEN: Final = ("\ufeff", "\u200b", "\u2060")
"""Signs without width that may stand ahead of a text."""
_FENCE = re.compile(r"^(?P<indent>[ \t]*(?:>[ \t]?)?)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$")
_INLINE = re.compile(r"(?<!`)(`{1,2})(?!`)([^`\n]+)\1(?!`)")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,5});")
_WORD = re.compile(r"[A-Za-z][a-z'-]*")
_CODE_SIGNS = re.compile(r"[=;{}\[\]]|\w\(|->|::|\w\.\w|^\s*[@#/]")
_LIST_ITEM = re.compile(r"^\s{0,3}(?:[-*•]|\d{1,2}[.)])\s+\S")
_HEADING = re.compile(r"^\s{0,3}(?:#{1,6}\s+[A-Z]|\*\*[^*]+\*\*)")
_CODE_WORDS = frozenset(keyword.kwlist) | {
    *("let", "const", "var", "fn", "use", "pub", "switch", "case", "throw", "new", "int", "void", "static", "public"),
    *(
        "func",
        "defer",
        "private",
        "protected",
        "do",
        "match",
        "where",
        "loop",
        "unsafe",
        "auto",
        "template",
        "typename",
    ),
    *(
        "struct",
        "enum",
        "impl",
        "mod",
        "type",
        "interface",
        "package",
        "catch",
        "export",
        "function",
        "delete",
        "using",
    ),
}
_STATEMENT = re.compile(
    r"\s*(?:(?:if|elif|for|while|with|try|except|else|finally|async)\b[^\n]*:\s*(?:#.*)?$"
    r"|(?:return|raise|yield|import|del|assert|break|continue|pass|def|class|fn|func|let|const|var)\b|@\w"
    r"|from\s+\S+\s+import\b|[\w.\[\]\"', ()*]+\s*(?:[-+*/%|&^]|//|\*\*|<<|>>|:)?=(?!=)\s*\S|[\w.]+\(.*\)\s*$"
    r"|.*[;{}]\s*$)"
)
_LAST = re.compile(r"\s*(?:(?:return|raise|throw)\b|\})")
_PROSE_WORDS = 3  # words without signs of code that make a line prose
_PLACES_TRIED = 8  # lines at which prose may begin or end

# What an info string may call a language.
_TAGS = {
    "python": {"python", "py", "python3", "pycon"},
    "rust": {"rust", "rs"},
    "go": {"go", "golang"},
    "typescript": {"typescript", "ts", "tsx"},
    "tsx": {"typescript", "ts", "tsx"},
    "javascript": {"javascript", "js", "jsx", "node"},
    "java": {"java"},
    "c": {"c", "h"},
    "cpp": {"cpp", "c++", "cc", "cxx"},
    "zig": {"zig"},
}
_OTHER_TAGS = frozenset(
    {"bash", "sh", "shell", "console", "text", "txt", "plaintext", "output", "diff", "json", "toml"}
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Args:
        tag: first word of its info string, in lower case.
        code: what is between the fences, byte for byte, but for the indentation of the fences themselves.
        closed: whether it has a closing fence.
    """

    tag: str
    code: str
    closed: bool = True


def cleaned(reply: str) -> Iterator[str]:
    """Readings of a reply, the most literal first: without thoughts, special signs, tags around, HTML entities."""
    thought = _without_thoughts(reply.lstrip("".join(UNSEEN)))
    text = _without_signs(thought)
    yield text
    if thought != text and not _SIGNS_AHEAD.match(thought):
        yield thought
    for tag in _TAGS_AROUND:
        begin, end = text.find(f"<{tag}>"), text.rfind(f"</{tag}>")
        if 0 <= begin < end:
            yield text[begin + len(tag) + 2 : end]
    enclosed = text
    for _ in range(_MOST_ENCLOSED):
        if match := _ENCLOSED.match(enclosed):
            yield (enclosed := match["inner"])
    unix = text.replace("\r\n", "\n")
    if (parted := _GLUED.sub(r"\g<code>\n\g<fence>", unix)) != unix:
        yield parted
    if _ENTITY.search(text):
        yield html.unescape(text).replace("\xa0", " ")


def _without_thoughts(text: str) -> str:
    """What follows the last thought; where nothing does, what stands ahead of the first."""
    ends = [match.end() for match in _THOUGHTS_END.finditer(text)]
    if not ends:
        return text  # a thought without an end is an answer without code
    behind = text[ends[-1] :]
    begin = _THOUGHTS_BEGIN.search(text)
    return behind if behind.strip() or begin is None else text[: begin.start()]


def _without_signs(text: str) -> str:
    ahead = _SIGNS_AHEAD.match(text)
    text = text[ahead.end() :] if ahead else text
    inside = _SIGN_INSIDE.search(text)
    return text[: inside.start()] if inside else text


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a text in its order; a fence closes with at least as many signs as opened it."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    held: list[str] = []
    for line in re.split(r"(?<=\n)", text):
        match = _FENCE.match(line.rstrip("\r\n"))
        if opened is None:
            opened, held = match, []
        elif match and not match["info"].strip() and match["fence"].startswith(opened["fence"]):
            found.append(_block(opened, held, closed=True))
            opened = None
        else:
            held.append(line)
    if opened is not None:
        ended = bool(held) and held[-1].rstrip().endswith(opened["fence"])
        if ended:
            held[-1] = held[-1].rstrip().removesuffix(opened["fence"]) + "\n"
        found.append(_block(opened, held, closed=ended))
    return found


def without_fences(text: str) -> str:
    """A text without its fences, for one whose fences have nothing between them: one that only closes."""
    return "".join(line for line in re.split(r"(?<=\n)", text) if not _FENCE.match(line.rstrip("\r\n")))


def _block(opened: re.Match[str], held: list[str], *, closed: bool) -> Block:
    indent = opened["indent"]
    # A block within a list is indented with its fences; one that is not keeps what it has.
    if indent and all(line.startswith(indent) or not line.strip() for line in held):
        held = [line.removeprefix(indent) for line in held]
    tag = re.split(r"[\s{},:=]", opened["info"].strip().lower(), maxsplit=1)[0]
    return Block(tag, "".join(held), closed)


def ranked(found: list[Block], language: str | None) -> list[Block]:
    """Blocks by how likely they hold the answer: those tagged with the language, those without a tag, others last."""
    tags = _TAGS.get(language or "", {language})

    def rank(block: Block) -> int:
        if block.tag in tags:
            return 0
        return 3 if block.tag in _OTHER_TAGS else 1 if not block.tag else 2

    return sorted((block for block in found if block.code.strip()), key=rank)


def inline(text: str) -> Iterator[str]:
    """Pieces of code within a line of prose, as in: the answer is `a + b`."""
    for match in _INLINE.finditer(text):
        yield match[2].strip()


def without_prose(text: str, language: str | None = None) -> Iterator[str]:
    """Readings of a text without fences in which prose is left out, and nothing that looks like code.

    Args:
        text: what a reply holds, or a part of it.
        language: the language of the code.
    """
    lines = lines_of(text, language)
    texts = [line.text for line in lines]
    prose = [not line.frozen and is_prose(line.text) for line in lines]
    if not any(prose):
        return
    first, last = 0, len(lines)
    while first < last and (prose[first] or not texts[first].strip()):
        first += 1
    while last > first and (prose[last - 1] or not texts[last - 1].strip()):
        last -= 1
    yield "".join(texts[first:last])
    yield "".join(texts[row] for row in range(first, last) if not (prose[row] and _is_words(texts[row])))
    # Behind the code, an explanation may hold lines that look like code: cut where it begins.
    for cut in [row for row in range(first, last) if prose[row]][:_PLACES_TRIED]:
        if not any(map(_is_code, texts[cut:last])) or _leaves(texts[first:cut]):
            yield "".join(texts[first:cut])
    for begin in [row + 1 for row in range(last - 1) if prose[row]][:_PLACES_TRIED]:
        if not any(map(_is_code, texts[first:begin])):
            yield "".join(texts[begin:last])


def _is_words(line: str) -> bool:
    """Whether a line of prose has no sign of code at all."""
    return not _CODE_SIGNS.search(re.sub(r"`[^`]*`", "code", line))


def _is_code(line: str) -> bool:
    """Whether a line is a statement rather than words that happen to look like a piece of one."""
    return _STATEMENT.match(line) is not None


def _leaves(texts: list[str]) -> bool:
    """Whether the last of the outermost statements leaves what it stands in, so that no other can follow it."""
    held = [line for line in texts if line.strip()]
    if not held:
        return False
    least = min(indent_of(line) for line in held)
    last = [line for line in held if indent_of(line) == least][-1]
    return _LAST.match(last) is not None


def is_prose(line: str) -> bool:
    """Whether a line is words rather than code: a sentence, a heading, an item of a list."""
    text = line.strip()
    if not text or text[0] in "+>|" or _is_code(line) or _SIGN_INSIDE.match(text):
        return False
    if _HEADING.match(line) or text in ("---", "***", "___"):
        return True
    words = _WORD.findall(re.sub(r"`[^`]*`", "code", text))
    if _LIST_ITEM.match(line):
        return len(words) >= (1 if text[0].isdigit() else _PROSE_WORDS)
    if not words or words[0] in _CODE_WORDS or text.startswith(("#", "//", "/*", '"', "'", "@")):
        return False
    if re.fullmatch(r"[A-Z][A-Za-z ,']*[:!.]", text):
        return True
    if text.endswith((":", ".", "!", "?")) and len(words) >= _PROSE_WORDS and text[0].isupper():
        return True
    return len(words) >= _PROSE_WORDS and not _CODE_SIGNS.search(text)
