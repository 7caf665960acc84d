"""What compose.yml and the systemd units say, read as their programs read it."""

from __future__ import annotations

import configparser
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

INFRA = Path(__file__).parents[2] / "infra"

_VARIABLE = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


def compose() -> dict[str, Any]:
    """The services of compose.yml, with what they share merged and each variable at its default."""
    yaml: Any = importlib.import_module("yaml")
    text = _VARIABLE.sub(lambda found: found[1], (INFRA / "compose.yml").read_text())
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    return services


def units() -> dict[str, configparser.ConfigParser]:
    """Every systemd service, by file name."""
    found = {}
    for path in sorted((INFRA / "systemd").glob("*.service")):
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(path.read_text())
        found[path.name] = unit
    return found


def command(unit: configparser.ConfigParser) -> list[str]:
    """What a unit starts."""
    return shlex.split(unit["Service"]["ExecStart"])
