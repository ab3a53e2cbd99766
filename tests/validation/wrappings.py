"""What models make of the code of a body: the forms in which it comes, and how much of it may differ afterwards."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from difflib import unified_diff

from maze_tasks.validation.lines import lines_of

_HEADER = re.compile(r"^[ \t]*(?:async )?def .*", re.MULTILINE)


def header(before: str) -> str:
    """The function around a hole that is the rest of its body: signature, docstring and all."""
    return before[list(_HEADER.finditer(before))[-1].start() :]


def tabbed(body: str) -> str:
    """A body with its indentation in tabs, four columns each."""
    lines = []
    for line in body.splitlines(keepends=True):
        columns = len(line) - len(line.lstrip(" "))
        lines.append("\t" * (columns // 4) + " " * (columns % 4) + line[columns:])
    return "".join(lines)


def numbered(text: str, sign: str) -> str:
    """A text with the numbers of its lines ahead of them."""
    return "".join(f"{number:3d}{sign}{line}" for number, line in enumerate(text.splitlines(keepends=True), 1))


def ahead(sign: str, text: str) -> str:
    """A text with a sign ahead of each of its lines."""
    return "".join(sign + line for line in text.splitlines(keepends=True))


def guises(before: str, body: str, after: str) -> Iterator[tuple[str, str]]:
    """A body in forms that tools write rather than people, each with its name."""
    whole = textwrap.dedent(header(before) + body)
    stub = f"{before}    pass\n{after}"
    hunk = unified_diff(stub.splitlines(True), f"{before}{body}{after}".splitlines(True), "a/f.py", "b/f.py")
    yield "JSON object", json.dumps({"explanation": "It adds.", "code": body})
    yield "JSON in a fence", f"```json\n{json.dumps({'completion': whole}, indent=1)}\n```"
    yield "JSON string", json.dumps(body)
    yield "JSON list of lines", json.dumps({"lines": body.splitlines()})
    yield "diff", f"```diff\n{''.join(hunk)}```"
    yield "added lines", ahead("+", body)
    yield "numbered lines", numbered(body, "  ")
    yield "numbered lines of a function", f"```python\n{numbered(whole, ' | ')}```"
    yield "quoted lines", ahead("> ", f"```python\n{body}```\n")
    yield "prompts", ">>> " + ahead("... ", whole)[4:]
    yield "tags within tags", f'<pre><code class="language-python">\n{body}</code></pre>'
    yield "tags in brackets", f"[PYTHON]\n{whole}[/PYTHON]"
    yield "a mark of bytes", f"\ufeff{body}"
    yield (
        "blanks of another kind",
        re.sub(r"^ +", lambda match: match[0].replace(" ", "\xa0"), body, flags=re.MULTILINE),
    )
    yield "line ends of old", body.replace("\n", "\r")
    yield "the hole's mark ahead", f"        # <<<FILL>>>\n{body}"
    yield "the hole's mark around", f"<<<FILL>>>\n{body.rstrip()}<<<FILL>>>\n"
    yield "a place for code", f"    # Your code here\n{body}"
    yield "a fence that only closes", f"{body}```\n"
    yield (
        "a fence glued to the code in prose",
        f"```python\n{body.rstrip()}```\n\n1. It iterates over `x`.\n2. It returns.\n",
    )


def wrapped(before: str, body: str, after: str) -> Iterator[tuple[str, str]]:
    """A body in the forms in which models answer, each with its name."""
    whole = textwrap.dedent(header(before) + body)
    yield "fence", f"```python\n{body}```"
    yield "fence glued to the code", f"```python\n{body.rstrip()}```"
    yield "fence in prose", f"Here is the code:\n\n```\n{body}```\n\nIt iterates. Call `f(x)`.\n"
    yield (
        "second of three fences",
        f"```bash\npip install x\n```\nThen:\n```python\n{body}```\n```python\nprint(1)\n```",
    )
    yield "prose around", f"Sure! Here is the body of the function:\n\n{body}\nThis returns the result of the call.\n"
    yield "whole function", header(before) + body
    yield "whole function at the margin", whole
    yield "whole function in a fence", f"```python\n{whole}```"
    yield "whole file", f"```python\n{before}{body}{after}\n```\nDone."
    yield "whole function and a main block", f'```python\n{whole}\n\nif __name__ == "__main__":\n    print(1)\n```'
    yield "at the margin", textwrap.dedent(body)
    yield "without white space at its ends", body.strip()
    yield "line ends of Windows", body.replace("\n", "\r\n")
    yield "tabs", tabbed(body)
    yield "thoughts", f"<think>\nLet me see: def f(x): return x\n</think>\n\n{body}"
    yield "special signs", f"<|im_start|>assistant\n{body}<|im_end|>\n<|endoftext|>"
    yield "going on", f"{body}\n\ndef test_it():\n    assert True\n\nprint(1)\n"
    yield "entities", f"```python\n{body.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}```"


def alike(one: str, other: str) -> bool:
    """Whether two bodies are one but for the white space that an altered fill may differ in.

    These are blank lines at its ends, white space at the ends of lines, and the units of its indentation.
    """
    return _levels(one) == _levels(other)


def _levels(body: str) -> list[tuple[int, str]]:
    """The lines that hold something, each statement with how many of the indentations around it are left open."""
    opened: list[int] = []
    found = []
    for line in lines_of(body, "python"):
        columns = len(line.indent.expandtabs(4))
        if line.begins:
            while opened and opened[-1] >= columns:
                opened.pop()
        if not line.blank:
            found.append((len(opened) if line.begins else -1, line.text.strip()))
        if line.begins:
            opened.append(columns)
    return found
