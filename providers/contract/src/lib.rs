//! Seam. What a backend is: the traits, the value types, the failure kinds, and the laws.
//!
//! A provider is a backend and nothing else: it has no retries, no cache and no Kubernetes client
//! of its own. Retries, joins, limits and sessions live once, in `tidegate-fetch`.

mod error;
mod key;
pub mod laws;
mod provider;
mod session;
mod value;
mod wrapper;

pub use error::{ErrorKind, ProviderError};
pub use key::{Find, Listing, RemoteKey, RemoteSecret};
pub use provider::{Limits, Provider, Validation};
pub use session::{Authenticator, Grant, JwtSource, TokenSource};
pub use value::SecretValue;
pub use wrapper::{KeyIdentity, KeyVersion, KeyWrapper, WrapError, WrapFault};
