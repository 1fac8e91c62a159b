import unittest

from purse import half


class TestTwin(unittest.TestCase):
    def test_half_of_odd(self):
        self.assertEqual(half(13), 8)
