"""What `import sequent_sa` costs, since every start of pytest pays for it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"alembic", "click", "rich", "pytest", "mako", "jinja2", "libcst"}


def test_importing_the_package_leaves_alembic_and_click_alone() -> None:
    """An application that only executes commands loads neither the migration nor the command line library."""
    program = "import sequent_sa, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert set() == HEAVY & set(done.stdout.split())


def test_the_command_line_leaves_what_only_generators_need_alone() -> None:
    """Commands of every day do not wait for a parser of Python that keeps comments."""
    program = "import sequent_sa.cli.main, sys; print('libcst' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "False" == done.stdout.strip()
