//! Pure. A parsed template: executed often, and asked what it reads.
use std::sync::LazyLock;

use zeroize::Zeroizing;

use crate::analysis;
use crate::bytes::{Buf, Str};
use crate::ctx::{Ctx, Env};
use crate::error::{ExecError, ParseError};
use crate::exec::{self, MissingKey, Program};
use crate::limits::Limits;
use crate::parse::{self, Syntax, Templates};
use crate::registry::Registry;
use crate::value::Value;

pub use crate::analysis::KeysUsed;

static ESO: LazyLock<Registry> = LazyLock::new(Registry::eso);

/// How a source is to be read.
#[derive(Clone, Debug)]
pub struct Options<'o> {
    /// The left delimiter; empty means `{{`.
    pub left: &'o str,
    /// The right delimiter; empty means `}}`.
    pub right: &'o str,
    /// What a field that a map has not is worth.
    pub missing_key: MissingKey,
    /// The functions that may be named.
    pub functions: &'o Registry,
    /// The bounds on source and nesting.
    pub limits: Limits,
}

impl Default for Options<'_> {
    /// Go's delimiters, `missingkey=error`, ESO's functions.
    fn default() -> Self {
        Self {
            left: "",
            right: "",
            missing_key: MissingKey::default(),
            functions: &ESO,
            limits: Limits::default(),
        }
    }
}

/// A parsed template. It is immutable, and may be shared between threads.
pub struct Template {
    name: Box<str>,
    /// A source may hold secrets as literals.
    source: Zeroizing<Vec<u8>>,
    templates: Templates,
    missing: MissingKey,
}

impl Template {
    /// Parses a source.
    ///
    /// # Errors
    /// The first mistake, where Go finds it and as Go words it; or a limit that was reached.
    pub fn parse(
        name: &str,
        source: impl Into<Vec<u8>>,
        options: &Options<'_>,
    ) -> Result<Self, ParseError> {
        let source = Zeroizing::new(source.into());
        let or = |given: &'static str, chosen: &str| -> Vec<u8> {
            if chosen.is_empty() {
                given.into()
            } else {
                chosen.into()
            }
        };
        let (left, right) = (or("{{", options.left), or("}}", options.right));
        let syntax = Syntax {
            name,
            left: &left,
            right: &right,
            registry: options.functions,
            limits: &options.limits,
        };
        let templates = parse::parse(&source, &syntax)?;
        Ok(Self {
            name: name.into(),
            source,
            templates,
            missing: options.missing_key,
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a field that a map has not is worth.
    pub fn missing_key(&self) -> MissingKey {
        self.missing
    }

    /// The source.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// Executes the template, and answers what it wrote.
    ///
    /// Containers that the template puts into `data` (with `set`) are emptied at the end.
    ///
    /// # Errors
    /// The first failure, where Go finds it; or a limit that was reached.
    pub fn execute(&self, data: &Value, env: &mut Env<'_>) -> Result<Str, ExecError> {
        let mut out = Buf::with_limit(env.limits.output_bytes);
        // Most output is about as long as its source; a long one grows as it is written.
        out.make_room(self.source.len().min(4096));
        self.execute_into(data, env, &mut out)?;
        Ok(Str::from(out))
    }

    /// Executes the template onto a buffer; on failure the buffer holds what came before it.
    ///
    /// # Errors
    /// As [`Template::execute`]. The limit of output is that of the buffer.
    pub fn execute_into(
        &self,
        data: &Value,
        env: &mut Env<'_>,
        out: &mut Buf,
    ) -> Result<(), ExecError> {
        let program = Program {
            name: &self.name,
            source: &self.source,
            templates: &self.templates,
            missing: self.missing,
        };
        exec::execute(&program, &mut Ctx::new(env), data, out)
    }

    /// The top-level keys of the data that the template may read. Static and conservative: it
    /// says [`KeysUsed::All`] where it cannot know.
    pub fn keys_used(&self) -> KeysUsed {
        analysis::keys_used(&self.templates, self.name.as_bytes())
    }

    /// Whether a function occurs whose results depend on time or randomness.
    pub fn uses_random_or_time(&self) -> bool {
        analysis::is_volatile(&self.templates)
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({:?}, {} bytes)", self.name, self.source.len())
    }
}
