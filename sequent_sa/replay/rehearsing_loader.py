"""What loads a group when nothing is to be kept."""

from __future__ import annotations

from sequent_sa.exceptions import SequentError
from sequent_sa.projections.persistors.discarding import DiscardingPersistor
from sequent_sa.replay.groups import Group
from sequent_sa.replay.loader import Advanced, Loader, Outcome
from sequent_sa.replay.replay_state import describe_failure

NO_REPLAY = 0


class RehearsingLoader(Loader):
    """Makes the rows of a group in memory and forgets them. What goes wrong ends the group, not the rehearsal."""

    def load(self, group: Group, mark: str, advanced: Advanced = lambda _number: None) -> Outcome:
        persistor = DiscardingPersistor()
        try:
            self.project(group, mark, persistor, advanced)
            return Outcome(persistor.discard())
        except SequentError as error:
            return Outcome(error=describe_failure(error))
