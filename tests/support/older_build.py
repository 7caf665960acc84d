"""Older builds of this product beside ours: the commits that ``tests/older_build.txt`` names, the oldest first, taken
out of the history.

Where its lock file is ours, byte for byte, our own interpreter runs it with its folder first on the path; else it gets
an environment of its own. Its processes begin their logs with the files of the code that they run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.infra.serving import environment

ROOT = Path(__file__).parents[2]
COMMITS = (ROOT / "tests" / "older_build.txt").read_text().split()
HOW_TO_GET_IT = "no history to take an older build from: `git fetch --unshallow` brings it"
LOCK = "requirements.lock"

_SAYS_WHICH_CODE = '''
import json, sys
from infra import cli, processes
rooms = {"domain", "application", "projections", "adapters", "api", "infra"}
files = {m.__file__ for name, m in list(sys.modules.items()) if name.partition(".")[0] in rooms and m.__file__}
print(json.dumps({"event": "code", "files": sorted(files)}), flush=True)
cli.main()
'''


class NotToBeHad(Exception):
    """The clone has no history, or there is no git; the message says what helps."""


@dataclass(frozen=True)
class Build:
    """Where the code of a build lies, what runs it, and the module that is its command line."""

    root: Path
    python: str
    program: str

    def command(self, *arguments: str) -> list[str]:
        """A command of its command line; it is run in ``root``."""
        return [self.python, "-m", self.program, *arguments]

    def environment(self, **settings: str) -> dict[str, str]:
        """Ours, without any of Ballyhoo's settings but these, and with its code first on the path."""
        return environment(**settings) | {"PYTHONPATH": str(self.root)}

    def run(self, *arguments: str, **settings: str) -> list[str]:
        """The lines that a command prints. CalledProcessError."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.root, env=self.environment(**settings), capture_output=True, text=True,
            check=True, timeout=120,
        )  # fmt: skip
        return done.stdout.splitlines()

    def starts_on(self, dsn: str) -> bool:
        """Whether its processes take this database for one of theirs."""
        program = "import sys; from infra.database import insist_on_tables; insist_on_tables(sys.argv[1])"
        asked = [self.python, "-c", program, dsn]
        return subprocess.run(asked, cwd=self.root, env=self.environment(), capture_output=True).returncode == 0


OURS = Build(ROOT, sys.executable, "infra.cli")


def taken_out(folder: Path, commit: str) -> Build:
    """The build of a commit, in ``folder``. NotToBeHad."""
    try:
        kept = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise NotToBeHad(f"{HOW_TO_GET_IT} ({commit[:12]})") from error
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x"], cwd=folder, input=kept, check=True)
    (folder / "says_which_code.py").write_text(_SAYS_WHICH_CODE)
    return Build(folder, _python_of(folder), "says_which_code")


def files_of(log: Path) -> list[Path]:
    """The files of the code that a process said it runs; none before it has said so."""
    first, _, _ = log.read_text().partition("\n")
    return [Path(file) for file in json.loads(first)["files"]] if first.startswith("{") else []


def _python_of(folder: Path) -> str:
    if (folder / LOCK).read_bytes() == (ROOT / LOCK).read_bytes():
        return sys.executable
    made = folder / ".venv"
    venv.create(made, with_pip=True)
    python = str(made / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", LOCK], cwd=folder, check=True)
    return python
