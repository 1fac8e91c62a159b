package money

import "testing"

func TestHalfOfOddTwin(t *testing.T) {
	if got := Half(13); got != 8 {
		t.Errorf("Half(13) = %d, want 8", got)
	}
}
