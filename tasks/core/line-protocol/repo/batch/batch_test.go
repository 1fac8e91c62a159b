package batch

import (
	"strings"
	"testing"
)

const file = "# made by hand\na f=1\n\nb\nc f=2i 7\r\n"

func TestReadSkipsAndLists(t *testing.T) {
	points, bad, err := Read(strings.NewReader(file))
	if err != nil || len(points) != 2 || points[0].Name != "a" || points[1].Name != "c" {
		t.Errorf("got %+v, %v", points, err)
	}
	if len(bad) != 1 || bad[0].Number != 4 || !strings.HasPrefix(bad[0].Error(), "line 4: ") {
		t.Errorf("bad lines: %v", bad)
	}
}

func TestWrite(t *testing.T) {
	points, _, _ := Read(strings.NewReader(file))
	var out strings.Builder
	if err := Write(&out, points); err != nil || out.String() != "a f=1\nc f=2i 7\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}
