"""Who may import what, as data, and a reading of the code that finds what does not keep to it.

One row for each room. A room's libraries are those of its row; a library named in ``ONLY_IN`` is allowed in
those places alone. What is not named is not allowed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

EVERYTHING = frozenset({"*"})


@dataclass(frozen=True)
class Room:
    """What a top-level package may import besides itself and the standard library, as prefixes of module
    names.
    """

    house: frozenset[str]
    libraries: frozenset[str]


ROOMS = {
    "domain": Room(frozenset(), frozenset({"eventsourcing"})),
    "application": Room(frozenset({"domain"}), frozenset({"structlog"})),
    "projections": Room(frozenset({"domain"}), frozenset({"msgspec"})),
    "adapters": Room(
        frozenset({"domain", "application.ports", "projections"}),
        frozenset({"eventsourcing", "msgspec", "pydantic_settings", "structlog"}),
    ),
    "api": Room(
        frozenset({"application", "projections", "domain"}),
        frozenset({"fastapi", "starlette", "pydantic", "structlog"}),
    ),
    "infra": Room(EVERYTHING, EVERYTHING),
    "tests": Room(EVERYTHING, EVERYTHING),
}

_POSTGRES = (
    "adapters.postgres", "adapters.event_store", "adapters.engagement_log", "adapters.read_models", "adapters.archive",
)  # fmt: skip

# One driver for one sub-room: whoever wants another asks the adapter that has it.
ONLY_IN = {
    "psycopg": _POSTGRES,
    "psycopg_pool": _POSTGRES,
    "kafka": ("adapters.kafka",),
    "zstandard": ("adapters.kafka", "adapters.archive"),
    "scipy": ("adapters.statistics",),
    "numpy": ("adapters.statistics",),
    "cryptography": ("adapters.seal",),
    "prometheus_client": ("adapters.postgres",),
    "uuid_utils": ("adapters.clock", "adapters.event_store", "adapters.engagement_log"),
    "msgspec": ("projections", "adapters", "api.tracking"),
    "jinja2": ("api.pages",),
}

# The domain is told the time and the ids, and touches nothing.
_NOT_IN_DOMAIN = (
    *("asyncio", "concurrent", "threading", "multiprocessing", "subprocess", "signal", "select"),
    *("os", "io", "pathlib", "shutil", "tempfile", "sys", "logging"),
    *("http", "socket", "ssl", "urllib.request"),
    *("time", "random", "secrets"),
)
_CLOCKS = frozenset({"now", "utcnow", "today", "uuid1", "uuid3", "uuid4", "uuid6", "uuid7", "uuid8"})


def violations(root: Path) -> list[str]:
    """One line for each import, and each clock in the domain, that breaks a rule; the empty list is a kept
    house.
    """
    sources = {module_of(root, path): path for path in _python_files(root)}
    aggregates = {
        name for name, path in sources.items() if name.startswith("domain.") and _has_aggregate(path)
    }
    found: list[str] = []
    for module, path in sorted(sources.items()):
        room = module.partition(".")[0]
        if room not in ROOMS:
            found.append(f"{room}: this top-level package has no row in the table of rooms")
            continue
        tree = ast.parse(path.read_text(), str(path))
        for imported in sorted(set(_imports(tree, module, path, sources))):
            if reason := _breaks(module, imported, aggregates):
                found.append(f"{module} imports {imported}: {reason}")
        if room == "domain":
            found += [
                f"{module} calls {call}: the domain is told the time and the ids" for call in _clocks(tree)
            ]
    return sorted(set(found))


def _breaks(module: str, imported: str, aggregates: set[str]) -> str | None:
    room, other = module.partition(".")[0], imported.partition(".")[0]
    if other in ROOMS:
        return _breaks_house(module, imported, room, other, aggregates)
    if other in sys.stdlib_module_names:
        touches = room == "domain" and any(_within(imported, place) for place in _NOT_IN_DOMAIN)
        return "the domain touches nothing" if touches else None
    if ROOMS[room].libraries == EVERYTHING:
        return None
    if other in ONLY_IN:
        allowed = any(_within(module, place) for place in ONLY_IN[other])
        return None if allowed else f"{other} belongs in {', '.join(ONLY_IN[other])} only"
    return None if other in ROOMS[room].libraries else f"{room} does not know the library {other}"


def _breaks_house(module: str, imported: str, room: str, other: str, aggregates: set[str]) -> str | None:
    if room == "domain" and other == "domain":
        return _breaks_domain(module, imported)
    if room == other or ROOMS[room].house == EVERYTHING:
        return None
    if room in {"projections", "api"} and any(_within(imported, aggregate) for aggregate in aggregates):
        return f"{room} does not touch aggregates"
    if any(
        imported == place or imported.startswith((f"{place}.", f"{place}_")) for place in ROOMS[room].house
    ):
        return None
    return f"{room} does not know {other}"


def _breaks_domain(module: str, imported: str) -> str | None:
    """domain.x knows domain.shared; only the pages directly in domain (the catalogue) know every x."""
    mine, theirs = module.split("."), imported.split(".")
    if len(mine) <= 2 or len(theirs) <= 1 or theirs[1] in {mine[1], "shared"}:
        return None
    return "one aggregate does not know another: they meet by ids and events"


def _within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


def _python_files(root: Path) -> Iterator[Path]:
    for package in sorted(root.iterdir()):
        hidden = package.name.startswith((".", "_")) or package.name.endswith(".egg-info")
        if package.is_dir() and not hidden:
            yield from sorted(package.rglob("*.py"))


def module_of(root: Path, path: Path) -> str:
    """The dotted name of the module in ``path``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.AST, module: str, path: Path, known: Collection[str]) -> Iterator[str]:
    """Every module that is imported, at any depth of the file, type-checking blocks included."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                is_module = any(name == inner or name.startswith(f"{inner}.") for name in known)
                yield inner if is_module else source


def _has_aggregate(path: Path) -> bool:
    return any(
        isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Aggregate" for base in node.bases)
        for node in ast.walk(ast.parse(path.read_text(), str(path)))
    )


def _clocks(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _CLOCKS:
                yield f"{name}() in line {node.lineno}"
