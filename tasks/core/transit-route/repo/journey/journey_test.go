package journey

import (
	"testing"

	"example.org/transit/network"
)

func TestStringAndChanges(t *testing.T) {
	re := &network.Trip{Line: "RE", Number: "16"}
	j := Journey{
		{Trip: re, From: "A", To: "B", Depart: 480, Arrive: 516},
		{From: "B", To: "C", Depart: 516, Arrive: 520},
		{Trip: re, From: "C", To: "D", Depart: 1450, Arrive: 1460},
	}
	want := "08:00 A           08:36 B           RE 16\n" +
		"08:36 B           08:40 C           walk\n" +
		"24:10 C           24:20 D           RE 16\n"
	if got := j.String(); got != want {
		t.Errorf("got\n%s", got)
	}
	if j.Changes() != 1 || (Journey{}).Changes() != 0 || j.Arrive() != 1460 {
		t.Errorf("changes %d, arrival %s", j.Changes(), j.Arrive())
	}
}
