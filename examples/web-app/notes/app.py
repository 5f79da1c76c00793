"""The page: GET / shows the notes, POST / adds one. WSGI, so that any server will do."""

from html import escape
from urllib.parse import parse_qs

from notes.store import add, newest_first


def make_app(database):
    def app(environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            return _add(environ, start_response)
        return _show(start_response)

    def _add(environ, start_response):
        length = min(int(environ.get("CONTENT_LENGTH") or 0), 10_000)
        form = parse_qs(environ["wsgi.input"].read(length).decode())
        add(database, form.get("text", [""])[0])
        start_response("303 See Other", [("Location", "/")])
        return [b""]

    def _show(start_response):
        items = "".join(f"<li>{escape(text)}</li>" for text in newest_first(database))
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [f"<!doctype html><title>Notes</title><ul>{items}</ul>".encode()]

    return app
