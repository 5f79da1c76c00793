"""Notes in and out of the database that DATABASE_URL names."""

import os

import psycopg2


def connect():
    return psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=5)


def add(database, text):
    with database, database.cursor() as cursor:
        cursor.execute("INSERT INTO notes (text) VALUES (%s)", (text,))


def newest_first(database):
    with database, database.cursor() as cursor:
        cursor.execute("SELECT text FROM notes ORDER BY id DESC LIMIT 50")
        return [text for (text,) in cursor.fetchall()]
