import unittest

from slug import slug


class Slug(unittest.TestCase):
    def test_words_are_joined(self):
        self.assertEqual(slug("Hello, World!"), "hello-world")

    def test_accents_are_dropped(self):
        self.assertEqual(slug("Über uns"), "uber-uns")

    def test_a_long_title_is_cut_at_a_word(self):
        self.assertEqual(slug("one two three", longest=8), "one-two")


if __name__ == "__main__":
    unittest.main()
