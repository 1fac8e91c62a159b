package tail_test

import (
	"fmt"
	"strings"
	"testing"

	"example.org/logtail/tail"
)

func describe(t *tail.Tail, n int) string {
	lines, missed := t.Since(n)
	parts := []string{fmt.Sprintf("missed %d", missed)}
	for _, line := range lines {
		parts = append(parts, fmt.Sprintf("%d=%s", line.Number, line.Text))
	}
	return strings.Join(parts, " ")
}

func appended(limit, count int) *tail.Tail {
	t := tail.New(limit)
	for i := 1; i <= count; i++ {
		t.Append(fmt.Sprintf("l%d", i))
	}
	return t
}

func TestLinesStayInOrderWhenTheLimitChanges(t *testing.T) {
	for _, c := range []struct {
		limit, count, next, since int
		want                      string
	}{
		{4, 10, 6, 0, "missed 6 7=l7 8=l8 9=l9 10=l10"},
		{4, 4, 2, 0, "missed 2 3=l3 4=l4"},
		{4, 10, 2, 0, "missed 8 9=l9 10=l10"},
		{4, 10, 2, 8, "missed 0 9=l9 10=l10"},
		{4, 10, 6, 8, "missed 0 9=l9 10=l10"},
		{4, 2, 9, 0, "missed 0 1=l1 2=l2"},
	} {
		tail := appended(c.limit, c.count)
		tail.SetLimit(c.next)
		if got := describe(tail, c.since); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestDiscardAndThenChangeTheLimit(t *testing.T) {
	tail := appended(3, 5)
	tail.Discard(4)
	tail.SetLimit(5)
	if got, want := describe(tail, 0), "missed 4 5=l5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	tail.Append("l6")
	if got, want := describe(tail, 3), "missed 1 5=l5 6=l6"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
