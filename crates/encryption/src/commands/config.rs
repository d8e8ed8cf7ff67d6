//! Shell. `config`: makes an EncryptionConfiguration; `config check`: says what is wrong with one.

use std::path::Path;

use zeroize::Zeroizing;

use super::args::{CheckArgs, ConfigArgs, ConfigCommand, MakeArgs, NewArgs, ProviderKind};
use super::{Env, counted};
use crate::config::{self, Cipher, Configuration, Finding, Provider, Severity, advice, make};
use crate::error::Failure;
use crate::{files, manifest};

pub(super) fn run(args: ConfigArgs, env: &mut Env<'_>) -> Result<(), Failure> {
    match args.command {
        Some(ConfigCommand::Check(args)) => check(&args, env),
        None => generate(&args.make, env),
    }
}

fn generate(args: &MakeArgs, env: &mut Env<'_>) -> Result<(), Failure> {
    let resources = if args.resources.is_empty() {
        make::RESOURCES.map(str::to_owned).to_vec()
    } else {
        args.resources.clone()
    };
    let config = make::first(
        resources,
        provider(&args.new, ProviderKind::Secretbox, env)?,
    );
    let text = config.to_yaml();
    // The rules are the API server's; what we write must pass them whatever the flags said.
    if let Err(findings) = config::parse(text.as_bytes(), true) {
        let words = findings.iter().map(ToString::to_string).collect::<Vec<_>>();
        return Err(Failure::usage(words.join("; ")));
    }
    let Some(file) = &args.file else {
        return env.print(&text);
    };
    if !file.is_absolute() {
        let line = format!(
            "{}: use an absolute path, as the API server needs",
            file.display()
        );
        return Err(Failure::usage(line));
    }
    let _lock = files::lock(file)?;
    if files::read_if_any(file)?.is_some() {
        let line = format!(
            "{} exists: values may be stored under its keys; `tidegate encryption rotate` \
             changes it safely",
            file.display()
        );
        return Err(Failure::unsafe_now(line));
    }
    files::write(file, text.as_bytes())?;
    let socket = socket_folder(&config);
    env.print(&format!(
        "# Written: {} (mode 0600, {})\n{}",
        file.display(),
        config::hash(text.as_bytes()),
        manifest::instructions(file, socket.as_deref())
    ))
}

/// The provider that the flags name, with a fresh key where it has one.
pub(super) fn provider(
    args: &NewArgs,
    default: ProviderKind,
    env: &mut Env<'_>,
) -> Result<Provider, Failure> {
    let kind = match (args.provider, &args.kms_endpoint) {
        (None, Some(_)) => ProviderKind::Kms,
        (None, None) => default,
        (Some(kind), None) => kind,
        (Some(ProviderKind::Kms), Some(_)) => ProviderKind::Kms,
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "--kms-endpoint goes with --provider kms alone",
            ));
        }
    };
    let cipher = match kind {
        ProviderKind::Kms => {
            let endpoint = args.kms_endpoint.clone().ok_or_else(|| {
                Failure::usage("--provider kms needs --kms-endpoint unix:///PATH")
            })?;
            return Ok(make::kms(args.kms_name.clone(), endpoint, args.kms_timeout));
        }
        ProviderKind::Secretbox => Cipher::Secretbox,
        ProviderKind::Aescbc => Cipher::AesCbc,
        ProviderKind::Aesgcm => Cipher::AesGcm,
    };
    if let Some(words) = make::warning(cipher) {
        env.tell(&format!("warning: {words}"));
    }
    fresh_key(cipher, env)
}

fn fresh_key(cipher: Cipher, env: &Env<'_>) -> Result<Provider, Failure> {
    let mut secret = Zeroizing::new(vec![0; make::KEY_BYTES]);
    let mut salt = [0; 2];
    aws_lc_rs::rand::fill(&mut secret)
        .and_then(|()| aws_lc_rs::rand::fill(&mut salt))
        .map_err(|_| Failure::findings("no randomness is to be had for a key"))?;
    let at = (env.now)().strftime("%Y%m%dt%H%M%Sz").to_string();
    Ok(make::local(cipher, make::key_name(&at, salt), secret))
}

fn socket_folder(config: &Configuration) -> Option<String> {
    let providers = config.rules.iter().flat_map(|rule| &rule.providers);
    let endpoints = providers.filter_map(|provider| match provider {
        Provider::Kms(kms) => kms.endpoint.strip_prefix("unix://"),
        _ => None,
    });
    let mut folders = endpoints
        .filter_map(|path| path.rsplit_once('/'))
        .map(|(at, _)| at);
    folders
        .next()
        .filter(|at| !at.is_empty())
        .map(str::to_owned)
}

fn check(args: &CheckArgs, env: &mut Env<'_>) -> Result<(), Failure> {
    let bytes = files::read(&args.file)?;
    let mut findings = files::inspect(&args.file)?;
    let mut reload = true;
    if let Some(path) = &args.manifest {
        let (found, reloads) = check_manifest(path, &args.file)?;
        findings.extend(found);
        reload = reloads;
    }
    match config::parse(&bytes, reload) {
        Ok(config) => {
            findings.extend(advice::advise(&config));
            findings.extend(config::passed_over(&bytes));
        }
        Err(errors) => findings.splice(0..0, errors).for_each(drop),
    }
    for finding in &findings {
        env.print(&format!("{finding}\n"))?;
    }
    let count = |severity| {
        findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let told = format!(
        "{}: {}, {}",
        args.file.display(),
        counted(errors, "error"),
        counted(warnings, "warning")
    );
    if errors > 0 || (args.strict && warnings > 0) {
        return Err(Failure::findings(told));
    }
    env.print(&format!(
        "{told}; an API server accepts it ({})\n",
        config::hash(&bytes)
    ))
}

fn check_manifest(path: &Path, config: &Path) -> Result<(Vec<Finding>, bool), Failure> {
    let told = |words: &str| Failure::usage(format!("{}: {words}", path.display()));
    let bytes = files::read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| told("not UTF-8"))?;
    let report = manifest::check(text, config).map_err(|words| told(&words))?;
    Ok((report.findings, report.reload))
}
