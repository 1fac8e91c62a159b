package field

import "testing"

func TestParse(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		text string
		want []int
	}{
		{Minute, "*/20", []int{0, 20, 40}},
		{Hour, "8-12/2,23", []int{8, 10, 12, 23}},
		{Day, "31,1", []int{1, 31}},
		{Month, "Jan-mar,12", []int{1, 2, 3, 12}},
		{Weekday, "mon-wed,7", []int{1, 2, 3, 7}},
	} {
		var want Set
		for _, n := range c.want {
			want.add(n)
		}
		if got, err := c.kind.Parse(c.text); err != nil || got != want {
			t.Errorf("%s %q: got %b, %v", c.kind.Name, c.text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "60", "-1", "5-1", "*/0", "5/2", "a", "1,", "*-3", "1-2-3"} {
		if got, err := Minute.Parse(text); err == nil {
			t.Errorf("%q: got %b", text, got)
		}
	}
}
