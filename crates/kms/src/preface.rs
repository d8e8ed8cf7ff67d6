//! Pure. Reads along a connection's beginning for a `:authority` that the HTTP/2 library refuses.
//!
//! API servers 1.27 to 1.31 send the socket's path as `:authority`. The library resets each such
//! stream without a word; this finds out why, so that the user can be told what to do.

use http::uri::Authority;

use crate::hpack;

/// The connection preface of HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// Bytes that are read along, at most; a client's first request is a few hundred.
const BOUND: usize = 64 << 10;

/// What is known of a connection so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The first request is not whole yet.
    Open,
    /// Nothing is wrong with it, or it is not for us to say.
    Fine,
    /// The library will refuse this `:authority`.
    Refused(String),
}

/// Reads along until the first request's headers are whole.
#[derive(Debug, Clone, Default)]
pub struct Preface {
    bytes: Vec<u8>,
}

impl Preface {
    /// Takes the next bytes from the client.
    pub fn read(&mut self, bytes: &[u8]) -> Verdict {
        self.bytes.extend_from_slice(bytes);
        let verdict = judge(&self.bytes);
        if verdict == Verdict::Open && self.bytes.len() > BOUND {
            return Verdict::Fine;
        }
        verdict
    }
}

fn judge(bytes: &[u8]) -> Verdict {
    let shared = bytes.len().min(PREFACE.len());
    if bytes[..shared] != PREFACE[..shared] {
        return Verdict::Fine;
    }
    let mut rest = &bytes[shared..];
    let mut block: Option<Vec<u8>> = None;
    while rest.len() >= HEADER {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]);
        let (sort, flags) = (rest[3], rest[4]);
        let end = HEADER.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let Some((frame, tail)) = rest.split_at_checked(end) else {
            return Verdict::Open;
        };
        rest = tail;
        let payload = &frame[HEADER..];
        match (sort, &mut block) {
            (HEADERS, None) => match fragment(payload, flags) {
                Some(part) => block = Some(part.to_vec()),
                None => return Verdict::Fine,
            },
            (CONTINUATION, Some(block)) => block.extend_from_slice(payload),
            (_, None) => continue,
            (_, Some(_)) => return Verdict::Fine,
        }
        if flags & END_HEADERS != 0 {
            return of_block(&block.unwrap_or_default());
        }
    }
    Verdict::Open
}

/// The header block of a HEADERS frame, without padding and priority.
fn fragment(payload: &[u8], flags: u8) -> Option<&[u8]> {
    let mut part = payload;
    let mut padding = 0;
    if flags & PADDED != 0 {
        let (&length, tail) = part.split_first()?;
        (padding, part) = (usize::from(length), tail);
    }
    if flags & PRIORITY != 0 {
        part = part.get(5..)?;
    }
    part.get(..part.len().checked_sub(padding)?)
}

fn of_block(block: &[u8]) -> Verdict {
    match hpack::authority(block) {
        Some(value) if Authority::try_from(value.as_slice()).is_err() => {
            Verdict::Refused(String::from_utf8_lossy(&value).into_owned())
        }
        _ => Verdict::Fine,
    }
}

/// What to do about a refused `:authority`, in one line.
#[must_use]
pub fn advice(authority: &str, socket: &str) -> String {
    let (folder, file) = socket.rsplit_once('/').unwrap_or(("", socket));
    if authority.starts_with('/') {
        format!(
            "the API server sends its socket's path {authority:?} as :authority (Kubernetes 1.28 \
             and older do), which HTTP/2 forbids: upgrade the API server to 1.29 and name the \
             socket {folder}/@{file} here and in its EncryptionConfiguration, or upgrade it to \
             1.32, which needs nothing"
        )
    } else {
        format!(
            "the API server sends its socket's path {authority:?} as :authority (Kubernetes 1.29 \
             to 1.31 do), which HTTP/2 forbids: name the socket {folder}/@{file} here and in its \
             EncryptionConfiguration (unix://{folder}/@{file}), or upgrade it to 1.32"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sort: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], sort, flags, 0, 0, 0, 1];
        frame.extend_from_slice(payload);
        frame
    }

    fn block(authority: &str) -> Vec<u8> {
        let mut block = vec![0x83, 0x86, 0x41, u8::try_from(authority.len()).unwrap()];
        block.extend_from_slice(authority.as_bytes());
        block
    }

    fn connection(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(4, 0, &[]));
        frames.iter().for_each(|frame| bytes.extend(frame));
        bytes
    }

    fn refused(authority: &str) -> Verdict {
        Verdict::Refused(authority.to_owned())
    }

    #[test]
    fn paths_are_refused_and_names_are_fine_however_the_bytes_arrive() {
        let check = |authority: &str, verdict: Verdict| {
            let bytes = connection(&[frame(HEADERS, END_HEADERS, &block(authority))]);
            assert_eq!(Preface::default().read(&bytes), verdict, "{authority}");
            let mut slow = Preface::default();
            let (last, before) = bytes.split_last().unwrap();
            for byte in before {
                assert_eq!(slow.read(&[*byte]), Verdict::Open);
            }
            assert_eq!(slow.read(&[*last]), verdict, "{authority}");
        };
        check("localhost", Verdict::Fine);
        check("%2Frun%2Fkms%2F@kms.sock", Verdict::Fine);
        check("@kms", Verdict::Fine);
        for path in ["/run/kms.sock", "%2Frun%2Fkms.sock"] {
            check(path, refused(path));
        }
    }

    #[test]
    fn padding_priority_and_continuations_are_understood() {
        let block = block("/a");
        let mut padded = vec![2, 0, 0, 0, 0, 7];
        padded.extend(&block);
        padded.extend([0, 0]);
        let one = frame(HEADERS, END_HEADERS | PADDED | PRIORITY, &padded);
        assert_eq!(Preface::default().read(&connection(&[one])), refused("/a"));
        let parts = [
            frame(HEADERS, 0, &block[..3]),
            frame(CONTINUATION, END_HEADERS, &block[3..]),
        ];
        assert_eq!(Preface::default().read(&connection(&parts)), refused("/a"));
    }

    #[test]
    fn what_is_not_understood_is_left_to_the_library() {
        assert_eq!(Preface::default().read(b"GET / HTTP/1.1"), Verdict::Fine);
        let lies = frame(HEADERS, END_HEADERS | PADDED, &[200, 1]);
        assert_eq!(Preface::default().read(&connection(&[lies])), Verdict::Fine);
        let mut endless = Preface::default();
        endless.read(&connection(&[]));
        let ping = frame(6, 0, &[0; 8]);
        let verdicts: Vec<_> = (0..5000).map(|_| endless.clone().read(&ping)).collect();
        assert!(verdicts.iter().all(|it| *it == Verdict::Open));
        assert_eq!(endless.read(&vec![0; BOUND + 1]), Verdict::Fine);
    }

    #[test]
    fn the_advice_names_the_socket_that_works() {
        let text = advice("%2Frun%2Fkms.sock", "/run/kms.sock");
        assert!(
            text.contains("unix:///run/@kms.sock") && !text.contains('\n'),
            "{text}"
        );
        assert!(advice("/run/kms.sock", "/run/kms.sock").contains("1.28 and older"));
    }
}
