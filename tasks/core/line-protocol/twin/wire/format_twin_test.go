package wire_test

import (
	"testing"

	"example.org/linegram/wire"
)

func TestTwinEscapedBackslashes(t *testing.T) {
	got, err := wire.Parse(`disk,path=C:\\,host=a free=1i`)
	if err != nil || len(got.Tags) != 2 || got.Tags[0].Value != `C:\\,host` {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTwinBackslashesInStrings(t *testing.T) {
	got, err := wire.Parse(`job log="C:\\" 5`)
	if err != nil || len(got.Fields) != 1 || got.Fields[0].Value != `C:/` {
		t.Errorf("got %+v, %v", got, err)
	}
}
