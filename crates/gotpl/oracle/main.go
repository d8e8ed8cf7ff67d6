// Command gotpl-oracle renders template cases with Go's text/template.
//
// It reads a JSON list of cases on standard input and writes the same list
// with Go's answers on standard output. "go run . regenerate ../tests/corpus"
// answers the committed corpus anew.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"
	"unicode/utf8"
)

// bin is a byte string: plain JSON text when it is UTF-8, {"b64": ...} if not.
type bin []byte

func (b bin) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return plain(string(b))
	}
	return plain(map[string]string{"b64": base64.StdEncoding.EncodeToString(b)})
}

func (b *bin) UnmarshalJSON(in []byte) error {
	var s string
	if json.Unmarshal(in, &s) == nil {
		*b = bin(s)
		return nil
	}
	var m map[string]string
	if err := json.Unmarshal(in, &m); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(m["b64"])
	*b = raw
	return err
}

func plain(v any) ([]byte, error) {
	var w bytes.Buffer
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(w.Bytes()), err
}

// answer is what Go did: Out when it rendered, else Parse or Exec.
type answer struct {
	Out   *bin `json:"out,omitempty"`
	Parse *bin `json:"parse,omitempty"`
	Exec  *bin `json:"exec,omitempty"`
}

// kase is one case; Strings (map[string]string) or JSON is the data.
type kase struct {
	Template   bin             `json:"t"`
	Strings    map[string]bin  `json:"strings,omitempty"`
	JSON       json.RawMessage `json:"json,omitempty"`
	Missingkey string          `json:"missingkey,omitempty"`
	Left       string          `json:"left,omitempty"`
	Right      string          `json:"right,omitempty"`
	Go         *answer         `json:"go,omitempty"`
}

func (k *kase) data() any {
	if k.JSON != nil {
		var v any
		if err := json.Unmarshal(k.JSON, &v); err != nil {
			panic(err)
		}
		return v
	}
	m := map[string]string{}
	for key, v := range k.Strings {
		m[key] = string(v)
	}
	return m
}

func (k *kase) run() *answer {
	mk := k.Missingkey
	if mk == "" {
		mk = "error"
	}
	t := template.New("t").Option("missingkey="+mk).Funcs(funcs()).Delims(k.Left, k.Right)
	t, err := t.Parse(string(k.Template))
	if err != nil {
		msg := bin(err.Error())
		return &answer{Parse: &msg}
	}
	var w bytes.Buffer
	if err := t.Execute(&w, k.data()); err != nil {
		msg := bin(err.Error())
		return &answer{Exec: &msg}
	}
	out := bin(w.Bytes())
	if out == nil {
		out = bin{}
	}
	return &answer{Out: &out}
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answered(cases []*kase) []byte {
	lines := make([]string, len(cases))
	for i, k := range cases {
		k.Go = k.run()
		line, err := plain(k)
		fail(err)
		lines[i] = string(line)
	}
	return []byte("[\n" + strings.Join(lines, ",\n") + "\n]\n")
}

// regenerate answers every file of the corpus anew, and makes functions.json from the table.
func regenerate(dir string) {
	fail(os.WriteFile(filepath.Join(dir, "functions.json"), answered(combos()), 0o644))
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	fail(err)
	for _, file := range files {
		if filepath.Base(file) == "functions.json" {
			continue
		}
		text, err := os.ReadFile(file)
		fail(err)
		var cases []*kase
		fail(json.Unmarshal(text, &cases))
		fail(os.WriteFile(file, answered(cases), 0o644))
	}
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "regenerate":
		regenerate(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "names":
		for name := range funcs() {
			fmt.Println(name)
		}
	case len(os.Args) == 2 && os.Args[1] == "pki":
		replies, err := pki(os.Stdin)
		fail(err)
		_, err = os.Stdout.Write(replies)
		fail(err)
	case len(os.Args) == 1:
		var cases []*kase
		fail(json.NewDecoder(os.Stdin).Decode(&cases))
		_, err := os.Stdout.Write(answered(cases))
		fail(err)
	default:
		fail(errors.New("usage: gotpl-oracle [regenerate DIR | names | pki]; without words: cases in, answers out"))
	}
}
