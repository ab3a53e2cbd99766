"""What the documentation says is so: commands, options, settings, fields, links and examples."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import maze_tasks
from maze_tasks.cli import COMMANDS, main
from maze_tasks.config import Settings
from maze_tasks.config.settings import PromptFiles
from maze_tasks.errors import MazeError
from maze_tasks.models import HoleSpec, HoleState, ModelEndpoint, RefinementConfig
from maze_tasks.models.holes import Hole
from maze_tasks.models.metrics import ModelMetrics
from maze_tasks.models.runs import Attempt, HoleResult, RunStatus
from maze_tasks.names import FORMAT_VERSION
from maze_tasks.simulate.latency import Latency
from maze_tasks.simulate.settings import Fault, SimulatedEndpoint
from maze_tasks.store.keys import RunKeys
from maze_tasks.verification import VerifyProfile

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "examples").rglob("*.md")) + sorted((ROOT / "deploy").rglob("*.md"))

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
OF_THE_READER = {"config_path", "warnings", "lines", "templates"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return BLOCK.sub("", page.read_text())


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text()) if found == language]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def section(page: Path, title: str) -> str:
    """What stands under a title, up to the next one of its level or above."""
    level, text = title.count("#"), page.read_text()
    start = text.index(f"\n{title}\n") + len(title) + 2
    end = re.search(rf"^#{{1,{level}}} ", text[start:], re.MULTILINE)
    return text[start : start + end.start()] if end else text[start:]


def rows(text: str) -> list[list[str]]:
    """Cells of a section's tables, headings left out."""
    cut = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    tables = [[cell.strip() for cell in cells] for cells in cut]
    return [cells for cells in tables if cells[0].startswith("`")]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        aim = (page.parent / file).resolve() if file else page
        assert aim.exists(), target
        assert not anchor or anchor in anchors(aim), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_tells_of_the_machine_it_was_written_on(page: Path) -> None:
    assert not re.search(r"(?<!\w)/(?:work|root|home)/", page.read_text())


def test_every_how_to_is_reached_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in LINK.findall((ROOT / "README.md").read_text())}
    assert {name_of(page) for page in PAGES if page.parts[-2] in ("how-to", "reference", "docs")} <= linked


def test_the_two_commands_of_the_readme_are_there() -> None:
    (first, *_) = blocks(ROOT / "README.md", "sh")
    commands = [shlex.split(line, comments=True) for line in first.splitlines()]
    assert len(commands) == 2
    assert all((ROOT / command[1]).is_file() for command in commands)


def commands() -> dict[str, click.Command]:
    context = click.Context(main)
    found = {name: main.get_command(context, name) for name in COMMANDS}
    return {name: command for name, command in found.items() if command is not None}


def section_of(command: str) -> str:
    page = REFERENCE / "commands.md"
    title = re.search(rf"^## maze {command}\b.*$", page.read_text(), re.MULTILINE)
    assert title, f"no section of its own: maze {command}"
    return section(page, title[0])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_explained_and_no_other(command: str) -> None:
    known = {
        option
        for parameter in commands()[command].params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    } - {"-h", "--help"}
    explained = {option for cells in rows(section_of(command)) for option in OPTION.findall(cells[0])}
    assert explained == known


@pytest.mark.parametrize("command", COMMANDS)
def test_the_heading_of_a_command_names_its_arguments(command: str) -> None:
    arguments = [one for one in commands()[command].params if isinstance(one, click.Argument)]
    title = re.search(rf"^## maze {command}(.*)$", (REFERENCE / "commands.md").read_text(), re.MULTILINE)
    assert title
    shown = [one.strip("[]") for one in title[1].split()]
    assert shown == [(one.metavar or (one.name or "").upper()).strip("[]") for one in arguments]


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("status", RunStatus(run="r", state="done").report()),
        ("results", HoleResult(hole_id=1, status="filled").report()),
        ("results", Attempt(candidate=0, model="m", outcome="accepted").report()),
        ("metrics", ModelMetrics().report()),
    ],
    ids=["status", "results", "attempts", "metrics"],
)
def test_every_field_of_a_report_is_named(command: str, fields: dict[str, Any]) -> None:
    named = set(re.findall(r"\w+", section_of(command)))
    assert set(fields) <= named


def toml(value: object) -> str:
    """A default as a table of the reference writes it."""
    if value is None:
        return "none"
    if isinstance(value, Latency):
        return f"`{{ kind = {json.dumps(value.kind)}, mean_ms = {value.mean_ms} }}`"
    return f"`{json.dumps(_plain(value))}`"


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


