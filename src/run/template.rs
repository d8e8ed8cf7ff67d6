//! Shell. `tidegate template`: files in, Secrets out, through the controller's own engine.

mod input;
mod output;

use std::io::Write;
use std::process::ExitCode;

use tidegate_stages::{Env, Offline, Seed, Templates};

use super::fail;
use crate::cli::{Format, TemplateArgs};
use crate::clock::Clock;
use crate::entropy;
use input::Source;
use output::Secret;

/// How a run that gives no Secret ends.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Wrong flags, or a file that cannot be used.
    fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            message: message.into(),
        }
    }

    /// A template that failed, or an output that could not be written.
    fn failed(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
        }
    }
}

/// Renders every object of the file, prints the Secrets, and gives the exit code.
#[must_use]
pub fn main(args: &TemplateArgs) -> ExitCode {
    match rendered(args).and_then(|secrets| print(args, &secrets)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(failure.code, &failure.message),
    }
}

fn rendered(args: &TemplateArgs) -> Result<Vec<Secret>, Failure> {
    let objects = input::objects(&args.source_templated_object)?;
    if args.format == Format::Raw && !args.reveal {
        return Err(Failure::usage("--format raw prints a value: add --reveal"));
    }
    if args.format == Format::Raw && objects.len() > 1 {
        let cause = "--format raw is for one object, the file has several";
        return Err(Failure::usage(cause));
    }
    let data = input::data(args)?;
    let given = input::sources(args)?;
    let delimiters = &args.delimiters;
    let templates = Templates::new(
        &delimiters.template_left_delimiter,
        &delimiters.template_right_delimiter,
    );
    let env = Env {
        now: args.now.unwrap_or_else(|| Clock::system().now()),
        rng: 0,
    };
    let mut secrets = Vec::new();
    for object in objects {
        let sources = given.of(&object.template)?;
        let bytes = entropy::bytes();
        let bytes = bytes.ok_or_else(|| Failure::failed("the system gives no random numbers"))?;
        let offline = Offline {
            template: &object.template,
            data: data.clone(),
            sources: &sources,
            templates: &templates,
            full: args.reveal,
        };
        let desired = (offline.render(&env, &Seed::new(*bytes)))
            .map_err(|error| Failure::failed(told(args, &object, &error.detail)))?;
        secrets.push(Secret::new(object, desired, &templates));
    }
    Ok(secrets)
}

/// What failed, and how to learn more where something was held back.
fn told(args: &TemplateArgs, object: &Source, detail: &str) -> String {
    let hint = if args.reveal {
        ""
    } else {
        " (--reveal shows Go's own text, which may quote values)"
    };
    format!("{}: {detail}{hint}", object.name)
}

fn print(args: &TemplateArgs, secrets: &[Secret]) -> Result<(), Failure> {
    let text = match (args.format, &args.key) {
        (Format::Yaml, _) => output::yaml(secrets, args.reveal),
        (Format::Json, _) => output::json(secrets, args.reveal),
        (Format::Raw, key) => {
            let key = key.as_deref().unwrap_or_default();
            let value = secrets.first().and_then(|secret| secret.value(key));
            value.ok_or_else(|| Failure::failed(format!("the Secret has no key {key:?}")))?
        }
    };
    let written = match &args.output {
        Some(file) => output::write(file, &text),
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(&text).and_then(|()| out.flush())
        }
    };
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let place = args.output.as_ref().map(|file| file.display().to_string());
            let place = place.unwrap_or_else(|| "standard output".to_owned());
            Err(Failure::failed(format!("{place}: {error}")))
        }
        _ => Ok(()),
    }
}
