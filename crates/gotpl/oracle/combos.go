package main

import (
	"fmt"
	"strings"
)

// pools are arguments worth trying, by the kind of parameter.
var pools = map[string][]string{
	"s": {`"héllo wörld"`, `""`, `"a,b,,c"`, `"\xff\xfeab"`, `" x\ty\n"`, `"HTTPServer20xOK"`, `"日本語"`, `nil`, `3`},
	"i": {`3`, `0`, `-2`, `40`, `"2"`, `nil`},
	"n": {`7`, `-2`, `"0x1f"`, `2.5`, `"1.9"`, `nil`, `true`, `"x"`, `9223372036854775807`, `(list)`},
	"a": {`1`, `""`, `"s"`, `nil`, `false`, `1.5`, `(list 1 "a")`, `(dict "a" 1)`, `1000000.0`, `(until 3)`},
	"l": {`(list 3 1 2)`, `(list)`, `(list "b" nil "a" "b")`, `(until 3)`, `nil`, `"abc"`, `(splitList "," "z,y")`, `(dict "a" 1)`},
	"d": {`(dict "a" 1 "b" (dict "c" 2))`, `(dict)`, `(dict "b" "" "c" (list))`, `nil`, `.`, `"x"`},
	"r": {`"a(.)c"`, `"[a-z]+"`, `"(?i)B|é"`, `"["`, `""`, `"\\d*$"`, `"(?P<n>\\w)\\b"`},
	"t": {`"abc"`, `"xaBc123 éb"`, `""`, `"a\nb"`},
	"D": {`(toDate "2006-01-02 15:04:05" "2024-02-29 23:59:58")`, `1700000000`, `(int64 0)`, `"x"`},
	"L": {`"2006-01-02T15:04:05Z07:00"`, `"Mon Jan _2 3:04PM MST"`, `""`, `"06/1/2 002 .000"`},
	"z": {`"UTC"`, `"America/New_York"`, `"Bad/Zone"`, `""`},
	"p": {`"/a/../b//c.tar.gz"`, `""`, `"."`, `"a/b/"`, `"//"`, `"../../x"`, `".hidden"`},
	"j": {`"{\"b\":[1,2.50,\"\\u00e9<\"],\"a\":null}"`, `"[1,"`, `"nul"`, `"\"x\""`, `"1e3"`, `""`, `" {} x"`, `"{\"a\":1,\"a\":2}"`, `"\"\\ud83d\\ude00\\ud800\""`},
	"v": {`"1.2.3"`, `"v2"`, `"1.2.3-beta.1+b"`, `"x"`, `"01.2.3"`, `""`},
	"c": {`"^1.2"`, `">=1.0.0, <2"`, `"~1.2.0 || >3"`, `"1.x"`, `"!=1.2"`, `"1 - 2"`, `"=> 1"`, `"bad"`, `"*"`, `"<=1.2.x"`},
	"u": {`"https://u:p%40@h.example:8443/a%20b/c?x=1&y#f"`, `"/only/path"`, `"mailto:x@y"`, `"http://[::1]:80/"`, `"http://h:port/"`, `"%zz"`, `""`, `"a:b"`, `"//h/p"`},
	"o": {`true`, `false`, `1`, `nil`},
	"e": {`"aGk="`, `"aGk"`, `"!!!"`, `""`, `"NBUQ===="`, `"//79/A=="`, `"6869"`, `"aG k="`, `"a\nGk="`},
	"y": {`"a: 1\nb: [x, 2.0]\nc: {d: yes}\n"`, `"x"`, `""`, `"a: &q 1\nb: *q"`, `"1: a\ntrue: b\n~x: c"`, `"a: 0755\nb: 0x1f\nc: 1_000\nd: .5\ne: '1'\nf: 2020-01-01\ng: ~\nh: null\n"`, `"a: |\n  x\n  y\nb: >-\n  p\n  q\n"`, `"- 1\n- 2"`},
	"q": {`(list "b" 1)`, `"yes"`, `(dict "k" (list 1 (dict "z" nil)))`, `1.5`, `nil`, `"a: b"`, `"x\ny"`, `""`},
}

