"""For people who test their application: a pytest plugin and what its fixtures are made of."""

from sequent_sa.testing.projection import ProjectorFixture
from sequent_sa.testing.scenario import SequentFixture, StreamBuilder

__all__ = ["ProjectorFixture", "SequentFixture", "StreamBuilder"]
