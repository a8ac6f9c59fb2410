"""Which aggregates need snapshots, and the snapshots that there are, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sequent_sa import _clock
from sequent_sa.aggregates.snapshot import Snapshot

Tracked = tuple[UUID, int]
"""An aggregate, and a version of its snapshots."""


@dataclass(frozen=True)
class Need:
    """Since when a snapshot is needed (None: it is not), whether somebody is at work, and the highest number taken."""

    since: datetime | None = None
    handed_out: bool = False
    highest: int = 0


@dataclass
class SnapshotModel:
    """What is tracked, and what is kept."""

    needs: dict[Tracked, Need] = field(default_factory=dict[Tracked, Need])
    kept: dict[Tracked, dict[int, Snapshot]] = field(default_factory=dict[Tracked, dict[int, Snapshot]])

    def copy(self) -> SnapshotModel:
        """The same, to be changed."""
        return SnapshotModel(dict(self.needs), {key: dict(each) for key, each in self.kept.items()})

    def need(self, keys: Collection[Tracked], since: datetime | None = None) -> None:
        """Who needs one already has waited since then."""
        moment = since or _clock.now()
        for key in keys:
            known = self.needs.get(key, Need())
            self.needs[key] = known if known.since is not None else replace(known, since=moment, handed_out=False)

    def change(self, keys: Collection[Tracked], by: Callable[[Need], Need]) -> None:
        """Of those that are tracked."""
        self.needs.update({key: by(self.needs[key]) for key in keys if key in self.needs})

    def take(self, snapshot: Snapshot) -> None:
        """It is not needed any more."""
        key = (snapshot.aggregate_id, snapshot.version)
        highest = max(self.needs.get(key, Need()).highest, snapshot.sequence_number)
        self.needs[key] = Need(highest=highest)
        self.kept.setdefault(key, {})[snapshot.sequence_number] = snapshot

    def drop(self, key: Tracked, below: int) -> int:
        """Those with lower numbers; returns how many there were."""
        old = [number for number in self.kept.get(key, {}) if number < below]
        for number in old:
            del self.kept[key][number]
        return len(old)

    def drop_all(self) -> int:
        """Whatever is tracked needs one; returns how many there were."""
        found = sum(map(len, self.kept.values()))
        self.kept.clear()
        self.need(list(self.needs))
        return found

    def forget(self, which: Callable[[Tracked], bool]) -> int:
        """Nothing is known of some; returns how many were tracked."""
        forgotten = [key for key in self.needs if which(key)]
        for key in forgotten:
            del self.needs[key]
            self.kept.pop(key, None)
        return len(forgotten)

    def waiting(self) -> list[Tracked]:
        """Whoever has waited longest comes first, then whose snapshots went furthest."""
        found = [(need.since, -need.highest, key) for key, need in self.needs.items() if need.since is not None]
        return [key for *_, key in sorted(found)]
