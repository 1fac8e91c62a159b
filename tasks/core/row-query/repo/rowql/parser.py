"""From tokens to a query."""

from dataclasses import dataclass
from typing import Any, Optional

from rowql import syntax
from rowql.errors import QueryError
from rowql.lexer import Token, tokens


@dataclass(frozen=True)
class Query:
    """The parts of a query; `sort` has (expression, desc), `select` has (name, expression)."""

    where: Any = None
    sort: tuple = ()
    limit: Optional[int] = None
    select: Optional[tuple] = None


class Parser:
    """Reads tokens from left to right."""

    def __init__(self, text):
        self._tokens = tokens(text)
        self._place = 0

    @property
    def _next(self):
        return self._tokens[self._place]

    def _take(self, kind, *values):
        """The next token if it is one of these, else None."""
        token = self._next
        if token.kind != kind or (values and token.value not in values):
            return None
        self._place += 1
        return token

    def _need(self, kind, *values):
        token = self._take(kind, *values)
        if token is None:
            wanted = " or ".join(values) or f"a {kind}"
            shown = "the end" if self._next.kind == "end" else repr(self._next.value)
            raise QueryError(f"expected {wanted}, found {shown}")
        return token

    def _list(self, read):
        found = [read()]
        while self._take("sign", ","):
            found.append(read())
        return tuple(found)

    def query(self):
        """The whole query."""
        where = self.condition() if self._take("keyword", "where") else None
        sort = self._list(self._key) if self._take("keyword", "sort") else ()
        limit = None
        if self._take("keyword", "limit"):
            limit = self._need("number").value
            if not isinstance(limit, int):
                raise QueryError("limit needs a whole number")
        select = self._list(self._column) if self._take("keyword", "select") else None
        self._need("end")
        return Query(where, sort, limit, select)

    def _key(self):
        expression = self.condition()
        return expression, self._take("keyword", "desc") is not None

    def _column(self):
        expression = self.condition()
        if self._take("keyword", "as"):
            return self._need("name").value, expression
        if not isinstance(expression, syntax.Field):
            raise QueryError("a computed column needs a name (as ...)")
        return expression.name, expression

    def condition(self):
        """An expression with everything."""
        left = self._conjunction()
        while self._take("keyword", "or"):
            left = syntax.Either(left, self._conjunction())
        return left

    def _conjunction(self):
        left = self._negation()
        while self._take("keyword", "and"):
            left = syntax.Both(left, self._negation())
        return left

    def _negation(self):
        if self._take("keyword", "not"):
            return syntax.Not(self._negation())
        return self._comparison()

    def _comparison(self):
        left = self._sum()
        if sign := self._take("sign", "=", "!=", "<", "<=", ">", ">="):
            return syntax.Compare(sign.value, left, self._sum())
        if self._take("keyword", "is"):
            negated = self._take("keyword", "not")
            self._need("keyword", "null")
            found = syntax.IsNull(left)
            return syntax.Not(found) if negated else found
        negated = self._next == Token("keyword", "not")
        if negated:
            self._place += 1
        found = self._range(left, negated)
        return syntax.Not(found) if negated else found

    def _range(self, left, needed):
        if self._take("keyword", "in"):
            self._need("sign", "(")
            items = self._list(self._sum)
            self._need("sign", ")")
            return syntax.In(left, items)
        if self._take("keyword", "between"):
            low = self._sum()
            self._need("keyword", "and")
            return syntax.Between(left, low, self._sum())
        if self._take("keyword", "like"):
            return syntax.Like(left, self._sum())
        if needed:
            self._need("keyword", "in", "between", "like")
        return left

    def _sum(self):
        left = self._product()
        while sign := self._take("sign", "+", "-"):
            left = syntax.Arithmetic(sign.value, left, self._product())
        return left

    def _product(self):
        left = self._atom()
        while sign := self._take("sign", "*", "/"):
            left = syntax.Arithmetic(sign.value, left, self._atom())
        return left

    def _atom(self):
        if self._take("sign", "("):
            inner = self.condition()
            self._need("sign", ")")
            return inner
        if self._take("sign", "-"):
            return syntax.Arithmetic("-", syntax.Literal(0), self._atom())
        if word := self._take("keyword", "null", "true", "false"):
            return syntax.Literal({"null": None, "true": True, "false": False}[word.value])
        if token := self._take("number") or self._take("text"):
            return syntax.Literal(token.value)
        return syntax.Field(self._need("name").value)


def parse(text):
    """The query that a text describes."""
    return Parser(text).query()
