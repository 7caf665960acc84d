"""What every ring shares: which ring a test belongs to, the line that each ring prints, the fixtures of the
rings.
"""

from __future__ import annotations

pytest_plugins = [
    "tests.plugins.rings",
    "tests.plugins.requirements",
    "tests.plugins.databases",
    "tests.plugins.told",
    "tests.plugins.broker",
    "tests.plugins.older",
]
