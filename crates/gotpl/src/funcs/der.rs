//! Pure. The little of DER that keys need: writing elements and reading them back.
use zeroize::Zeroizing;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BITS: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// `AlgorithmIdentifier` of RSA keys.
pub(super) const RSA: &[u8] = &[
    0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0,
];
/// Object identifier of elliptic-curve keys.
pub(super) const EC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// `AlgorithmIdentifier` of Ed25519 keys.
pub(super) const ED25519: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70];

pub(super) const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub(super) const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
pub(super) const P521: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x23];

/// Bytes that may be a private key.
pub(super) type Der = Zeroizing<Vec<u8>>;

/// An element: tag, length, and the contents one after another.
pub(super) fn element(tag: u8, contents: &[&[u8]]) -> Der {
    let len: usize = contents.iter().map(|content| content.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(len + 6));
    out.push(tag);
    if len < 0x80 {
        out.push(len as u8);
    } else {
        let bytes = len.to_be_bytes();
        let bytes = &bytes[len.leading_zeros() as usize / 8..];
        out.push(0x80 | bytes.len() as u8);
        out.extend_from_slice(bytes);
    }
    contents
        .iter()
        .for_each(|content| out.extend_from_slice(content));
    out
}

/// A non-negative integer of big-endian bytes.
pub(super) fn unsigned(bytes: &[u8]) -> Der {
    let zeros = bytes.iter().take_while(|&&b| b == 0).count();
    let bytes = &bytes[zeros..];
    let sign: &[u8] = if bytes.first().is_none_or(|b| b & 0x80 != 0) {
        &[0]
    } else {
        &[]
    };
    element(INTEGER, &[sign, bytes])
}

/// Reads an element of a tag: its content and what follows it.
pub(super) fn read(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = input.split_first()?;
    let (&len, mut rest) = rest.split_first()?;
    let mut size = usize::from(len);
    if len & 0x80 != 0 {
        let count = usize::from(len & 0x7f);
        let (bytes, after) = rest.split_at_checked(count).filter(|_| count <= 4)?;
        size = bytes.iter().fold(0, |size, &b| size << 8 | usize::from(b));
        rest = after;
    }
    if first != tag {
        None
    } else {
        rest.split_at_checked(size)
    }
}

/// The private key inside of PKCS#8.
pub(super) fn inside_pkcs8(der: &[u8]) -> Option<&[u8]> {
    let (body, _) = read(SEQUENCE, der)?;
    let (_, rest) = read(INTEGER, body)?;
    let (_, rest) = read(SEQUENCE, rest)?;
    read(OCTETS, rest).map(|(key, _)| key)
}

/// PKCS#8 around a private key.
pub(super) fn pkcs8(algorithm: &[u8], key: &[u8]) -> Der {
    element(
        SEQUENCE,
        &[&[INTEGER, 1, 0], algorithm, &element(OCTETS, &[key])],
    )
}

/// `SubjectPublicKeyInfo` around a public key.
pub(super) fn spki(algorithm: &[u8], key: &[u8]) -> Der {
    element(SEQUENCE, &[algorithm, &element(BITS, &[&[0], key])])
}

/// SEC1's `ECPrivateKey`; the curve is named where PKCS#8 does not name it.
pub(super) fn sec1(private: &[u8], curve: Option<&[u8]>, public: &[u8]) -> Der {
    let curve = curve
        .map(|curve| element(0xa0, &[curve]))
        .unwrap_or_default();
    let public = element(0xa1, &[&element(BITS, &[&[0], public])]);
    element(
        SEQUENCE,
        &[
            &[INTEGER, 1, 1],
            &element(OCTETS, &[private]),
            &curve,
            &public,
        ],
    )
}
