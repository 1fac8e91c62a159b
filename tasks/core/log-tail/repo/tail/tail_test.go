package tail

import (
	"reflect"
	"strings"
	"testing"
)

func TestSinceGivesWhatIsNew(t *testing.T) {
	tail := New(10)
	tail.Append("a")
	tail.Append("b")
	lines, missed := tail.Since(1)
	if want := []Line{{2, "b"}}; !reflect.DeepEqual(lines, want) || missed != 0 {
		t.Errorf("got %v, missed %d", lines, missed)
	}
	if lines, missed := tail.Since(2); lines != nil || missed != 0 {
		t.Errorf("got %v, missed %d", lines, missed)
	}
}

func TestSinceCountsWhatIsGone(t *testing.T) {
	tail := New(2)
	for _, text := range []string{"a", "b", "c", "d"} {
		tail.Append(text)
	}
	lines, missed := tail.Since(1)
	if want := []Line{{3, "c"}, {4, "d"}}; !reflect.DeepEqual(lines, want) || missed != 1 {
		t.Errorf("got %v, missed %d", lines, missed)
	}
}

func TestDiscard(t *testing.T) {
	tail := New(3)
	for _, text := range []string{"a", "b", "c", "d"} {
		tail.Append(text)
	}
	tail.Discard(3)
	lines, missed := tail.Since(0)
	if want := []Line{{4, "d"}}; !reflect.DeepEqual(lines, want) || missed != 3 {
		t.Errorf("got %v, missed %d", lines, missed)
	}
}

func TestReadFrom(t *testing.T) {
	tail := New(2)
	n, err := tail.ReadFrom(strings.NewReader("one\ntwo\nthree"))
	if n != 13 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	lines, _ := tail.Since(0)
	if want := []Line{{2, "two"}, {3, "three"}}; !reflect.DeepEqual(lines, want) {
		t.Errorf("got %v", lines)
	}
}
