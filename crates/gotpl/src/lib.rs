//! Pure. Go's text/template with sprig and the functions of the External Secrets Operator.
//!
//! A [`Template`] is parsed once and executed often. Its output is what Go's would be, byte for
//! byte, and so are the texts of its errors; what they quote stays out of their public face.
//!
//! ```
//! # struct Zeros;
//! # impl gotpl::Random for Zeros { fn fill(&mut self, buf: &mut [u8]) { buf.fill(0) } }
//! use gotpl::{Env, Limits, Options, Template, Value};
//!
//! let template = Template::parse("url", "https://{{ .host | lower }}", &Options::default())?;
//! let data = Value::strings([("host", "EXAMPLE.com")]);
//! let mut env = Env {
//!     now: jiff::Timestamp::UNIX_EPOCH,
//!     zone: jiff::tz::TimeZone::UTC,
//!     rng: &mut Zeros,
//!     limits: Limits::default(),
//!     expired: &|| false,
//! };
//! assert_eq!(template.execute(&data, &mut env)?.as_bytes(), b"https://example.com");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the functions are not those of sprig v3.3.0
//!
//! | function | here, as the operator registers it |
//! |---|---|
//! | `env`, `expandenv`, `getHostByName` | are not there |
//! | `hexdec` | added; answers the text of its error, as `b64dec` does |
//! | `htpasswd` | takes a third argument: `"sha"`, or else bcrypt |
//! | `toYaml`, `fromYaml`, `filterPEM`, `pkcs12key`, … | added: 18 of the operator's own |
//!
//! # Where the engine is not Go
//!
//! | matter | here |
//! |---|---|
//! | `keys`, `values`, `pick` over maps | sorted by key, where Go's order is random |
//! | nesting, recursion, steps, memory, output | end in an error at [`Limits`] |
//! | `genPrivateKey "dsa"` | the key is random, its domain parameters are always the same |
//! | `fromYaml` of malformed text | `Error` holds the line, and none of the text |
//! | a function's error | has the same place, not always the same words |
//! | unexported fields, methods with two results | `can't evaluate field` |
mod analysis;
mod ast;
mod builtins;
mod bytes;
mod cache;
mod ctx;
mod error;
mod exec;
mod fmt;
mod funcs;
mod limits;
mod parse;
mod registry;
mod runes;
mod strconv;
mod template;
mod ty;
mod value;

pub use bytes::{Buf, Str};
pub use cache::{Cache, Key};
pub use ctx::{Ctx, Env, Random};
pub use error::{ExecError, ExecErrorKind, FuncError, ParseError};
pub use exec::MissingKey;
pub use limits::{Limit, Limits};
pub use registry::{Function, Registry, Run};
pub use template::{KeysUsed, Options, Template};
pub use ty::{IntKind, Ty, UintKind};
pub use value::{List, Map, Object, Value};
