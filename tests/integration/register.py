"""The people of the tests of unique keys, as the command line finds them; the database is what DATABASE_URL says."""

from __future__ import annotations

from sequent_sa import Sequent
from tests.integration.test_unique_keys import PersonHandler, by_both, names

app = Sequent(command_handlers=[PersonHandler])

later = Sequent(command_handlers=[PersonHandler])
later.parts.type_names = names(by_both())
