"""One client process: works on the ids of each line that it reads, and answers with a line of JSON.

Started by benchmarks.harness.clients. With a number of seconds it begins again at the first id until they are over.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import cycle, takewhile
from uuid import UUID

from benchmarks.subjects import Subject, open_subject

RETRIES = 100


def work_on(work: Callable[[UUID], object], ids: Iterable[UUID], seconds: float | None) -> dict[str, object]:
    """The answer: when it was, how long each took that succeeded, and what the others ended with."""
    latencies: list[float] = []
    errors: Counter[str] = Counter()
    begin = before = time.monotonic()
    if seconds is not None:
        last = begin + seconds
        ids = takewhile(lambda _: before < last, cycle(ids))
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
    return {"begin": begin, "end": before, "latencies": latencies, "errors": errors}


def main(name: str, url: str, kind: str) -> None:
    """Work until the input ends."""
    subject: Subject
    tries = Counter[str]()
    if kind == "retried":
        from benchmarks.subjects.sequent import OnSequent  # noqa: PLC0415 - other subjects must run without it

        subject = OnSequent(url, new=False, retries=RETRIES, filters=[lambda _: tries.update(["tries"])])
    else:
        subject = open_subject(name, url, projecting=kind == "project", new=False)
    works: dict[str, Callable[[UUID], object]] = {
        "add": subject.add,
        "project": subject.add,
        "count": subject.count,
        "retried": subject.count,
        "load": subject.load,
    }
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        tries.clear()
        answer = work_on(works[kind], [UUID(each) for each in asked["ids"]], asked["seconds"])
        print(json.dumps({**answer, "tries": tries["tries"]}), flush=True)
    subject.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
