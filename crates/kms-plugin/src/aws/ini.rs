//! Pure. Reads a profile from a file in the form of `~/.aws/credentials`.

use zeroize::Zeroizing;

/// The keys of one profile.
#[derive(Default)]
pub(super) struct Profile {
    pub(super) id: String,
    pub(super) secret: Zeroizing<String>,
    pub(super) session: Option<Zeroizing<String>>,
}

/// Reads `profile`; names alone are ever told of what is wrong.
pub(super) fn profile(text: &str, profile: &str) -> Result<Profile, &'static str> {
    let mut found = Profile::default();
    let (mut inside, mut seen) = (false, false);
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            let name = name.trim();
            inside = name == profile || name.strip_prefix("profile ") == Some(profile);
            seen |= inside;
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| inside) else {
            continue;
        };
        let value = value.trim();
        match name.trim() {
            "aws_access_key_id" => value.clone_into(&mut found.id),
            "aws_secret_access_key" => found.secret = Zeroizing::new(value.to_owned()),
            "aws_session_token" => found.session = Some(Zeroizing::new(value.to_owned())),
            _ => {}
        }
    }
    if !seen {
        return Err("has no such profile");
    }
    if found.id.is_empty() || found.secret.is_empty() {
        return Err("lacks aws_access_key_id or aws_secret_access_key in this profile");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_among_others() {
        let text = "# made by hand\n[default]\naws_access_key_id = A\naws_secret_access_key=s=/+\n\
                    region = eu-west-1\n\n[profile kms]\r\naws_access_key_id=B\r\n\
                    aws_secret_access_key = t\r\naws_session_token = u\r\n[half]\n\
                    aws_access_key_id = C\n";
        let check = |name: &str, expected: Result<(&str, &str, Option<&str>), &str>| {
            let found = profile(text, name);
            let found = found.as_ref().map(|it| {
                let session = it.session.as_ref().map(|it| it.as_str());
                (it.id.as_str(), it.secret.as_str(), session)
            });
            assert_eq!(found.map_err(|why| *why), expected, "{name}");
        };
        check("default", Ok(("A", "s=/+", None)));
        check("kms", Ok(("B", "t", Some("u"))));
        let lacks = "lacks aws_access_key_id or aws_secret_access_key in this profile";
        check("half", Err(lacks));
        check("none", Err("has no such profile"));
        assert!(profile("", "default").is_err());
    }
}
