"""Keeps adding posts until another version of the application is active: `python -m blog.keep_adding`."""

import sys
import time

from sequent_sa import ProjectorMigrationError

from blog.app import app
from blog.domain.post import AddPost

if __name__ == "__main__":
    count = 0
    while True:
        text = f"Post number {count + 1}, added while the application was being changed."
        command = AddPost(aggregate_id=app.new_uuid(), author="A busy user", title=text, content=text)
        try:
            app.execute_commands(command)
        except ProjectorMigrationError as error:
            print(f"{count} posts added, then: {error}", flush=True)
            sys.exit(3)
        count += 1
        if count == 1:
            print("The first post is added.", flush=True)
        time.sleep(0.02)  # as busy as a user may be; without it there would be more posts than topics
