"""Adds one post for each topic of Python's own documentation: `python -m blog.import_topics`."""

from pydoc_data import topics

from sequent_sa import Command

from blog.app import app
from blog.domain.post import AddPost


def commands() -> list[Command]:
    """One command for each topic; its first line is the title."""
    return [
        AddPost(
            aggregate_id=app.new_uuid(),
            author="The Python documentation",
            title=text.strip().partition("\n")[0].strip(' *"') or name,
            content=text,
        )
        for name, text in topics.topics.items()
    ]


if __name__ == "__main__":
    given = commands()
    for command in given:
        app.execute_commands(command)
    print(f"{len(given)} posts added.")
