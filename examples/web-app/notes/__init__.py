"""Notes that are kept in PostgreSQL and shown as a page."""
