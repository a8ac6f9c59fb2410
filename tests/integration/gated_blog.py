"""The blog, with a projector that waits at one post, so that a test can do something to whoever replays it.

Environment: GATE names a directory. At the post that is called "gate" the projector writes its process id into the file
`reached` there, and goes on when there is a file `open`; there it fails when that file says so.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from sequent_sa import Sequent, on
from tests import blog
from tests.blog import PostTitleChanged


class GatedProjector(blog.PostProjector, name="PostProjector"):
    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        if event.title == "gate" and "GATE" in os.environ:
            wait_at(Path(os.environ["GATE"]))
        super().title_changed(event)


def wait_at(gate: Path) -> None:
    (gate / "writing").write_text(str(os.getpid()))
    (gate / "writing").rename(gate / "reached")
    give_up_at = time.monotonic() + 60
    while not (gate / "open").exists() and time.monotonic() < give_up_at:
        time.sleep(0.01)
    if (gate / "open").read_text() == "fail":
        raise RuntimeError("no way through")


app = Sequent(command_handlers=[blog.PostCommandHandler], projectors=[GatedProjector], workflows=[blog.WelcomeWorkflow])
