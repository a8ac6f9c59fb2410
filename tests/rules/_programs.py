"""Runs programs in processes of their own that do not wait for imports.

One process has imported what most programs import; each program runs in a copy of it. So it costs what it does itself.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from pathlib import Path

_STDERR = "stderr.txt"

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["sequent_sa.testing.plugin", "sequent_sa.testing.attack", "flask"])


def run_program(file: Path) -> tuple[int | None, str]:
    """Run a program in its directory, as Python runs a file; its exit status, and what it wrote to stderr."""
    process = _processes.Process(target=_run, args=(file,))
    process.start()
    process.join()
    status = process.exitcode
    process.close()
    return status, (file.parent / _STDERR).read_text()


def _run(file: Path) -> None:
    os.chdir(file.parent)
    os.dup2(os.open(_STDERR, os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
    sys.argv[:] = [file.name]
    sys.path.insert(0, str(file.parent))
    runpy.run_path(file.name, run_name="__main__")
