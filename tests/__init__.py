"""The tests. Being a package keeps another distribution's `tests` from taking this one's place."""
