"""The code of test_stored_messages.py as it is later, when its event has another form."""

from __future__ import annotations

from typing import Any

from sequent_sa import AggregateRoot, Command, CommandHandler, Event, ValueObject, attr, on, upcast


class Shown(ValueObject):
    label: str
    parts: list[Shown] = []  # noqa: RUF012

    @upcast
    @staticmethod
    def _name_became_label(data: dict[str, Any]) -> None:
        if "name" in data:
            data["label"] = data.pop("name")


class Changed(Event, aliases=["Kept"]):
    words: list[str]
    part: Shown | None = attr(default=None, data_key="The part")

    @upcast
    @staticmethod
    def _text_became_words(data: dict[str, Any]) -> None:
        if "text" in data:
            data["words"] = data.pop("text").split()


class ChangedKeeper(AggregateRoot, aliases=["Keeper"]):
    words: list[str] = []  # noqa: RUF012

    @on(Changed)
    def _changed(self, event: Changed) -> None:
        self.words = [*event.words, *([event.part.label, event.part.parts[0].label] if event.part else [])]


class LookAtKeeper(Command):
    pass


class LookCommandHandler(CommandHandler):
    @on(LookAtKeeper)
    def look(self, command: LookAtKeeper) -> None:
        keeper = self.aggregate(command, ChangedKeeper)
        keeper.apply(Changed, words=[*keeper.words, "more"])
