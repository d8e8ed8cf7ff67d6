//! Pure. PEM blocks: found in text, and written as Go writes them.
use super::encoding::BASE64;
use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;

/// A block and the text after it.
type Found<'t> = Option<(Block, &'t [u8])>;

/// A PEM block.
pub(super) struct Block {
    pub kind: String,
    pub der: Buf,
}

/// The block's text, with lines of 64 characters.
pub(super) fn encode(kind: &str, der: &[u8], out: &mut Buf) {
    out.text(&format!("-----BEGIN {kind}-----\n"));
    let mut body = Buf::new();
    BASE64.encode(der, &mut body);
    for line in body.as_bytes().chunks(64) {
        out.put(line);
        out.byte(b'\n');
    }
    out.text(&format!("-----END {kind}-----\n"));
}

/// The next block and the text after it; none if there is no whole one. What is read more than
/// once, in search of ends that do not come, is taken from the budget each time.
pub(super) fn next<'t>(ctx: &mut Ctx<'_>, text: &'t [u8]) -> Result<Found<'t>, FuncError> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut rest = text;
    loop {
        ctx.step(1)?;
        let Some(at) = super::strings::find(rest, BEGIN) else {
            return Ok(None);
        };
        let at_line_start = at == 0 || rest[at - 1] == b'\n';
        let body = &rest[at + BEGIN.len()..];
        if at_line_start {
            let found = block(body);
            let read = body.len() - found.as_ref().map_or(0, |(_, after)| after.len());
            ctx.work(read)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        rest = body;
    }
}

fn block(text: &[u8]) -> Found<'_> {
    let line = text.iter().position(|&b| b == b'\n')?;
    let kind = text[..line].trim_ascii_end().strip_suffix(b"-----")?;
    let end = [b"-----END ", kind, b"-----"].concat();
    let mut body = &text[line + 1..];
    let stop = super::strings::find(body, &end)?;
    let after = &body[stop + end.len()..];
    let after = match after.iter().position(|&b| b == b'\n') {
        Some(at) if after[..at].trim_ascii().is_empty() => &after[at + 1..],
        None if after.trim_ascii().is_empty() => &after[after.len()..],
        _ => return None,
    };
    body = &body[..stop];
    // Headers, such as those of old encrypted keys, end at the first line without a colon.
    while let Some(at) = body.iter().position(|&b| b == b'\n') {
        if !body[..at].contains(&b':') {
            break;
        }
        body = &body[at + 1..];
    }
    let mut packed = Buf::new();
    body.iter()
        .filter(|b| !b.is_ascii_whitespace())
        .for_each(|&b| packed.byte(b));
    let mut der = Buf::new();
    BASE64.decode(packed.as_bytes(), &mut der).ok()?;
    Some((
        Block {
            kind: String::from_utf8(kind.to_vec()).ok()?,
            der,
        },
        after,
    ))
}