SETTINGS = [
    ("## Top level", Settings),
    ("## Endpoints", ModelEndpoint),
    ("## Refinement", RefinementConfig),
    ("## Prompt", PromptFiles),
    ("## Verification", VerifyProfile),
    ("## Simulated endpoints", SimulatedEndpoint),
    ("### Errors", Fault),
    ("### Latency", Latency),
]


@pytest.mark.parametrize(("title", "shape"), SETTINGS, ids=[title for title, _ in SETTINGS])
def test_every_setting_is_explained_with_its_default(title: str, shape: type[BaseModel]) -> None:
    text = section(REFERENCE / "configuration.md", title)
    text = text.partition("\n###")[0] if title.startswith("## ") else text
    explained = {cells[0].strip("`"): cells[2] for cells in rows(text) if len(cells) == 4}
    defaults = {}
    for name, field in shape.model_fields.items():
        if shape is Settings and name in (*OF_THE_READER, "refinement", "prompt"):
            continue
        default = field.get_default(call_default_factory=True)
        defaults[name] = "required" if default is PydanticUndefined else toml(default)
    if shape is Settings:
        assert explained.pop("refinement").startswith("see ")
        assert explained.pop("prompt").startswith("see ")
    if shape is RefinementConfig:
        defaults["max_iterations"] = "`1`"  # ten rounds of paid calls are asked for, not assumed
        assert Settings().refinement.max_iterations == 1
    assert explained == defaults


@pytest.mark.parametrize(
    ("title", "fields"),
    [
        ("## Beside the hole", set(Hole.model_fields) - {"id", "spec", "state", "part"}),
        ("## HoleSpec", set(HoleSpec.model_fields)),
        ("## HoleState", set(HoleState.model_fields)),
    ],
)
def test_every_field_of_a_hole_line_is_explained(title: str, fields: set[str]) -> None:
    explained = {cells[0].strip("`") for cells in rows(section(REFERENCE / "hole-lines.md", title))}
    assert explained == fields


def test_every_name_of_the_library_is_mentioned() -> None:
    text = (REFERENCE / "library.md").read_text()
    assert [name for name in maze_tasks.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_every_error_of_the_tree_is_mentioned() -> None:
    def tree(error: type[MazeError]) -> Iterator[str]:
        yield error.__name__
        for one in error.__subclasses__():
            if one.__module__ == "maze_tasks.errors" and error.__name__ != "EndpointError":
                yield from tree(one)

    text = (REFERENCE / "library.md").read_text()
    assert [name for name in tree(MazeError) if name not in text] == []


def test_every_key_of_a_run_is_listed() -> None:
    kinds = {name for name, member in vars(RunKeys).items() if isinstance(member, property) or name == "hole"}
    text = section(REFERENCE / "store.md", "## Of one run")
    assert [name for name in kinds if f"`{name}" not in text] == []
    assert FORMAT_VERSION == 1, "the messages of the reference are of version 1"


def shell_commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                words = words[: words.index("|")] if "|" in words else words
                starts = [place for place, word in enumerate(words) if re.fullmatch(r"(.*/)?maze", word)]
                if starts and "cp" not in words[:1]:
                    yield name_of(page), words[starts[-1] + 1 :]


@pytest.mark.parametrize(("page", "words"), list(shell_commands()))
def test_commands_shown_exist_with_their_options(page: str, words: list[str]) -> None:
    command, *rest = words
    assert command in COMMANDS, page
    known = {
        option
        for parameter in commands()[command].params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("-")
    }
    assert [word for word in rest if word.startswith("-") and word != "-" and word not in known] == []


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name_of)
def test_python_shown_compiles_and_imports_what_there_is(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=name_of)
def test_toml_shown_has_keys_that_there_are(page: Path) -> None:
    known = {name for _, shape in SETTINGS for name in shape.model_fields}
    for block in blocks(page, "toml"):
        parsed = tomllib.loads(block)
        tables = [
            parsed,
            *parsed.get("endpoints", []),
            parsed.get("refinement", {}),
            *parsed.get("simulate", {}).values(),
        ]
        assert [key for table in tables for key in table if key not in known] == []


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "json")], ids=name_of)
def test_hole_lines_shown_can_be_read(page: Path) -> None:
    decoder = json.JSONDecoder()
    for block in blocks(page, "json"):
        rest = block.strip()
        while rest:
            value, end = decoder.raw_decode(rest)
            assert maze_tasks.models.read_hole(value)
            rest = rest[end:].lstrip()
