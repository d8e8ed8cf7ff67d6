//! Pure. The string formats that the real server checks in custom resources.

use core::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;

/// Whether a text has the form its schema's `format` names; unknown formats accept everything.
pub(crate) fn fits(format: &str, text: &str) -> bool {
    match format {
        "date-time" => is_date_time(text),
        "date" => jiff::civil::Date::strptime("%Y-%m-%d", text).is_ok() && text.len() == 10,
        "duration" => is_go_duration(text),
        "byte" => base64::engine::general_purpose::STANDARD
            .decode(text)
            .is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => is_uuid(text),
        _ => true,
    }
}

fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.get(10).is_some_and(|b| b.eq_ignore_ascii_case(&b't'))
        && text.parse::<jiff::Timestamp>().is_ok()
}

fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - digits.len()];
        if number.parse::<f64>().is_err() {
            return false;
        }
        let units = ["ns", "us", "µs", "ms", "s", "m", "h", "d", "w"];
        let Some(unit) = units.iter().find(|u| digits.starts_with(**u)) else {
            return false;
        };
        rest = &digits[unit.len()..];
    }
    true
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let Ok(bits) = bits.parse::<u8>() else {
        return false;
    };
    address.parse::<Ipv4Addr>().is_ok_and(|_| bits <= 32)
        || address.parse::<Ipv6Addr>().is_ok_and(|_| bits <= 128)
}

fn is_uuid(text: &str) -> bool {
    let hex: Vec<&str> = text.split('-').collect();
    let lens = [8, 4, 4, 4, 12];
    let plain = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    plain
        || (hex.len() == 5
            && hex
                .iter()
                .zip(lens)
                .all(|(p, n)| p.len() == n && p.bytes().all(|b| b.is_ascii_hexdigit())))
}
