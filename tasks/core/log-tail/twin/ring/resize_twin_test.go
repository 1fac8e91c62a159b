package ring_test

import (
	"reflect"
	"testing"

	"example.org/logtail/ring"
)

func TestTwinGrowingKeepsTheOrderOfAFullRing(t *testing.T) {
	r := ring.New[int](4)
	for i := 1; i <= 6; i++ {
		r.Push(i)
	}
	r.Resize(6)
	if got := r.Items(); !reflect.DeepEqual(got, []int{6, 5, 4, 3}) {
		t.Errorf("items are %v", got)
	}
}

func TestTwinShrinkingForgetsTheOldest(t *testing.T) {
	r := ring.New[int](5)
	for i := 1; i <= 7; i++ {
		r.Push(i)
	}
	r.Resize(3)
	if got := r.Items(); !reflect.DeepEqual(got, []int{7, 6, 5}) {
		t.Errorf("items are %v", got)
	}
}
