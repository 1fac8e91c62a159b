package wire

import (
	"math"
	"reflect"
	"testing"

	"example.org/linegram/point"
)

const example = `weather,station=Kap\ Arkona,kind=auto temp=4.5,wind=12i,ok=true,note="gusts, \"strong\"" 1709290800`

var examplePoint = point.Point{
	Name: "weather",
	Tags: []point.Tag{{Key: "station", Value: "Kap Arkona"}, {Key: "kind", Value: "auto"}},
	Fields: []point.Field{
		{Key: "temp", Value: 4.5}, {Key: "wind", Value: int64(12)},
		{Key: "ok", Value: true}, {Key: "note", Value: `gusts, "strong"`},
	},
	Time:  1709290800,
	Timed: true,
}

func TestParse(t *testing.T) {
	got, err := Parse(example)
	if err != nil || !reflect.DeepEqual(got, examplePoint) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFormat(t *testing.T) {
	got, err := Format(examplePoint)
	if err != nil || got != example {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestEscapedSeparators(t *testing.T) {
	got, err := Parse(`a\,b,k\=1=v\ 1 f\,g=1`)
	want := point.Point{
		Name:   "a,b",
		Tags:   []point.Tag{{Key: "k=1", Value: "v 1"}},
		Fields: []point.Field{{Key: "f,g", Value: 1.0}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, line := range []string{
		"", "a", "a ", "a f", "a f=", "a =1", "a,t f=1", "a,=v f=1", "a,t= f=1", "a f=1 x", "a f=1 2 3",
		"a f=1.5i", "a f=x", "a f=NaN", "a f=1,", ",t=v f=1", `a f="x`,
	} {
		if got, err := Parse(line); err == nil {
			t.Errorf("%q: got %+v", line, got)
		}
	}
}

func TestFormatRefuses(t *testing.T) {
	fields := []point.Field{{Key: "f", Value: 1.0}}
	for _, p := range []point.Point{
		{Fields: fields},
		{Name: "a"},
		{Name: "a\nb", Fields: fields},
		{Name: "a", Tags: []point.Tag{{Key: "", Value: "v"}}, Fields: fields},
		{Name: "a", Fields: []point.Field{{Key: "f", Value: math.Inf(1)}}},
		{Name: "a", Fields: []point.Field{{Key: "f", Value: 1}}},
	} {
		if got, err := Format(p); err == nil {
			t.Errorf("%+v: got %q", p, got)
		}
	}
}
