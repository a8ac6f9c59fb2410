"""Whether an application, its database and what it does there are as they should be, and how to mend what is not."""

from __future__ import annotations

from sequent_sa.diagnosis.diagnosis import diagnose
from sequent_sa.diagnosis.finding import Finding, Status

__all__ = ["Finding", "Status", "diagnose"]
