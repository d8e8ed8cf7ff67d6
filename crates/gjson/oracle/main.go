// Command gjsonoracle answers gjson look-ups with github.com/tidwall/gjson.
//
//	gjsonoracle corpus FILE...   writes Go's answers into the corpus files
//	gjsonoracle serve            one look-up per line on stdin, one answer per line on stdout
//	gjsonoracle bench FILE       best nanoseconds per look-up of each path read from stdin
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// corpus is one committed file: documents by name, and look-ups in them.
type corpus struct {
	Documents map[string]string `json:"documents"`
	Cases     []lookup          `json:"cases"`
}

// lookup is one case with Go's answer. A field that isn't UTF-8 stands in hexadecimal.
type lookup struct {
	Document  string  `json:"doc"`
	Path      string  `json:"path"`
	Type      string  `json:"type"`
	Exists    bool    `json:"exists"`
	Raw       *string `json:"raw,omitempty"`
	RawHex    string  `json:"raw_hex,omitempty"`
	String    *string `json:"string,omitempty"`
	StringHex string  `json:"string_hex,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gjsonoracle:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 2 && args[0] == "corpus":
		for _, name := range args[1:] {
			if err := answer(name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	case len(args) == 1 && args[0] == "serve":
		return serve()
	case len(args) == 2 && args[0] == "bench":
		return bench(args[1])
	}
	return fmt.Errorf("usage: gjsonoracle corpus FILE... | serve | bench FILE")
}

// document undoes the hexadecimal form of documents that aren't UTF-8.
func document(text string) (string, error) {
	digits, isHex := strings.CutPrefix(text, "hex:")
	if !isHex {
		return text, nil
	}
	decoded, err := hex.DecodeString(digits)
	return string(decoded), err
}

func answer(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var file corpus
	if err := json.Unmarshal(data, &file); err != nil {
		return err
	}
	for i := range file.Cases {
		c := &file.Cases[i]
		text, known := file.Documents[c.Document]
		if !known {
			return fmt.Errorf("case %d names the unknown document %q", i, c.Document)
		}
		doc, err := document(text)
		if err != nil {
			return err
		}
		r := gjson.Get(doc, c.Path)
		c.Type, c.Exists = r.Type.String(), r.Exists()
		c.Raw, c.RawHex = readable(r.Raw)
		c.String, c.StringHex = readable(r.String())
	}
	return os.WriteFile(name, layout(file), 0o644)
}

func readable(s string) (*string, string) {
	if utf8.ValidString(s) {
		return &s, ""
	}
	return nil, hex.EncodeToString([]byte(s))
}

// layout prints one document and one case per line, so that changes are read line by line.
func layout(file corpus) []byte {
	var out bytes.Buffer
	enc := func(v any) string {
		var line bytes.Buffer
		e := json.NewEncoder(&line)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			panic(err)
		}
		return strings.TrimSuffix(line.String(), "\n")
	}
	out.WriteString("{\n\"documents\": ")
	docs := enc(file.Documents)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(docs), "", "  "); err != nil {
		panic(err)
	}
	out.Write(pretty.Bytes())
	out.WriteString(",\n\"cases\": [\n")
	for i, c := range file.Cases {
		out.WriteString("  " + enc(c))
		if i+1 < len(file.Cases) {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	out.WriteString("]\n}\n")
	return out.Bytes()
}

// serve reads "hex(document) hex(path)" and writes "type exists hex(raw) hex(string)".
func serve() error {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if line == "" && err != nil {
			return out.Flush()
		}
		doc, path, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !found {
			return fmt.Errorf("a request has two fields")
		}
		d, err := hex.DecodeString(doc)
		if err != nil {
			return err
		}
		p, err := hex.DecodeString(path)
		if err != nil {
			return err
		}
		r := gjson.Get(string(d), string(p))
		fmt.Fprintf(out, "%s %t %x %x\n", r.Type, r.Exists(), r.Raw, r.String())
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// The best of many short batches is what the code takes when nothing else runs.
const (
	batches = 200
	lookups = 100
)

// kept keeps the compiler from leaving look-ups out.
var kept string

func bench(name string) error {
	doc, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	paths := bufio.NewScanner(os.Stdin)
	for paths.Scan() {
		path := paths.Text()
		best := time.Duration(math.MaxInt64)
		for range batches {
			start := time.Now()
			for range lookups {
				kept = gjson.GetBytes(doc, path).String()
			}
			best = min(best, time.Since(start))
		}
		fmt.Printf("%.1f\n", float64(best.Nanoseconds())/lookups)
	}
	return paths.Err()
}
