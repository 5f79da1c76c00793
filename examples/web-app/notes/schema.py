"""Makes the tables."""

from notes.store import connect

TABLES = """
CREATE TABLE IF NOT EXISTS notes (
    id serial PRIMARY KEY,
    text varchar(200) NOT NULL CHECK (text <> ''),
    written_at timestamptz NOT NULL DEFAULT now()
)
"""

if __name__ == "__main__":
    with connect() as database, database.cursor() as cursor:
        cursor.execute(TABLES)
    print("the tables are there")
