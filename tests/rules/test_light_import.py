"""What `import sequent_sa` costs, since every start of pytest pays for it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"alembic", "click", "rich", "pytest", "mako", "jinja2"}


def test_importing_the_package_leaves_alembic_and_click_alone() -> None:
    """An application that only executes commands loads neither the migration nor the command line library."""
    program = "import sequent_sa, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert set() == HEAVY & set(done.stdout.split())
