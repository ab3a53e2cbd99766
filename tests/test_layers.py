"""The architecture, held by reading the syntax trees of all modules: who imports whom, who may touch the world.

Each rule is a table here and a function from a module to the complaints about it. To add a package give it its line in
`BENEATH`; to reserve a library give it its line in `RESERVED`.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "maze_tasks"

# What each unit (a package or a single module under maze_tasks, or workers) may import besides itself. Units that are
# not named are on top of these: they may import everything but the two front doors.
FOUNDATION = frozenset({"models", "errors", "names", "record"})
FRONT_DOORS = frozenset({"cli", "workers"})
BENEATH: dict[str, frozenset[str]] = {
    "models": FOUNDATION,
    "errors": FOUNDATION,
    "names": FOUNDATION,
    "record": FOUNDATION,
    "decide": FOUNDATION,
    "syntax": FOUNDATION,
    "source": FOUNDATION | {"syntax"},
    "validation": FOUNDATION | {"syntax"},
    "verification": FOUNDATION,
    "endpoints": FOUNDATION,
    "store": FOUNDATION,
}

# Libraries that belong to the units named, so that what they bring (I/O, protocols, errors) stays there.
RESERVED: dict[str, frozenset[str]] = {
    "requests": frozenset({"endpoints"}),
    "httptools": frozenset({"endpoints"}),
    "redis": frozenset({"store"}),
    "hiredis": frozenset({"store"}),
    "celery": frozenset({"dispatch", "workers"}),
    "kombu": frozenset({"dispatch", "workers"}),
    "gevent": frozenset({"workers"}),
    "tree_sitter": frozenset({"syntax"}),
}

# All of the standard library that a pure decision may use: nothing that knows a file, a clock, a socket or a die.
PURE_UNITS = frozenset({"decide"})
# fmt: off
PURE_IMPORTS = frozenset({
    "__future__", "bisect", "collections", "dataclasses", "decimal", "enum", "fractions", "functools", "hashlib",
    "heapq", "itertools", "json", "math", "operator", "re", "statistics", "string", "textwrap", "types", "typing",
    "unicodedata",
})
# fmt: on
IMPURE_BUILTINS = frozenset({"open", "print", "input", "exec", "eval", "compile", "breakpoint", "__import__"})

FILE_LINES = 400
FUNCTION_LINES = 50


@dataclass(frozen=True)
class Module:
    """One module: its dotted name, whether it is a package's ``__init__``, and its text."""

    name: str
    text: str
    is_package: bool = False

    @property
    def unit(self) -> str:
        """The part of the architecture it belongs to: ``maze_tasks.store.keys`` belongs to ``store``."""
        return unit_of(self.name)

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def unit_of(name: str) -> str:
    """Unit of a dotted name of ours; the package's own ``__init__`` is the unit ``maze_tasks``."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == PACKAGE and rest else first


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in (PACKAGE, "workers")


def modules() -> list[Module]:
    """Every module of the package and of the workers that exists by now."""
    found = []
    for top in (PACKAGE, "workers"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            found.append(Module(name, path.read_text(encoding="utf-8"), is_package))
    return found


def imports(module: Module, nodes: Iterator[ast.AST] | None = None) -> Iterator[str]:
    """Dotted names of what a module imports, wherever in it: at its top, in a function, by `import_module`."""
    for node in nodes or ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(module, node)
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            yield from (
                arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            )


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    """The package that ``from ... import`` names, with leading dots resolved."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    above = node.level - 1 if module.is_package else node.level
    return ".".join([*parts[: len(parts) - above], *([node.module] if node.module else [])])


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def wrong_direction(module: Module) -> Iterator[str]:
    for name in imports(module):
        if not is_ours(name):
            continue
        unit, target = module.unit, unit_of(name)
        if target == unit:
            continue
        allowed = BENEATH.get(unit)
        if target in FRONT_DOORS or (allowed is not None and target not in allowed):
            yield f"{module.name} must not import {name}"


def reserved_library(module: Module) -> Iterator[str]:
    for name in imports(module):
        owners = RESERVED.get(name.partition(".")[0])
        if owners is not None and module.unit not in owners:
            yield f"{module.name} must not import {name}: it belongs to {', '.join(sorted(owners))}"


def impure(module: Module) -> Iterator[str]:
    if module.unit not in PURE_UNITS:
        return
    for name in imports(module):
        if not is_ours(name) and name.partition(".")[0] not in PURE_IMPORTS:
            yield f"{module.name} must stay pure but imports {name}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id in IMPURE_BUILTINS:
            yield f"{module.name}:{node.lineno} must stay pure but uses {node.id}"


