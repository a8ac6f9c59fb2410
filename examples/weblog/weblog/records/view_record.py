"""The base of this application's records."""

from sequent_sa import ViewRecordBase


class ViewRecord(ViewRecordBase):
    """Derive records from this class."""

    __abstract__ = True
