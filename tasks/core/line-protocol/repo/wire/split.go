package wire

import "strings"

// split cuts text at each separator that is neither escaped nor in quotes.
func split(text string, separator byte) []string {
	var parts []string
	begin, quoted := 0, false
	for i := 0; i < len(text); i++ {
		escaped := i > 0 && text[i-1] == '\\'
		switch {
		case text[i] == '"' && !escaped:
			quoted = !quoted
		case text[i] == separator && !escaped && !quoted:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:])
}

var (
	escaper   = strings.NewReplacer(",", `\,`, "=", `\=`, " ", `\ `)
	unescaper = strings.NewReplacer(`\,`, ",", `\=`, "=", `\ `, " ", `\\`, `\`)
)

func escape(text string) string   { return escaper.Replace(text) }
func unescape(text string) string { return unescaper.Replace(text) }

func quote(text string) string {
	return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
}

var unquoter = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

func unquote(text string) string {
	return unquoter.Replace(text[1 : len(text)-1])
}
