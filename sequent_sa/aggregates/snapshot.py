"""The state of an aggregate at one version, kept so that the events before it need not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import EllipsisType
from typing import NamedTuple
from uuid import UUID

from sequent_sa.exceptions import ConfigurationError

_DEFAULT_THRESHOLD = 20
_MAX_INTEGER = 2**31 - 1


class SnapshotRule(NamedTuple):
    """When the aggregates of a class need a new snapshot, and which snapshots the class can read.

    `threshold` is a number of events since the latest snapshot.
    """

    threshold: int
    version: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of an aggregate: all its events below `sequence_number`, applied.

    `version` is the `snapshot_version` of the class that took it, `data` JSON text that this class reads.
    """

    aggregate_id: UUID
    aggregate_type: str
    version: int
    sequence_number: int
    created_at: datetime
    data: str


def snapshot_rule(
    class_name: str, inherited: SnapshotRule | None, threshold: int | EllipsisType | None, version: int | None
) -> SnapshotRule | None:
    """What a class says about its snapshots; `...` stands for what its base says. Raises `ConfigurationError`."""
    if threshold is None:
        if version is not None:
            raise ConfigurationError(f"{class_name} has no snapshots (snapshot_threshold=None), so no snapshot_version")
        return None
    if threshold is ... and version is None:
        return inherited
    threshold_before, version_before = inherited or (_DEFAULT_THRESHOLD, 1)
    return SnapshotRule(
        threshold_before if threshold is ... else _positive(class_name, "snapshot_threshold", threshold),
        version_before if version is None else _positive(class_name, "snapshot_version", version),
    )


def snapshot_versions(aggregate_types: Mapping[str, type]) -> dict[str, int]:
    """The version of the snapshots that each class with snapshots reads, by every name that it is stored under."""
    rules = {name: getattr(cls, "__snapshots__", None) for name, cls in aggregate_types.items()}
    return {name: rule.version for name, rule in rules.items() if isinstance(rule, SnapshotRule)}


def _positive(class_name: str, keyword: str, value: object) -> int:
    if type(value) is not int or not 1 <= value <= _MAX_INTEGER:
        raise ConfigurationError(f"{class_name}: {keyword} must be a whole number of 1 or more, not {value!r}")
    return value
