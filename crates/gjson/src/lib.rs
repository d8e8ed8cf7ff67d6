//! Pure. GJSON paths over bytes, byte-equal to `github.com/tidwall/gjson` v1.18.0.
//!
//! ```
//! let json = br#"{"users":[{"name":"ann","age":36.50},{"name":"bob","age":41}]}"#;
//! assert_eq!(*gjson::get(json, "users.1.name").text(), *b"bob");
//! assert_eq!(*gjson::get(json, "users.0.age").text(), *b"36.5");
//! assert_eq!(*gjson::get(json, "users.#(age>40)#.name").text(), *br#"["bob"]"#);
//! assert!(!gjson::get(json, "users.2").exists());
//! ```
//!
//! The whole path language is here: wildcards, escapes, arrays, queries, modifiers with
//! arguments, multipaths, literals, JSON lines, pipes. Documents that aren't valid JSON give
//! what the Go library gives.
//!
//! *Guarantees*: no panic, no recursion into the document, no unsafe code. Values that are
//! part of the document borrow it; whatever is made on the way is zeroized on drop; `Debug`
//! shows lengths only. A look-up that would cost too much is an error, see [`LimitError`].
//!
//! *Caveats*: modifiers can't be added. Where Go gives up on a pattern that takes too many
//! steps, this library goes on, since its patterns take few.

mod budget;
mod eval;
mod glob;
mod list;
mod members;
mod modifiers;
mod multipath;
mod number;
mod path;
mod pretty;
mod property;
mod query;
mod quick;
mod scan;
mod string;
mod text;
mod valid;
mod value;
mod walk;

pub use budget::LimitError;
pub use property::{Lookup, PropertyError, property, property_in_data};
pub use text::Text;
pub use valid::is_valid;
pub use value::{Kind, Value};

/// Looks `path` up in `json`; a look-up that passes a limit finds nothing.
///
/// Use [`try_get`] where absence has consequences.
#[must_use]
pub fn get<'a>(json: &'a [u8], path: &str) -> Value<'a> {
    try_get(json, path).unwrap_or_default()
}

/// Looks `path` up in `json`.
///
/// # Errors
/// [`LimitError`] if the path costs more than any reasonable one. Nothing is then known of
/// the property.
pub fn try_get<'a>(json: &'a [u8], path: &str) -> Result<Value<'a>, LimitError> {
    eval::Eval::new().get(json, path.as_bytes())
}

/// Looks a property up by the path that `property` is when every dot in it is escaped: mostly
/// a top-level key with dots in its name.
///
/// # Errors
/// [`LimitError`] like [`try_get`].
pub fn get_escaped<'a>(json: &'a [u8], property: &str) -> Result<Value<'a>, LimitError> {
    try_get(json, &property.replace('.', "\\."))
}
