"""Taking a new version of an application live: its schema, its view tables and its projections together."""
