package money

import "testing"

func TestHalfOfEven(t *testing.T) {
	if got := Half(8); got != 4 {
		t.Errorf("Half(8) = %d, want 4", got)
	}
}

func TestSharesWithoutRest(t *testing.T) {
	for _, share := range Shares(9, 3) {
		if share != 3 {
			t.Errorf("a share of 9 is %d, want 3", share)
		}
	}
}

func TestNothing(t *testing.T) {
	if got := Half(0); got != 0 {
		t.Errorf("Half(0) = %d, want 0", got)
	}
}
