package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"text/template"
)

// bench is the template and the data of benches/render.rs.
func bench() (string, map[string]string) {
	functions := []string{"upper", "b64enc", "quote", `trimSuffix "x"`, `default "none"`}
	var source strings.Builder
	data := map[string]string{}
	for i := range 20 {
		fmt.Fprintf(&source, "key%d: {{ .key%d | %s }}\n", i, i, functions[i%5])
		data[fmt.Sprintf("key%d", i)] = fmt.Sprintf("value number %d", i)
	}
	return source.String(), data
}

func BenchmarkExecute(b *testing.B) {
	source, data := bench()
	t := template.Must(template.New("t").Option("missingkey=error").Funcs(funcs()).Parse(source))
	for b.Loop() {
		var w bytes.Buffer
		if err := t.Execute(&w, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAndExecute(b *testing.B) {
	source, data := bench()
	m := funcs()
	for b.Loop() {
		t := template.Must(template.New("t").Option("missingkey=error").Funcs(m).Parse(source))
		var w bytes.Buffer
		if err := t.Execute(&w, data); err != nil {
			b.Fatal(err)
		}
	}
}
