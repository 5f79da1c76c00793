"""0006: on PostgreSQL, text of any length in the order of bytes, and 64 bits for a pull request's number.

SQLite has both by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

VERSION = "alembic_version"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    tables = sa.inspect(connection)
    for table in tables.get_table_names():
        for column in tables.get_columns(table) if table != VERSION else ():
            if isinstance(column["type"], sa.String):  # TEXT is one too
                op.alter_column(table, column["name"], type_=sa.Text(collation="C"))
            elif column["name"] == "pull":
                op.alter_column(table, column["name"], type_=sa.BigInteger())
