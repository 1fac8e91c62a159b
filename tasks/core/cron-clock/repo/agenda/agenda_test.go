package agenda

import (
	"testing"
	"time"

	"example.org/almanac/schedule"
)

func TestDue(t *testing.T) {
	a := New()
	for job, text := range map[string]string{"b": "0 */12 * * *", "a": "0 12 * * *"} {
		s, err := schedule.Parse(text, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(job, s); err != nil {
			t.Fatal(err)
		}
	}
	day := time.Date(2023, 6, 1, 0, 0, 0, 0, time.UTC)
	got := a.Due(day, day.Add(24*time.Hour))
	want := []Run{{"a", day.Add(12 * time.Hour)}, {"b", day.Add(12 * time.Hour)}, {"b", day.Add(24 * time.Hour)}}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i].Job != want[i].Job || !got[i].At.Equal(want[i].At) {
			t.Errorf("run %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestAddRefusesTheSameNameTwice(t *testing.T) {
	a := New()
	if a.Add("x", nil) != nil || a.Add("x", nil) == nil {
		t.Error("the second one should have been refused")
	}
}
