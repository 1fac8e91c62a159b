package batch_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"example.org/linegram/batch"
)

func read(t *testing.T, file string) string {
	t.Helper()
	points, bad, err := batch.Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range points {
		out = append(out, fmt.Sprintf("%s%v", p.Name, p.Fields))
	}
	for _, e := range bad {
		out = append(out, fmt.Sprintf("bad %d", e.Number))
	}
	return strings.Join(out, "; ")
}

func TestLineBreaksInStrings(t *testing.T) {
	for file, want := range map[string]string{
		"a f=\"x\ny\"\nb f=1\n":                `a[{f x` + "\n" + `y}]; b[{f 1}]`,
		"a f=\"x\n# y\n\nz\" 1\nb\nc f=1":      "a[{f x\n# y\n\nz}]; c[{f 1}]; bad 5",
		"a f=\"\\\\\"\nb f=\"\\\"\n\"\nbad\n":  "a[{f \\}]; b[{f \"\n}]; bad 4",
		"a f=\"x\r\ny\"\r\nb f=1\r\n":          "a[{f x\r\ny}]; b[{f 1}]",
		"bad f=\"x\ny\"z\nb f=1\n":             "b[{f 1}]; bad 1",
		"a f=1\nb f=\"x,\n\" 2\nc f=\"\n\n\"x": "a[{f 1}]; b[{f x,\n}]; bad 4",
	} {
		if got := read(t, file); got != want {
			t.Errorf("%q\n got %q\nwant %q", file, got, want)
		}
	}
}

func TestQuotesThatBeginNoString(t *testing.T) {
	for file, want := range map[string]string{
		"a,size=5\" f=1\nb f=2\n":               "a[{f 1}]; b[{f 2}]",
		"a\" f=1\nb f=\"x\"\nc f=3\n":           "a\"[{f 1}]; b[{f x}]; c[{f 3}]",
		"# say \"hello\na f=1\n":                "a[{f 1}]",
		"# \"\n\n# f=\"\nbad\"\na f=1\n":        "a[{f 1}]; bad 4",
		"a f\"=1\nb,k\\=\"=v f=1\nc f\\,\"=1\n": "a[{f\" 1}]; b[{f 1}]; c[{f,\" 1}]",
		"a,k=\\\"\\\\ f=1\nb f=2":               "a[{f 1}]; b[{f 2}]",
	} {
		if got := read(t, file); got != want {
			t.Errorf("%q\n got %q\nwant %q", file, got, want)
		}
	}
}

func TestStringsThatAreNotEnded(t *testing.T) {
	for file, want := range map[string]string{
		"a f=1\nb f=\"x\nc f=2\nd f=3\n": "a[{f 1}]; bad 2",
		"a f=\"x\\\"\nb f=1\n":           "bad 1",
	} {
		if got := read(t, file); got != want {
			t.Errorf("%q\n got %q\nwant %q", file, got, want)
		}
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	file := "a,k=5\",l=C:\\\\ f=\"x\n\\\"y\\\\\" 7\nb\\\\ g=\"\\\\\"\n"
	points, bad, err := batch.Read(strings.NewReader(file))
	if err != nil || len(bad) != 0 || len(points) != 2 {
		t.Fatalf("got %+v, %v, %v", points, bad, err)
	}
	var out strings.Builder
	if err := batch.Write(&out, points); err != nil {
		t.Fatal(err)
	}
	again, bad, err := batch.Read(strings.NewReader(out.String()))
	if err != nil || len(bad) != 0 || !reflect.DeepEqual(again, points) {
		t.Errorf("got %+v, %v, %v\nwant %+v", again, bad, err, points)
	}
}

func TestPlainFilesAreReadAsBefore(t *testing.T) {
	file := "#c\n\r\n\na f=1\r\nb,k=v f=\"x\" 3\nbad line here too\nc f=true"
	if got, want := read(t, file), "a[{f 1}]; b[{f x}]; c[{f true}]; bad 6"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
