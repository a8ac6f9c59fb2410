"""How long writers and readers wait while a projection goes live, with eight busy clients, on both databases."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import select

from benchmarks.blog import AddPost, PostProjector, PostRecord, new_app
from benchmarks.databases import urls
from sequent_sa import Sequent
from sequent_sa.database import NoViewHistory
from sequent_sa.replay.engine import Replay

POSTS_BEFORE = 2_000
CLIENTS = ("write", "write", "write", "write", "read", "read", "read", "read")
SECONDS_BEFORE = 3.0
ROUNDS = 3


def client(url: str, kind: str) -> None:
    """Work until the file exists that the command line ends with; print when each piece began, and how long it took."""
    app = Sequent(url, packages=["benchmarks.blog"], environment="test")
    done: list[tuple[float, float]] = []
    stop = Path(sys.argv[4])
    while not stop.exists():
        begin = time.time()
        if kind == "write":
            app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="busy", words=1))
        else:
            with app.session() as session:
                session.scalars(select(PostRecord.title).limit(10)).all()
        done.append((begin, time.time() - begin))
        if len(done) == 1:
            print("at work", flush=True)
    app.engine.dispose()
    print("\n".join(f"{begin} {seconds}" for begin, seconds in done))


def main() -> None:
    """One line a round."""
    for name, url in urls():
        app = new_app(url)
        for _ in range(POSTS_BEFORE):
            app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="before", words=1))
        for number in range(ROUNDS):
            measure(name, url, app, number)
        app.engine.dispose()


def measure(name: str, url: str, app: Sequent, number: int) -> None:
    """Replay everything beside the clients, and compare their waits before with those while it goes live."""
    stop = Path(f"/tmp/sequent-go-live-{time.time_ns()}")
    command = [sys.executable, "-m", "benchmarks.go_live", url]
    clients = [
        subprocess.Popen([*command, kind, "client", str(stop)], stdout=subprocess.PIPE, text=True) for kind in CLIENTS
    ]
    for process in clients:
        assert process.stdout is not None
        process.stdout.readline()
    time.sleep(SECONDS_BEFORE)
    replay = Replay.create(app.replay_context(NoViewHistory()), [PostProjector])
    replay.take_steps_beside()
    begin = time.time()
    replay.go_live()
    end = time.time()
    time.sleep(0.5)
    stop.touch()
    outputs = [process.communicate()[0] for process in clients]
    stop.unlink()
    found = [f"{name} {number + 1}: going live {1000 * (end - begin):.0f} ms"]
    for kind in ("write", "read"):
        work = [
            tuple(map(float, line.split()))
            for each, output in zip(CLIENTS, outputs, strict=True)
            if each == kind
            for line in output.splitlines()
        ]
        before = sorted(seconds for began, seconds in work if began + seconds < begin)
        during = [seconds for began, seconds in work if began < end and began + seconds > begin]
        usual, rare = before[len(before) // 2], before[int(len(before) * 0.999)]
        found.append(
            f"{kind}s: median {1000 * usual:.1f} ms, 99.9% {1000 * rare:.0f} ms, "
            f"longest while going live {1000 * max(during, default=0.0):.0f} ms"
        )
    print("; ".join(found))


if __name__ == "__main__":
    client(sys.argv[1], sys.argv[2]) if len(sys.argv) > 1 else main()
