import unittest

from purse import half, shares


class TestRest(unittest.TestCase):
    def test_half_of_odd(self):
        self.assertEqual(half(11), 6)

    def test_shares_with_rest(self):
        self.assertEqual(shares(11, 3), [4, 4, 3])
