//! Pure. What a function may use while it runs: time, randomness, and a budget.
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::bytes::{Buf, Str};
use crate::error::FuncError;
use crate::limits::{Limit, Limits};
use crate::ty::Ty;
use crate::value::{List, Map, Value};

/// A source of random bytes.
pub trait Random {
    /// Fills the buffer.
    fn fill(&mut self, buf: &mut [u8]);
}

/// What one execution gets from outside; nothing else is ambient.
pub struct Env<'e> {
    /// The time that `now` answers.
    pub now: Timestamp,
    /// The zone that Go calls `Local`.
    pub zone: TimeZone,
    /// Random bytes for `randAlpha` and the like.
    pub rng: &'e mut dyn Random,
    /// The bounds.
    pub limits: Limits,
    /// Whether the deadline of the caller has passed; asked every thousand steps or so.
    pub expired: &'e dyn Fn() -> bool,
}

enum Container {
    List(List),
    Map(Map),
}

/// The state of one execution that functions share.
pub struct Ctx<'e> {
    /// The time that `now` answers.
    pub now: Timestamp,
    /// The zone that Go calls `Local`.
    pub zone: TimeZone,
    limits: Limits,
    rng: &'e mut dyn Random,
    expired: &'e dyn Fn() -> bool,
    steps: u64,
    next_poll: u64,
    allocated: usize,
    depth: usize,
    key_work: u32,
    made: Vec<Container>,
}

/// Steps between two looks at the deadline.
const POLL_EVERY: u64 = 1024;

impl<'e> Ctx<'e> {
    /// The state at the start of an execution.
    pub fn new(env: &'e mut Env<'_>) -> Self {
        Self {
            now: env.now,
            zone: env.zone.clone(),
            limits: env.limits,
            rng: env.rng,
            expired: env.expired,
            steps: 0,
            next_poll: POLL_EVERY,
            allocated: 0,
            depth: 0,
            key_work: 0,
            made: Vec::new(),
        }
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes steps from the budget, and looks at the deadline now and then.
    pub fn step(&mut self, steps: u64) -> Result<(), FuncError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.limits.steps {
            return Err(Limit::Steps.into());
        }
        if self.steps >= self.next_poll {
            self.next_poll = self.steps + POLL_EVERY;
            if (self.expired)() {
                return Err(Limit::Deadline.into());
            }
        }
        Ok(())
    }

    /// Takes the steps of work on so many bytes from the budget.
    pub fn work(&mut self, bytes: usize) -> Result<(), FuncError> {
        self.step(bytes as u64 / 64)
    }

    /// Takes memory from the budget, before it is allocated.
    pub fn alloc(&mut self, bytes: usize) -> Result<(), FuncError> {
        self.allocated = self.allocated.saturating_add(bytes);
        if self.allocated > self.limits.memory_bytes {
            return Err(Limit::Memory.into());
        }
        self.work(bytes)
    }

    /// Enters one more level of a nested value; the answer is for [`Ctx::leave`].
    pub fn deeper(&mut self) -> Result<usize, FuncError> {
        if self.depth >= self.limits.value_depth {
            return Err(Limit::ValueDepth.into());
        }
        self.depth += 1;
        Ok(self.depth - 1)
    }

    /// Leaves a level of a nested value.
    pub fn leave(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// Takes work that makes a key or stretches a password from the budget, in units of about a
    /// millisecond.
    pub fn key_work(&mut self, units: u32) -> Result<(), FuncError> {
        self.key_work = self.key_work.saturating_add(units);
        if self.key_work > self.limits.key_work {
            return Err(Limit::KeyWork.into());
        }
        if (self.expired)() {
            Err(Limit::Deadline.into())
        } else {
            Ok(())
        }
    }

    /// A buffer that ends where the memory budget does; [`Ctx::finish`] makes it a value.
    pub fn buf(&self) -> Buf {
        Buf::with_limit(self.limits.memory_bytes.saturating_sub(self.allocated))
    }

    /// The string that a buffer of [`Ctx::buf`] holds.
    pub fn finish(&mut self, buf: Buf) -> Result<Value, FuncError> {
        if buf.overflowed() {
            return Err(Limit::Memory.into());
        }
        self.alloc(buf.len())?;
        Ok(Value::str(buf))
    }

    /// A string value.
    pub fn str(&mut self, bytes: impl Into<Str>) -> Result<Value, FuncError> {
        let bytes = bytes.into();
        self.alloc(bytes.len())?;
        Ok(Value::Str(bytes))
    }

    /// A `[]interface {}`.
    pub fn list(&mut self, items: Vec<Value>) -> Result<Value, FuncError> {
        self.list_of(&Ty::Any, items)
    }

    /// A slice of a type.
    pub fn list_of(&mut self, elem: &'static Ty, items: Vec<Value>) -> Result<Value, FuncError> {
        self.alloc(64 + items.len() * size_of::<Value>())?;
        let list = List::new(elem, items);
        self.made.push(Container::List(list.clone()));
        Ok(Value::List(list))
    }

    /// A `[]string`.
    pub fn strs<S: Into<Str>>(&mut self, items: Vec<S>) -> Result<Value, FuncError> {
        let items = items
            .into_iter()
            .map(|s| self.str(s))
            .collect::<Result<_, _>>()?;
        self.list_of(&Ty::Str, items)
    }

    /// A `map[string]interface {}`.
    pub fn map(&mut self, entries: BTreeMap<Str, Value>) -> Result<Value, FuncError> {
        self.map_of(&Ty::Any, entries)
    }

    /// A map to values of a type.
    pub fn map_of(
        &mut self,
        elem: &'static Ty,
        entries: BTreeMap<Str, Value>,
    ) -> Result<Value, FuncError> {
        self.alloc(64 + entries.len() * 2 * size_of::<Value>())?;
        let map = Map::new(elem, entries);
        self.made.push(Container::Map(map.clone()));
        Ok(Value::Map(map))
    }

    /// Random bytes.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill(&mut bytes);
        bytes
    }

    /// Fills a buffer with random bytes.
    pub fn fill_random(&mut self, buf: &mut [u8]) {
        self.rng.fill(buf);
    }

    /// A random number below `bound`, every one equally likely; 0 for a bound of 0.
    pub fn random_below(&mut self, bound: u64) -> u64 {
        let zone = u64::MAX - u64::MAX % bound.max(1);
        loop {
            let n = u64::from_le_bytes(self.random());
            if n < zone {
                return n % bound.max(1);
            }
        }
    }
}

impl Drop for Ctx<'_> {
    /// Empties every container made, so that cycles are freed and deep ones need no deep stack.
    fn drop(&mut self) {
        for container in &self.made {
            match container {
                Container::List(list) => drop(list.drain()),
                Container::Map(map) => drop(map.drain()),
            }
        }
    }
}
