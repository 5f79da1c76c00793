"""The application behind a real socket, in front of the real database."""

import threading
import unittest
from urllib.parse import urlencode
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler, make_server

from notes.app import make_app
from notes.store import connect


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Pages(unittest.TestCase):
    def setUp(self):
        self.database = connect()
        self.server = make_server("127.0.0.1", 0, make_app(self.database), handler_class=Quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.database.close()

    def test_a_note_is_kept_and_shown(self):
        page = self.say("buy milk")
        self.assertIn("<li>buy milk</li>", page)

    def test_a_note_cannot_be_markup(self):
        self.assertIn("<li>&lt;b&gt;</li>", self.say("<b>"))

    def test_the_newest_comes_first(self):
        self.say("first")
        page = self.say("second")
        self.assertLess(page.index("second"), page.index("first"))

    def say(self, text):
        with urlopen(self.address, urlencode({"text": text}).encode(), timeout=10) as answer:
            return answer.read().decode()


if __name__ == "__main__":
    unittest.main()
