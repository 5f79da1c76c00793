"""Runs the migrations on the connection that `Database` hands over; alembic's entry point."""

from __future__ import annotations

from alembic import context

from ci_bot.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
