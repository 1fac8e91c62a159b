package ring_test

import (
	"reflect"
	"testing"

	"example.org/logtail/ring"
)

func pushed(capacity, count int) *ring.Ring[int] {
	r := ring.New[int](capacity)
	for i := 1; i <= count; i++ {
		r.Push(i)
	}
	return r
}

func expect(t *testing.T, r *ring.Ring[int], want ...int) {
	t.Helper()
	got := r.Items()
	if len(got) != len(want) || (len(want) > 0 && !reflect.DeepEqual(got, want)) {
		t.Errorf("items are %v, want %v", got, want)
	}
	if r.Len() != len(want) {
		t.Errorf("length is %d, want %d", r.Len(), len(want))
	}
}

func TestGrowingKeepsTheOrderOfAFullRing(t *testing.T) {
	for count := 4; count <= 9; count++ {
		r := pushed(4, count)
		r.Resize(6)
		expect(t, r, count-3, count-2, count-1, count)
		r.Push(100)
		r.Push(200)
		if r.Push(300) != true {
			t.Error("the ring should have been full")
		}
		expect(t, r, count-2, count-1, count, 100, 200, 300)
	}
}

func TestShrinkingForgetsTheOldest(t *testing.T) {
	for count := 5; count <= 11; count++ {
		r := pushed(5, count)
		r.Resize(3)
		expect(t, r, count-2, count-1, count)
		if r.Push(100) != true {
			t.Error("the ring should have been full")
		}
		expect(t, r, count-1, count, 100)
	}
}

func TestShrinkingARingThatWasNeverFull(t *testing.T) {
	r := pushed(8, 3)
	r.Resize(2)
	expect(t, r, 2, 3)
	r = pushed(8, 3)
	r.Resize(4)
	expect(t, r, 1, 2, 3)
	if r.Push(4) {
		t.Error("there was room for one more")
	}
	expect(t, r, 1, 2, 3, 4)
}

func TestResizingAfterDrop(t *testing.T) {
	for count := 5; count <= 8; count++ {
		for _, capacity := range []int{2, 3, 4, 5, 9} {
			r := pushed(4, count)
			r.Drop(2)
			r.Resize(capacity)
			expect(t, r, count-1, count)
			r.Push(100)
			if capacity == 2 {
				expect(t, r, count, 100)
			} else {
				expect(t, r, count-1, count, 100)
			}
		}
	}
}

func TestResizingToTheSameCapacity(t *testing.T) {
	r := pushed(3, 5)
	r.Resize(3)
	expect(t, r, 3, 4, 5)
	r.Push(6)
	expect(t, r, 4, 5, 6)
}

func TestResizingToOneAndBack(t *testing.T) {
	r := pushed(3, 5)
	r.Resize(1)
	expect(t, r, 5)
	r.Resize(3)
	expect(t, r, 5)
	r.Push(6)
	r.Push(7)
	expect(t, r, 5, 6, 7)
}

func TestResizingAnEmptyRing(t *testing.T) {
	r := pushed(3, 5)
	r.Drop(3)
	r.Resize(2)
	expect(t, r)
	r.Push(1)
	expect(t, r, 1)
}

func TestResizeRefusesNoCapacity(t *testing.T) {
	r := pushed(3, 2)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		expect(t, r, 1, 2)
	}()
	r.Resize(0)
}
