package ring

import (
	"reflect"
	"testing"
)

func filled(capacity, count int) *Ring[int] {
	r := New[int](capacity)
	for i := 1; i <= count; i++ {
		r.Push(i)
	}
	return r
}

func TestPushForgetsTheOldest(t *testing.T) {
	r := New[int](2)
	for i, want := range []bool{false, false, true} {
		if got := r.Push(i); got != want {
			t.Errorf("push %d forgot: %v", i, got)
		}
	}
	if got := r.Items(); !reflect.DeepEqual(got, []int{1, 2}) {
		t.Errorf("items are %v", got)
	}
}

func TestAtCountsFromTheOldest(t *testing.T) {
	r := filled(3, 5)
	if r.At(0) != 3 || r.At(2) != 5 {
		t.Errorf("oldest %d, newest %d", r.At(0), r.At(2))
	}
}

func TestDropForgetsTheOldest(t *testing.T) {
	r := filled(3, 4)
	r.Drop(2)
	if got := r.Items(); !reflect.DeepEqual(got, []int{4}) {
		t.Errorf("items are %v", got)
	}
	r.Drop(9)
	if r.Len() != 0 {
		t.Errorf("%d items left", r.Len())
	}
}

func TestLastIsACopy(t *testing.T) {
	r := filled(3, 5)
	last := r.Last(2)
	last[0] = 99
	if got := r.Last(2); !reflect.DeepEqual(got, []int{4, 5}) {
		t.Errorf("last are %v", got)
	}
}

func TestResizeMakesRoom(t *testing.T) {
	r := filled(2, 2)
	r.Resize(4)
	if r.Cap() != 4 {
		t.Errorf("capacity is %d", r.Cap())
	}
	r.Push(3)
	r.Push(4)
	if got := r.Items(); !reflect.DeepEqual(got, []int{1, 2, 3, 4}) {
		t.Errorf("items are %v", got)
	}
}

func TestCapacityIsChecked(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New[int](0)
}
