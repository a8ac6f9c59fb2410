"""For people who test their application: a pytest plugin and what its fixtures are made of."""

from sequent_sa.testing.comparison import like
from sequent_sa.testing.in_memory_event_store import InMemoryEventStore
from sequent_sa.testing.projection import ProjectorFixture
from sequent_sa.testing.scenario import SequentFixture
from sequent_sa.testing.streams import StreamBuilder
from sequent_sa.testing.workflow import WorkflowFixture

__all__ = ["InMemoryEventStore", "ProjectorFixture", "SequentFixture", "StreamBuilder", "WorkflowFixture", "like"]
