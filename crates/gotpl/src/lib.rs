//! Pure. Go's text/template with sprig and the functions of the External Secrets Operator.
mod analysis;
mod ast;
mod builtins;
mod bytes;
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
pub use ctx::{Ctx, Env, Random};
pub use error::{ExecError, ExecErrorKind, FuncError, ParseError};
pub use exec::MissingKey;
pub use limits::{Limit, Limits};
pub use registry::{Function, Registry, Run};
pub use template::{KeysUsed, Options, Template};
pub use ty::{IntKind, Ty, UintKind};
pub use value::{List, Map, Object, Value};
