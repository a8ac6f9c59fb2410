"""People who sign up, and invite each other: what an application knows about a person, in many places."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import AggregateRoot, Command, CommandHandler, Event, Projector, Sequent, ViewRecordBase, on, unique_key


class SignUp(Command):
    name: str


class Rename(Command):
    name: str


class Invite(Command):
    """One person gives the name of another: events of both follow."""

    friend_id: UUID
    friend: str


class SignedUp(Event):
    name: str


class Renamed(Event):
    name: str


class Invited(Event):
    friend_id: UUID


class Person(AggregateRoot, snapshot_threshold=2):
    name: str = ""

    def __init__(self, aggregate_id: UUID, name: str) -> None:
        super().__init__(aggregate_id)
        self.apply(SignedUp, name=name)

    def rename(self, name: str) -> None:
        self.apply(Renamed, name=name)

    def invite(self, friend_id: UUID) -> None:
        self.apply(Invited, friend_id=friend_id)

    @on(SignedUp, Renamed)
    def _named(self, event: SignedUp | Renamed) -> None:
        self.name = event.name

    @unique_key("person_name")
    def _name_is_unique(self) -> dict[str, object] | None:
        return {"name": self.name} if self.name else None


class PersonCommandHandler(CommandHandler):
    @on(SignUp)
    def sign_up(self, command: SignUp) -> None:
        self.repository.add_aggregate(Person(command.aggregate_id, command.name))

    @on(Rename)
    def rename(self, command: Rename) -> None:
        self.aggregate(command, Person).rename(command.name)

    @on(Invite)
    def invite(self, command: Invite) -> None:
        self.repository.add_aggregate(Person(command.friend_id, command.friend))
        self.aggregate(command, Person).invite(command.friend_id)


class ViewRecord(ViewRecordBase):
    __abstract__ = True


class PersonRecord(ViewRecord):
    __tablename__ = "person_records"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class InvitationRecord(ViewRecord):
    __tablename__ = "invitation_records"

    friend_id: Mapped[UUID] = mapped_column(primary_key=True)
    host_id: Mapped[UUID]


class PersonProjector(Projector, manages_tables=(PersonRecord,)):
    @on(SignedUp)
    def signed_up(self, event: SignedUp) -> None:
        self.create_record(PersonRecord, aggregate_id=event.aggregate_id, name=event.name)

    @on(Renamed)
    def renamed(self, event: Renamed) -> None:
        self.update_all_records(PersonRecord, {"aggregate_id": event.aggregate_id}, {"name": event.name})


class InvitationProjector(Projector, manages_tables=(InvitationRecord,)):
    @on(Invited)
    def invited(self, event: Invited) -> None:
        self.create_record(InvitationRecord, friend_id=event.friend_id, host_id=event.aggregate_id)

    def erase(self, aggregate_ids: Sequence[UUID]) -> None:
        for record in self.find_records(InvitationRecord, {"friend_id": list(aggregate_ids)}):
            self.delete_record(record)
        self.delete_all_records(InvitationRecord, {"host_id": list(aggregate_ids)})


def new_app(database: str, *projectors: type[Projector]) -> Sequent:
    """The application on a database, with its own projectors or others."""
    return Sequent(
        database,
        command_handlers=[PersonCommandHandler],
        projectors=projectors or [PersonProjector, InvitationProjector],
        environment="test",
    )
