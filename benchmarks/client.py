"""One client process: works on the ids of each line that it reads, and answers with a line of JSON.

Started by benchmarks.harness.clients.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from benchmarks.subjects import Subject, open_subject

RETRIES = 100


def work_on(work: Callable[[UUID], object], ids: Sequence[UUID]) -> str:
    """The answer: when it was, how long each took that succeeded, and what the others ended with."""
    latencies: list[float] = []
    errors: Counter[str] = Counter()
    begin = before = time.monotonic()
    for id_ in ids:
        try:
            work(id_)
        except Exception as error:  # counted, and judged by who reads the answer
            errors[f"{type(error).__name__}: {error}"[:200]] += 1
            before = time.monotonic()
            continue
        now = time.monotonic()
        latencies.append(now - before)
        before = now
    return json.dumps({"begin": begin, "end": before, "latencies": latencies, "errors": errors})


def main(name: str, url: str, kind: str) -> None:
    """Work until the input ends."""
    subject: Subject
    if kind == "retried":
        from benchmarks.subjects.sequent import OnSequent  # noqa: PLC0415 - only here

        subject = OnSequent(url, new=False, retries=RETRIES)
    else:
        subject = open_subject(name, url, projecting=kind == "project", new=False)
    work: Callable[[UUID], object] = {
        "add": subject.add,
        "project": subject.add,
        "count": subject.count,
        "retried": subject.count,
        "load": subject.load,
    }[kind]
    print("ready", flush=True)
    for line in sys.stdin:
        print(work_on(work, [UUID(each) for each in json.loads(line)]), flush=True)
    subject.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
