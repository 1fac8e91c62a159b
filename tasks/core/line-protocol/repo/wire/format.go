package wire

import (
	"strconv"
	"strings"

	"example.org/linegram/point"
)

// Format writes a point as a line, without a line break at its end.
func Format(p point.Point) (string, error) {
	if err := p.Check(); err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString(escape(p.Name))
	for _, tag := range p.Tags {
		out.WriteString("," + escape(tag.Key) + "=" + escape(tag.Value))
	}
	separator := " "
	for _, field := range p.Fields {
		out.WriteString(separator + escape(field.Key) + "=" + formatValue(field.Value))
		separator = ","
	}
	if p.Timed {
		out.WriteString(" " + strconv.FormatInt(p.Time, 10))
	}
	return out.String(), nil
}

func formatValue(value any) string {
	switch value := value.(type) {
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64)
	case int64:
		return strconv.FormatInt(value, 10) + "i"
	case bool:
		return strconv.FormatBool(value)
	case string:
		return quote(value)
	}
	panic("wire: unchecked field value")
}
