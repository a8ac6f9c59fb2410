"""A blog with authors who sign up: one domain, and a front end with Flask and one with FastAPI."""
