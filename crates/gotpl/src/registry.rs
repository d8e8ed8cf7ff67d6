//! Pure. The table of functions: names, parameter types, and what each is known for.
use std::collections::HashMap;
use std::fmt;

use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::ty::Ty;
use crate::value::Value;

/// The code of a function. The evaluator has checked number and types of the arguments.
pub type Run = fn(&mut Ctx<'_>, &[Value]) -> Result<Value, FuncError>;

/// A function that templates may call.
#[derive(Clone, Copy)]
pub struct Function {
    /// The name in templates.
    pub name: &'static str,
    pub(crate) params: &'static [Ty],
    pub(crate) variadic: bool,
    pub(crate) volatile: bool,
    pub(crate) logic: Option<Logic>,
    pub(crate) run: Run,
}

/// The functions of Go's that evaluate their arguments one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logic {
    /// Stops at the first false argument.
    And,
    /// Stops at the first true argument.
    Or,
    /// Is told how its first argument was written.
    Call,
    /// Is told whether its argument is a nil that came out of an `interface {}`.
    Len,
}

impl Function {
    /// A function of fixed parameters.
    pub const fn new(name: &'static str, params: &'static [Ty], run: Run) -> Self {
        Self {
            name,
            params,
            variadic: false,
            volatile: false,
            logic: None,
            run,
        }
    }

    /// A function whose last parameter may occur any number of times.
    pub const fn variadic(name: &'static str, params: &'static [Ty], run: Run) -> Self {
        Self {
            name,
            params,
            variadic: true,
            volatile: false,
            logic: None,
            run,
        }
    }

    /// The same function, marked as one whose results depend on time or randomness.
    pub const fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    pub(crate) const fn logic(mut self, logic: Logic) -> Self {
        self.logic = Some(logic);
        self
    }

    /// Whether its results depend on time or randomness.
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// The number of parameters that must be given.
    pub(crate) fn fixed(&self) -> usize {
        self.params.len() - usize::from(self.variadic)
    }

    /// The type of the parameter at an index.
    pub(crate) fn param(&self, index: usize) -> Ty {
        let last = self.params.len().saturating_sub(1);
        self.params.get(index.min(last)).copied().unwrap_or(Ty::Any)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.name)
    }
}

/// The functions that a template may name.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    functions: HashMap<&'static str, Function>,
}

impl Registry {
    /// Go's own functions, and no more.
    pub fn builtins() -> Self {
        let mut registry = Self::default();
        registry.add(crate::builtins::TABLE);
        registry
    }

    /// Go's functions, and those that the External Secrets Operator registers.
    pub fn eso() -> Self {
        let mut registry = Self::builtins();
        for table in crate::funcs::TABLES {
            registry.add(table);
        }
        registry
    }

    /// Adds functions; a name that is there already gets the new meaning.
    pub fn add(&mut self, functions: &[Function]) {
        self.functions
            .extend(functions.iter().map(|f| (f.name, *f)));
    }

    /// The function of a name.
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.functions.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.functions.keys().copied().collect();
        names.sort_unstable();
        names
    }
}
