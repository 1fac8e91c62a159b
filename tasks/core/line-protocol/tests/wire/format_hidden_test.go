package wire_test

import (
	"reflect"
	"testing"

	"example.org/linegram/point"
	"example.org/linegram/wire"
)

func tags(pairs ...string) []point.Tag {
	var out []point.Tag
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, point.Tag{Key: pairs[i], Value: pairs[i+1]})
	}
	return out
}

func fields(pairs ...any) []point.Field {
	var out []point.Field
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, point.Field{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return out
}

func expectParsed(t *testing.T, line string, want point.Point) {
	t.Helper()
	got, err := wire.Parse(line)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %+v, %v\nwant %+v", line, got, err, want)
	}
}

func TestEscapedBackslashes(t *testing.T) {
	expectParsed(t, `disk,path=C:\\,host=a free=1i`, point.Point{
		Name: "disk", Tags: tags("path", `C:\`, "host", "a"), Fields: fields("free", int64(1)),
	})
	expectParsed(t, `a\\ f=1`, point.Point{Name: `a\`, Fields: fields("f", 1.0)})
	expectParsed(t, `a,k\\=v\\\\ f\\=1`, point.Point{
		Name: "a", Tags: tags(`k\`, `v\\`), Fields: fields(`f\`, 1.0),
	})
	expectParsed(t, `a,k=\\\,x\\\ y f=1`, point.Point{
		Name: "a", Tags: tags("k", `\,x\ y`), Fields: fields("f", 1.0),
	})
}

func TestBackslashesBeforeOtherCharacters(t *testing.T) {
	expectParsed(t, `a\b,k=C:\temp,l=\"\n f\g=1`, point.Point{
		Name: `a\b`, Tags: tags("k", `C:\temp`, "l", `\"\n`), Fields: fields(`f\g`, 1.0),
	})
}

func TestQuotesInPlainText(t *testing.T) {
	expectParsed(t, `pipe,size=5",kind=steel length=2`, point.Point{
		Name: "pipe", Tags: tags("size", `5"`, "kind", "steel"), Fields: fields("length", 2.0),
	})
	expectParsed(t, `pipe,a=5",b=6" length=2`, point.Point{
		Name: "pipe", Tags: tags("a", `5"`, "b", `6"`), Fields: fields("length", 2.0),
	})
	expectParsed(t, `"a,"k="v" "f=1,g"=2`, point.Point{
		Name: `"a`, Tags: tags(`"k`, `"v"`), Fields: fields(`"f`, 1.0, `g"`, 2.0),
	})
	expectParsed(t, `a,k=5" f="x y" 9`, point.Point{
		Name: "a", Tags: tags("k", `5"`), Fields: fields("f", "x y"), Time: 9, Timed: true,
	})
}

func TestBackslashesInStrings(t *testing.T) {
	expectParsed(t, `job log="C:\\" 5`, point.Point{
		Name: "job", Fields: fields("log", `C:\`), Time: 5, Timed: true,
	})
	expectParsed(t, `job log="\\\"\\",x="\, \n \\n"`, point.Point{
		Name: "job", Fields: fields("log", `\"\`, "x", `\, \n \n`),
	})
	expectParsed(t, `job a="\\",b="\\"`, point.Point{Name: "job", Fields: fields("a", `\`, "b", `\`)})
}

func TestSeparatorsInStrings(t *testing.T) {
	expectParsed(t, `job a="x=1,y=2 z=3",b=",",c="=",d=" ",e=""`, point.Point{
		Name: "job", Fields: fields("a", "x=1,y=2 z=3", "b", ",", "c", "=", "d", " ", "e", ""),
	})
	expectParsed(t, "job a=\"one\ntwo\r\n\nthree\" 1", point.Point{
		Name: "job", Fields: fields("a", "one\ntwo\r\n\nthree"), Time: 1, Timed: true,
	})
}

func TestEqualsSignsInNames(t *testing.T) {
	expectParsed(t, `a=b,k=v f=1`, point.Point{Name: "a=b", Tags: tags("k", "v"), Fields: fields("f", 1.0)})
	expectParsed(t, `a\=b\\=c f=1`, point.Point{Name: `a=b\=c`, Fields: fields("f", 1.0)})
}

func TestBadStringsAndPairsAreRefused(t *testing.T) {
	for _, line := range []string{
		`job log="done"x`, `job log="a"b"`, `job log="a""b"`, `job log=x"a"`, `job log="a\"`, `job log="`,
		`job log="a\\\"`, `job log="a" "b"`, `job log="a"=1`, `job url="x",q=a=b`, `job,k=a=b f=1`,
		`job,k=v,f=1`, `job  f=1`, `job f=1  2`, `job f=1 `, `job,k=v\ f=1`, `job f=1,,g=2`, `job,,k=v f=1`,
		`job "f"`, `job f="a" 1 `, `job f\=1`, `job f="a"i`, `job f=Inf`,
	} {
		if got, err := wire.Parse(line); err == nil {
			t.Errorf("%s: got %+v", line, got)
		}
	}
}

func TestWhatIsFormattedIsParsedAgain(t *testing.T) {
	texts := []string{
		`C:\`, `\`, `\\`, `a\,b`, `a, b=c`, `"`, `5"`, `"x"`, `\"`, `a\ `, ` a`, `=`, `,`, `a\\,`, `é\`, `\n`, `#`,
	}
	for _, text := range texts {
		p := point.Point{
			Name:   "n" + text,
			Tags:   tags(text, "v", "k", text, text, text),
			Fields: fields(text, text, "s", text+"\n"+text, "f"+text, -2.5, "i", int64(-3), "b", false),
			Time:   -4,
			Timed:  true,
		}
		line, err := wire.Format(p)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		expectParsed(t, line, p)
	}
	for _, value := range []float64{0, 1e21, -1e-7, 0.1, 123456789.125} {
		p := point.Point{Name: "a", Fields: fields("f", value)}
		line, err := wire.Format(p)
		if err != nil {
			t.Errorf("%v: %v", value, err)
		}
		expectParsed(t, line, p)
	}
}

func TestRandomTextsSurvive(t *testing.T) {
	alphabet := []string{`\`, `"`, `,`, `=`, ` `, `a`, `é`}
	state := uint32(1)
	next := func() uint32 {
		state = state*1664525 + 1013904223
		return state >> 16
	}
	text := func() string {
		out := ""
		for n := next()%6 + 1; n > 0; n-- {
			out += alphabet[next()%uint32(len(alphabet))]
		}
		return out
	}
	for round := 0; round < 3000; round++ {
		p := point.Point{
			Name:   text(),
			Tags:   tags(text(), text(), text(), text()),
			Fields: fields(text(), text(), text(), text()),
		}
		line, err := wire.Format(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.Parse(line)
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Fatalf("%s\n got %+v, %v\nwant %+v", line, got, err, p)
		}
	}
}
