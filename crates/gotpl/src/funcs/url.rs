//! Pure. URLs taken apart and put together.
use std::collections::BTreeMap;

use crate::bytes::Str;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::fmt::quote::quote_text;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::{Map, Value};

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("urlParse", &[Ty::Str], parse),
    Function::new("urlJoin", &[Ty::MAP], join),
];

/// What a character stands in, which decides whether it needs an escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    User,
    Host,
    Fragment,
}

#[derive(Default)]
struct Url {
    scheme: Vec<u8>,
    opaque: Vec<u8>,
    user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    host: Vec<u8>,
    path: Vec<u8>,
    force_query: bool,
    query: Vec<u8>,
    fragment: Vec<u8>,
}

fn parse(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let text = args[0].bytes();
    ctx.work(text.len() * 8)?;
    let url = Url::parse(text).map_err(|why| {
        let shown = quote_text(text);
        FuncError::new(format!("unable to parse url: parse {shown}: {why}"))
    })?;
    let mut entries = BTreeMap::new();
    let userinfo = url.user.as_ref().map(user_text).unwrap_or_default();
    let hostname = hostname(&url.host).to_vec();
    for (key, value) in [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", userinfo),
    ] {
        entries.insert(Str::from(key), ctx.str(value)?);
    }
    ctx.map(entries)
}

fn user_text((name, password): &(Vec<u8>, Option<Vec<u8>>)) -> Vec<u8> {
    let mut out = escape(name, Part::User);
    if let Some(password) = password {
        out.push(b':');
        out.extend(escape(password, Part::User));
    }
    out
}

fn hostname(host: &[u8]) -> &[u8] {
    if let Some(inside) = host.strip_prefix(b"[") {
        return inside
            .iter()
            .position(|&b| b == b']')
            .map_or(inside, |at| &inside[..at]);
    }
    match host.iter().rposition(|&b| b == b':') {
        Some(at) if host[at + 1..].iter().all(u8::is_ascii_digit) => &host[..at],
        _ => host,
    }
}

fn join(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let Some(map) = args[0].as_map() else {
        return Ok("".into());
    };
    let field = |key: &str| text_field(map, key);
    let mut url = Url {
        scheme: field("scheme")?,
        opaque: field("opaque")?,
        host: field("host")?,
        path: field("path")?,
        query: field("query")?,
        fragment: field("fragment")?,
        ..Url::default()
    };
    let userinfo = field("userinfo")?;
    if !userinfo.is_empty() {
        let probe = [b"proto://".as_slice(), &userinfo, b"@host"].concat();
        let parsed = Url::parse(&probe)
            .map_err(|why| FuncError::new(format!("unable to parse userinfo in dict: {why}")))?;
        url.user = parsed.user;
    }
    ctx.str(url.to_bytes())
}

fn text_field(map: &Map, key: &str) -> Result<Vec<u8>, FuncError> {
    match map.get(key.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Str(s)) => Ok(s.as_bytes().to_vec()),
        Some(other) => {
            let kind = other.kind();
            Err(
                format!("unable to parse {key} key, must be of type string, but {kind} found")
                    .into(),
            )
        }
    }
}

fn cut(text: &[u8], sep: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&b| b == sep) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

impl Url {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let (text, fragment) = cut(text, b'#');
        if text.iter().any(|b| *b < b' ' || *b == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let mut url = Self::default();
        if let Some(fragment) = fragment {
            url.fragment = unescape(fragment, Part::Fragment)?;
        }
        if text == b"*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?');
        url.force_query = query.is_some_and(<[u8]>::is_empty);
        url.query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        if rest.starts_with(b"//") && (!url.scheme.is_empty() || !rest.starts_with(b"///")) {
            let after = &rest[2..];
            let end = after.iter().position(|&b| b == b'/').unwrap_or(after.len());
            url.authority(&after[..end])?;
            rest = &after[end..];
        }
        url.path = unescape(rest, Part::Path)?;
        Ok(url)
    }

    fn authority(&mut self, text: &[u8]) -> Result<(), String> {
        let at = text.iter().rposition(|&b| b == b'@');
        let host = at.map_or(text, |at| &text[at + 1..]);
        if let Some(at) = at {
            let user = &text[..at];
            let valid = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
            if !user.iter().all(valid) {
                return Err("net/url: invalid userinfo".into());
            }
            let (name, password) = cut(user, b':');
            let password = password
                .map(|text| unescape(text, Part::User))
                .transpose()?;
            self.user = Some((unescape(name, Part::User)?, password));
        }
        let port = if host.starts_with(b"[") {
            let end = host.iter().rposition(|&b| b == b']');
            &host[end.ok_or("missing ']' in host")? + 1..]
        } else {
            host.iter()
                .rposition(|&b| b == b':')
                .map_or(&host[..0], |at| &host[at..])
        };
        let digits = port.strip_prefix(b":").unwrap_or(b"x");
        if !port.is_empty() && !digits.iter().all(u8::is_ascii_digit) {
            return Err(format!("invalid port {} after host", quote_text(port)));
        }
        self.host = unescape(host, Part::Host)?;
        Ok(())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if self.force_query || !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Part::Fragment));
        }
        out
    }

    fn hierarchy(&self, out: &mut Vec<u8>) {
        if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
            if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                out.extend_from_slice(b"//");
            }
            if let Some(user) = &self.user {
                out.extend(user_text(user));
                out.push(b'@');
            }
            out.extend(escape(&self.host, Part::Host));
        }
        let path = escape(&self.path, Part::Path);
        if !path.is_empty() && path[0] != b'/' && !self.host.is_empty() {
            out.push(b'/');
        }
        // A first segment with a colon would read as a scheme.
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend(path);
    }
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (i, &b) in text.iter().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..i], &text[i + 1..])),
            _ => break,
        }
    }
    Ok((&text[..0], text))
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        let b = text[i];
        if b == b'%' {
            let hex = |at: usize| text.get(at).and_then(|&b| char::from(b).to_digit(16));
            let (Some(high), Some(low)) = (hex(i + 1), hex(i + 2)) else {
                let shown = &text[i..text.len().min(i + 3)];
                return Err(format!("invalid URL escape {}", quote_text(shown)));
            };
            out.push((high * 16 + low) as u8);
            i += 3;
            continue;
        }
        let bad_host = b.is_ascii() && should_escape(b, Part::Host);
        if part == Part::Host && bad_host {
            let shown = quote_text(&text[i..=i]);
            return Err(format!("invalid character {shown} in host name"));
        }
        out.push(b);
        i += 1;
    }
    Ok(out)
}

fn should_escape(b: u8, part: Part) -> bool {
    if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
        return false;
    }
    match part {
        Part::Host if b"!$&'()*+,;=:[]<>\"".contains(&b) => false,
        Part::Path => !b"$&+,/:;=@".contains(&b),
        Part::User => !b"$&+,;=".contains(&b),
        Part::Fragment => !b"$&+,/:;=?@!()*".contains(&b),
        Part::Host => true,
    }
}

fn escape(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &b in text {
        if should_escape(b, part) {
            out.extend_from_slice(format!("%{b:02X}").as_bytes());
        } else {
            out.push(b);
        }
    }
    out
}
