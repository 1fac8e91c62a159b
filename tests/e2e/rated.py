"""`arena` on a day on which the shipped rate of the yuan is another one: `rated.py USD command …`."""

import sys
from decimal import Decimal

from arena.cli import main
from arena.money import prices

if __name__ == "__main__":
    rate = Decimal(sys.argv.pop(1))
    (shipped,) = prices.SHIPPED_FX
    prices.SHIPPED_FX = (shipped.model_copy(update={"usd": rate}),)
    main()