def too_long(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines >= FILE_LINES:
        yield f"{module.name} has {lines} lines"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length >= FUNCTION_LINES:
                yield f"{module.name}:{node.lineno} {node.name} has {length} lines"


RULES: tuple[Callable[[Module], Iterator[str]], ...] = (wrong_direction, reserved_library, impure, too_long)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_module_breaks_the_rule(rule: Callable[[Module], Iterator[str]]) -> None:
    assert [complaint for module in modules() for complaint in rule(module)] == []


def test_no_modules_import_each_other_in_a_circle_when_loaded() -> None:
    known = {module.name: module for module in modules()}
    graph = {name: set(_loaded_with(module, known)) - {name} for name, module in known.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def _loaded_with(module: Module, known: dict[str, Module]) -> Iterator[str]:
    """Modules of ours named by its top-level imports; those under ``if TYPE_CHECKING`` or in functions come later."""
    for name in imports(module, iter(module.tree.body)):
        if name in known:
            yield name
        elif name.rpartition(".")[0] in known:
            yield name.rpartition(".")[0]


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("maze_tasks.decide.x", "from maze_tasks.store import runs", wrong_direction),
        ("maze_tasks.decide.x", "from maze_tasks import store", wrong_direction),
        ("maze_tasks.decide.x", "from ..store import keys", wrong_direction),
        ("maze_tasks.decide.x", "from .. import store", wrong_direction),
        ("maze_tasks.models.x", "import maze_tasks.decide.router", wrong_direction),
        ("maze_tasks.store.x", "def f():\n    from maze_tasks.endpoints import client", wrong_direction),
        ("maze_tasks.store.x", "import importlib\nimportlib.import_module('maze_tasks.source')", wrong_direction),
        ("maze_tasks.endpoints.x", "from maze_tasks.config import Settings", wrong_direction),
        ("maze_tasks.source.x", "from maze_tasks.validation import static", wrong_direction),
        ("maze_tasks.validation.x", "from maze_tasks import source", wrong_direction),
        ("maze_tasks.verification.x", "from maze_tasks.syntax import parse", wrong_direction),
        ("maze_tasks.syntax.x", "from maze_tasks.source import scanner", wrong_direction),
        ("maze_tasks.producer", "from maze_tasks.cli import main", wrong_direction),
        ("maze_tasks.control", "import workers.app", wrong_direction),
        ("maze_tasks.cli.x", "from workers import app", wrong_direction),
        ("workers.x", "from maze_tasks.cli import main", wrong_direction),
        ("maze_tasks.store.x", "import requests", reserved_library),
        ("maze_tasks.fill", "from redis.exceptions import RedisError", reserved_library),
        ("maze_tasks.producer", "import celery", reserved_library),
        ("maze_tasks.cli.x", "def f():\n    from kombu import Connection", reserved_library),
        ("maze_tasks.source.x", "from tree_sitter import Node", reserved_library),
        ("maze_tasks.decide.x", "import os", impure),
        ("maze_tasks.decide.x", "from pathlib import Path", impure),
        ("maze_tasks.decide.x", "def f():\n    import random", impure),
        ("maze_tasks.decide.x", "import urllib.request", impure),
        ("maze_tasks.decide.x", "import pydantic", impure),
        ("maze_tasks.decide.x", "open('x')", impure),
        ("maze_tasks.decide.x", "read = open", impure),
        ("maze_tasks.x", "\n" * FILE_LINES, too_long),
        ("maze_tasks.x", "def f():\n" + "    pass\n" * (FUNCTION_LINES - 1), too_long),
    ],
)
def test_each_rule_sees_what_it_is_there_to_see(name: str, text: str, rule: Callable[[Module], Iterator[str]]) -> None:
    assert len(list(rule(Module(name, text)))) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("maze_tasks.decide.x", "import re\nfrom maze_tasks.models import Hole\nimport maze_tasks.decide.plan"),
        ("maze_tasks.decide.x", "from .plan import plan\nfrom . import tokens"),
        ("maze_tasks.errors", "from maze_tasks.names import escape"),
        ("maze_tasks.endpoints.x", "import requests\nimport socket"),
        ("maze_tasks.store.x", "import redis"),
        ("maze_tasks.source.x", "from maze_tasks.syntax import parse"),
        ("maze_tasks.validation.x", "from maze_tasks.syntax import errors_in"),
        ("maze_tasks.syntax.x", "from tree_sitter import Parser"),
        ("maze_tasks.dispatch", "import celery, kombu\nfrom maze_tasks.config import Settings"),
        ("maze_tasks.producer", "from maze_tasks.store import runs\nfrom maze_tasks.decide import plan"),
        ("maze_tasks.cli.x", "from maze_tasks.producer import submit\nfrom maze_tasks.cli.output import show"),
        ("workers.x", "from celery import Celery\nfrom maze_tasks.fill import fill\nfrom workers.app import make_app"),
        ("maze_tasks.x", "def f():\n" + "    pass\n" * (FUNCTION_LINES - 2)),
    ],
)
def test_no_rule_complains_of_what_is_allowed(name: str, text: str) -> None:
    assert [complaint for rule in RULES for complaint in rule(Module(name, text))] == []