// signatures name the pools of the parameters of every function.
var signatures = map[string]string{
	"abbrev": "is", "abbrevboth": "iis", "trunc": "is", "trim": "s", "trimall": "ss", "trimAll": "ss",
	"trimSuffix": "ss", "trimPrefix": "ss", "upper": "s", "lower": "s", "title": "s", "untitle": "s",
	"substr": "iis", "repeat": "is", "nospace": "s", "initials": "s", "swapcase": "s", "snakecase": "s",
	"camelcase": "s", "kebabcase": "s", "wrap": "is", "wrapWith": "iss", "contains": "ss", "hasPrefix": "ss",
	"hasSuffix": "ss", "quote": "aa", "squote": "aa", "cat": "aa", "indent": "is", "nindent": "is",
	"replace": "sss", "plural": "ssi", "toString": "a", "split": "ss", "splitList": "ss", "splitn": "sis",
	"toStrings": "l", "join": "sl", "sortAlpha": "l", "sha1sum": "s", "sha256sum": "s", "sha512sum": "s",
	"adler32sum": "s", "b64enc": "s", "b64dec": "e", "b32enc": "s", "b32dec": "e", "hexdec": "e",
	"atoi": "s", "int": "n", "int64": "n", "float64": "n", "toDecimal": "n", "seq": "ii", "until": "i",
	"untilStep": "iii", "add1": "n", "add": "nn", "sub": "nn", "div": "nn", "mod": "nn", "mul": "nn",
	"add1f": "n", "addf": "nn", "subf": "nn", "divf": "nn", "mulf": "nn", "biggest": "nn", "max": "nn",
	"min": "nn", "maxf": "nn", "minf": "nn", "ceil": "n", "floor": "n", "round": "ni",
	"default": "aa", "empty": "a", "coalesce": "aa", "all": "aa", "any": "aa", "compact": "l",
	"mustCompact": "l", "ternary": "aao", "fromJson": "j", "mustFromJson": "j", "toJson": "a",
	"mustToJson": "a", "toPrettyJson": "a", "mustToPrettyJson": "a", "toRawJson": "a", "mustToRawJson": "a",
	"deepCopy": "a", "mustDeepCopy": "a", "base": "p", "dir": "p", "clean": "p", "ext": "p", "isAbs": "p",
	"osBase": "p", "osClean": "p", "osDir": "p", "osExt": "p", "osIsAbs": "p", "tuple": "aa", "list": "aa",
	"dict": "aa", "get": "ds", "set": "dsa", "unset": "ds", "hasKey": "ds", "pluck": "sdd", "keys": "d",
	"pick": "ds", "omit": "ds", "merge": "dd", "mergeOverwrite": "dd", "mustMerge": "dd",
	"mustMergeOverwrite": "dd", "values": "d", "dig": "sad", "append": "la", "push": "la", "mustAppend": "la",
	"mustPush": "la", "prepend": "la", "mustPrepend": "la", "first": "l", "mustFirst": "l", "rest": "l",
	"mustRest": "l", "last": "l", "mustLast": "l", "initial": "l", "mustInitial": "l", "reverse": "l",
	"mustReverse": "l", "uniq": "l", "mustUniq": "l", "without": "la", "mustWithout": "la", "has": "al",
	"mustHas": "al", "slice": "li", "mustSlice": "lii", "concat": "ll", "chunk": "il", "mustChunk": "il",
	"regexMatch": "rt", "regexFind": "rt", "regexFindAll": "rti", "regexReplaceAll": "rts",
	"regexReplaceAllLiteral": "rts", "regexSplit": "rti", "mustRegexMatch": "rt", "mustRegexFind": "rt",
	"mustRegexFindAll": "rti", "mustRegexReplaceAll": "rts", "mustRegexReplaceAllLiteral": "rts",
	"mustRegexSplit": "rti", "regexQuoteMeta": "r", "urlParse": "u", "urlJoin": "d", "hello": "",
	"fail": "s", "semver": "v", "semverCompare": "cv", "typeOf": "a", "typeIs": "sa", "typeIsLike": "sa",
	"kindOf": "a", "kindIs": "sa", "deepEqual": "aa", "date": "LD", "date_in_zone": "LDz", "dateInZone": "LDz",
	"date_modify": "sD", "dateModify": "sD", "must_date_modify": "sD", "mustDateModify": "sD",
	"duration": "n", "durationRound": "s", "htmlDate": "D", "htmlDateInZone": "Dz", "toDate": "Ls",
	"mustToDate": "Ls", "unixEpoch": "D", "toYaml": "q", "fromYaml": "y",
	"eq": "aa", "ne": "aa", "lt": "nn", "le": "nn", "gt": "nn", "ge": "nn", "and": "aa", "or": "aa", "not": "a",
	"len": "a", "index": "la", "print": "aa", "println": "aa", "html": "aa", "js": "s", "urlquery": "s",
	"call": "a", "printf": "sa",
}

// unordered are the functions whose lists have no order of their own in Go.
var unordered = map[string]bool{"keys": true, "values": true}

// timed are the functions that show the present where an argument is no time.
var timed = map[string]bool{"date": true, "date_in_zone": true, "dateInZone": true, "htmlDate": true, "htmlDateInZone": true}

// combos tries every argument of every function beside plain ones, too few, and too many.
func combos() []*kase {
	var out []*kase
	add := func(expr string) {
		t := bin("{{" + expr + "}}|{{" + expr + " | typeOf}}")
		out = append(out, &kase{Template: t, Strings: map[string]bin{"k": bin("v")}})
	}
	for _, name := range sorted(signatures) {
		sig := signatures[name]
		plain := make([]string, len(sig))
		for i := range sig {
			plain[i] = pools[string(sig[i])][0]
		}
		seen := map[string]bool{}
		for i := range sig {
			for _, arg := range pools[string(sig[i])] {
				if timed[name] && sig[i] == 'D' && arg == `"x"` {
					continue
				}
				args := append([]string{}, plain...)
				args[i] = arg
				expr := strings.Join(append([]string{name}, args...), " ")
				if unordered[name] {
					expr = expr + " | sortAlpha"
				}
				if !seen[expr] {
					add(expr)
				}
				seen[expr] = true
			}
		}
		if len(sig) > 0 {
			add(strings.Join(append([]string{name}, plain[:len(plain)-1]...), " "))
			add(fmt.Sprintf("%s | %s", plain[len(plain)-1], strings.Join(append([]string{name}, plain[:len(plain)-1]...), " ")))
		}
		add(strings.Join(append([]string{name}, append(plain, "1", `"x"`)...), " "))
	}
	return out
}
