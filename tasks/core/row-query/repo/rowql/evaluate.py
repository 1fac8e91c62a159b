"""The value of an expression for a row."""

from functools import singledispatch

from rowql import syntax
from rowql.compare import compare, equal, like
from rowql.kinds import NUMBER, TEXT, kind


@singledispatch
def evaluate(node, row):
    """The value of a node."""
    raise TypeError(f"no expression: {node!r}")


@evaluate.register
def _(node: syntax.Literal, row):
    return node.value


@evaluate.register
def _(node: syntax.Field, row):
    return row.get(node.name)


@evaluate.register
def _(node: syntax.Arithmetic, row):
    left, right = evaluate(node.left, row), evaluate(node.right, row)
    if node.sign == "+" and kind(left) == kind(right) == TEXT:
        return left + right
    if kind(left) != NUMBER or kind(right) != NUMBER:
        return None
    if node.sign == "+":
        return left + right
    if node.sign == "-":
        return left - right
    if node.sign == "*":
        return left * right
    return left / right if right else None


@evaluate.register
def _(node: syntax.Compare, row):
    return compare(node.sign, evaluate(node.left, row), evaluate(node.right, row))


@evaluate.register
def _(node: syntax.Like, row):
    return like(evaluate(node.text, row), evaluate(node.pattern, row))


@evaluate.register
def _(node: syntax.In, row):
    value = evaluate(node.value, row)
    return any(equal(value, evaluate(item, row)) for item in node.items)


@evaluate.register
def _(node: syntax.Between, row):
    value = evaluate(node.value, row)
    low, high = evaluate(node.low, row), evaluate(node.high, row)
    return compare(">=", value, low) and compare("<=", value, high)


@evaluate.register
def _(node: syntax.IsNull, row):
    return evaluate(node.value, row) is None


@evaluate.register
def _(node: syntax.Not, row):
    return not evaluate(node.condition, row)


@evaluate.register
def _(node: syntax.Both, row):
    return evaluate(node.left, row) and evaluate(node.right, row)


@evaluate.register
def _(node: syntax.Either, row):
    return evaluate(node.left, row) or evaluate(node.right, row)
