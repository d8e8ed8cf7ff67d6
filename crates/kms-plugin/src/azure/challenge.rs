//! Pure. The challenge of a vault: where to get a token and for what, and which of it is believed.

/// Where Azure's public and sovereign clouds give tokens.
const AUTHORITIES: [&str; 4] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
];

/// What a challenge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Scheme and host of where to get a token.
    pub(super) authority: String,
    /// What the token is to be for.
    pub(super) resource: String,
}

/// What the user said, which no challenge overrules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trust<'a> {
    /// The vault's host, with its port.
    pub(super) vault: &'a str,
    /// The only authority to send a credential to.
    pub(super) authority: Option<&'a str>,
    /// The only resource to ask a token for.
    pub(super) resource: Option<&'a str>,
}

/// Reads `WWW-Authenticate` and believes it within `trust`: a credential goes to a known authority
/// alone, and a token is asked for nothing but the domain that the vault lies in.
///
/// # Errors
/// What is wrong or not trusted, in one line.
pub(super) fn read(header: &str, trust: Trust<'_>) -> Result<Challenge, String> {
    let parameters = header
        .trim()
        .get(..7)
        .filter(|scheme| scheme.eq_ignore_ascii_case("bearer "))
        .and_then(|_| header.trim().get(7..))
        .ok_or("the vault's challenge is no Bearer challenge")?;
    let parameter = |name: &str| {
        parameters.split([',', ' ']).find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.trim_matches('"'))
        })
    };
    let authorization = parameter("authorization").or_else(|| parameter("authorization_uri"));
    let authorization = authorization.ok_or("the vault's challenge names no authority")?;
    let resource = parameter("resource")
        .or_else(|| parameter("scope").map(|it| it.trim_end_matches("/.default")))
        .ok_or("the vault's challenge names no resource")?;
    Ok(Challenge {
        authority: authority(authorization, trust)?,
        resource: believed_resource(resource, trust)?,
    })
}

fn authority(authorization: &str, trust: Trust<'_>) -> Result<String, String> {
    let told = https_host(authorization).ok_or("the vault's challenge names no https authority")?;
    if let Some(named) = trust.authority {
        let named_host = https_host(named).unwrap_or_default();
        return if told.eq_ignore_ascii_case(named_host) {
            Ok(format!("https://{named_host}"))
        } else {
            Err(format!(
                "the vault's challenge names the authority {told:?}, the configuration \
                 {named_host:?}"
            ))
        };
    }
    let known = AUTHORITIES.iter().find(|it| told.eq_ignore_ascii_case(it));
    known.map(|it| format!("https://{it}")).ok_or_else(|| {
        format!(
            "the vault's challenge names the authority {told:?}, which is not Azure's: name it as \
             the login's authority if it is right"
        )
    })
}

fn believed_resource(resource: &str, trust: Trust<'_>) -> Result<String, String> {
    if let Some(named) = trust.resource {
        // The user's word, whatever the challenge says.
        return Ok(named.trim_end_matches('/').to_owned());
    }
    let domain = https_host(resource).map(without_port).unwrap_or_default();
    let vault = without_port(trust.vault).to_ascii_lowercase();
    let domain = domain.to_ascii_lowercase();
    let inside = vault
        .strip_suffix(&domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if domain.is_empty() || !inside {
        return Err(format!(
            "the vault's challenge asks for a token for {resource:?}, in whose domain {:?} does \
             not lie: name it as resource if it is right",
            trust.vault
        ));
    }
    Ok(resource.trim_end_matches('/').to_owned())
}

/// Host and port of an https address.
pub(super) fn https_host(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(host).filter(|host| !host.is_empty() && !host.contains('@'))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUST: Trust<'static> = Trust {
        vault: "kms.vault.azure.net",
        authority: None,
        resource: None,
    };

    fn told(authority: &str, resource: &str) -> String {
        format!("Bearer authorization=\"{authority}/tenant\", resource=\"{resource}\"")
    }

    const PUBLIC: &str = "https://login.microsoftonline.com";
    const VAULTS: &str = "https://vault.azure.net";

    #[test]
    fn a_challenge_is_believed_within_the_domain() {
        let check = |header: &str, trust: Trust<'_>, authority: &str, resource: &str| {
            let challenge = read(header, trust).unwrap();
            assert_eq!(challenge.authority, authority, "{header}");
            assert_eq!(challenge.resource, resource, "{header}");
        };
        check(&told(PUBLIC, VAULTS), TRUST, PUBLIC, VAULTS);
        let scope = "bearer authorization=https://login.microsoftonline.us/t \
                     scope=\"https://vault.azure.net/.default\"";
        check(scope, TRUST, "https://login.microsoftonline.us", VAULTS);
        let hsm = Trust {
            vault: "kms.managedhsm.azure.net",
            ..TRUST
        };
        let hsms = "https://managedhsm.azure.net";
        check(&told(PUBLIC, hsms), hsm, PUBLIC, hsms);
        let private = Trust {
            vault: "vault.corp.example:8443",
            authority: Some("https://login.corp.example"),
            resource: Some(VAULTS),
        };
        let login = "https://login.corp.example";
        check(&told(login, "https://evil.example"), private, login, VAULTS);
        let local = Trust {
            vault: "localhost:1234",
            authority: Some("https://localhost:1234"),
            resource: None,
        };
        check(
            &told("https://localhost:1234", "https://localhost"),
            local,
            "https://localhost:1234",
            "https://localhost",
        );
    }

    #[test]
    fn nothing_goes_to_strangers() {
        let check = |header: &str, trust: Trust<'_>, expected: &str| {
            let error = read(header, trust).unwrap_err();
            assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        };
        check(
            &told("https://evil.example", VAULTS),
            TRUST,
            "which is not Azure's",
        );
        let near = "https://login.microsoftonline.com.evil.example";
        check(&told(near, VAULTS), TRUST, "which is not Azure's");
        let inside = "https://login.microsoftonline.com@evil.example";
        check(&told(inside, VAULTS), TRUST, "no https authority");
        check(
            &told("http://login.windows.net", VAULTS),
            TRUST,
            "no https authority",
        );
        let named = Trust {
            authority: Some("https://login.corp.example"),
            ..TRUST
        };
        check(
            &told(PUBLIC, VAULTS),
            named,
            "the configuration \"login.corp.example\"",
        );
        for resource in [
            "https://evil.example",
            "https://ault.azure.net",
            "https://management.azure.com",
            "https://",
            "vault.azure.net",
            "https://kms.vault.azure.net.evil.example",
        ] {
            check(&told(PUBLIC, resource), TRUST, "asks for a token for");
        }
        check("Basic realm=\"x\"", TRUST, "no Bearer challenge");
        check("", TRUST, "no Bearer challenge");
        check(
            "Bearer resource=\"https://vault.azure.net\"",
            TRUST,
            "no authority",
        );
        check(
            "Bearer authorization=\"https://login.windows.net/t\"",
            TRUST,
            "no resource",
        );
    }
}
