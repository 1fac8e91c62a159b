package money

import (
	"reflect"
	"testing"
)

func TestHalfOfOdd(t *testing.T) {
	if got := Half(11); got != 6 {
		t.Errorf("Half(11) = %d, want 6", got)
	}
}

func TestSharesWithRest(t *testing.T) {
	if got := Shares(11, 3); !reflect.DeepEqual(got, []int{4, 4, 3}) {
		t.Errorf("Shares(11, 3) = %v, want [4 4 3]", got)
	}
}
