"""The worked data set that the published-number tests share: 20 tasks, 3 attempts, 5 repositories."""

import numpy as np

A = np.array([3, 3, 2, 3, 0, 1, 3, 2, 3, 3, 0, 2, 3, 1, 3, 3, 2, 0, 3, 3], float)
B = np.array([3, 2, 2, 3, 0, 0, 3, 1, 3, 2, 0, 2, 3, 1, 2, 3, 3, 0, 3, 2], float)
C = np.array([2, 3, 1, 3, 0, 0, 2, 1, 3, 1, 0, 1, 3, 0, 2, 2, 1, 0, 3, 1], float)
# fmt: off
COST_A = np.array([1.2, .9, 1.5, .8, 3, 2.6, 1.1, 1.4, .7, .9, 3.1, 1.6, 1, 2.4, 1.2, .8, 1.7, 2.9, .9, 1])
COST_B = np.array([.3, .35, .4, .22, .9, .85, .28, .5, .2, .33, .95, .41, .25, .7, .36, .24, .38, .88, .23, .31])
# fmt: on
COST_C = np.full(20, 0.6)
EXACT = 1e-6
