from purse.money import half, shares, text

__all__ = ["half", "shares", "text"]
