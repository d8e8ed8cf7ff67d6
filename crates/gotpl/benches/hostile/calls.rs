//! Pure. Calls of every function on large, extreme and wrong values.
use gotpl::Registry;

use super::cases::{Case, case};

/// Arguments that are large, extreme, or of the wrong kind.
const ARGUMENTS: &[&str] = &[
    ".s",
    ".u",
    ".w",
    ".digits",
    ".objects",
    ".short",
    "9223372036854775807",
    "-9223372036854775808",
    "1000000000",
    "3",
    "1e308",
    "nil",
    "$list",
    "$texts",
    "$dict",
    "$deep",
    "$many",
    "\"\"",
    "\"(a|b)*c\"",
    "true",
];

/// What stands in front of a call: the containers among the arguments.
const PRELUDE: &str = "{{$list := until 20000}}{{$texts := splitList \" \" (trunc 100000 .w)}}\
    {{$dict := dict \"a\" .s \"b\" (dict \"c\" .w)}}{{$deep := list}}\
    {{range 80}}{{$deep = list $deep $dict}}{{end}}\
    {{$many := list .u .w .u .w}}{{range 4}}{{$many = concat $many $many $many $many}}{{end}}";

/// Calls of every function with up to four arguments, `each` of them for each number, by a
/// generator that repeats.
pub fn calls(each: usize, mut draw: impl FnMut(usize) -> usize) -> Vec<Case> {
    let mut all = Vec::new();
    for name in Registry::eso().names() {
        for count in 0..5 {
            for _ in 0..if count == 0 { 1 } else { each } {
                let arguments: Vec<&str> = (0..count)
                    .map(|_| ARGUMENTS[draw(ARGUMENTS.len())])
                    .collect();
                let call = format!("{name} {}", arguments.join(" "));
                all.push(case(&call, format!("{PRELUDE}{{{{{call}}}}}")));
            }
        }
    }
    all
}
