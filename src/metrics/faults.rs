//! Shell. Counts connections to the API server that failed, by what failed in them.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No connection: refused, unreachable, no such name.
    Connect,
    /// No trust: a certificate or the handshake.
    Tls,
    /// A connection that was there broke.
    Reset,
    /// No answer in time.
    Timeout,
    /// Anything else.
    Other,
}

impl Fault {
    /// All of them: the label has these values and no others.
    pub const ALL: [Self; 5] = [
        Self::Connect,
        Self::Tls,
        Self::Reset,
        Self::Timeout,
        Self::Other,
    ];

    /// Its label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }

    /// Finds out what failed by the types of the causes, never by their words. The innermost
    /// counts: a refused certificate shows as a failed connection outside.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let (mut found, mut cause) = (Self::Other, Some(error));
        while let Some(error) = cause {
            if error.is::<rustls::Error>() {
                return Self::Tls;
            }
            let io = error.downcast_ref::<io::Error>();
            found = io.map_or(found, |io| Self::of_io(io, found));
            // An io::Error hides what it wraps: its own source is the wrapped one's.
            cause = match io.and_then(io::Error::get_ref) {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        found
    }

    fn of_io(error: &io::Error, known: Self) -> Self {
        use io::ErrorKind;
        match error.kind() {
            ErrorKind::TimedOut => Self::Timeout,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::Reset,
            ErrorKind::ConnectionRefused
            | ErrorKind::NotFound
            | ErrorKind::AddrNotAvailable
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable => Self::Connect,
            _ => known,
        }
    }
}

/// Of the whole process: there is one API server.
static COUNTS: [AtomicU64; Fault::ALL.len()] = [const { AtomicU64::new(0) }; Fault::ALL.len()];

/// Counts a failed request. `sent` says that there was a connection: what then breaks without a
/// cause of its own is the connection.
pub fn count(error: &(dyn Error + 'static), sent: bool) {
    let fault = match (Fault::of(error), sent) {
        (Fault::Other, true) => Fault::Reset,
        (Fault::Other, false) => Fault::Connect,
        (fault, _) => fault,
    };
    COUNTS[fault as usize].fetch_add(1, Ordering::Relaxed);
}

/// Failed requests so far.
#[must_use]
pub fn counts() -> [(Fault, u64); Fault::ALL.len()] {
    Fault::ALL.map(|fault| (fault, COUNTS[fault as usize].load(Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outside")]
    struct Outside(#[source] Box<dyn Error + Send + Sync>);

    #[test]
    fn faults_are_told_by_their_causes() {
        let check = |error: Box<dyn Error + Send + Sync>, expected: Fault| {
            assert_eq!(Fault::of(&Outside(error)), expected);
        };
        let kind = |kind: io::ErrorKind| Box::new(io::Error::from(kind));
        check(kind(io::ErrorKind::ConnectionRefused), Fault::Connect);
        check(kind(io::ErrorKind::ConnectionReset), Fault::Reset);
        check(kind(io::ErrorKind::TimedOut), Fault::Timeout);
        check("words say nothing: TLS refused".into(), Fault::Other);
        let refused = || rustls::Error::HandshakeNotComplete;
        check(Box::new(refused()), Fault::Tls);
        check(Box::new(io::Error::other(refused())), Fault::Tls);
        let deep = io::Error::other(io::Error::other(Outside(Box::new(refused()))));
        check(Box::new(deep), Fault::Tls);
    }
}
