//! Shell. Flags of `tidegate template`, and those that say how templates are written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// What `tidegate template --help` ends with.
const EXAMPLES: &str = "\
Examples:
  # What would the Secret look like? Values are hidden.
  tidegate template --source-templated-object es.yaml --value user=ann --value password=x

  # The same with Go's own error texts and the values, as YAML that kubectl takes.
  tidegate template --source-templated-object es.yaml --source-secret-data-file data.yaml --reveal

  # One key alone, as bytes.
  tidegate template --source-templated-object es.yaml --value user=ann \\
    --format raw --key config.ini --reveal

Files:
  data.yaml is a map of keys to base64, as the data of a Secret:   user: YW5u
  values.yaml is a map of keys to plain text:                      user: ann
  es.yaml may hold several objects; each becomes one Secret. - is standard input.

Exit codes: 0 rendered, 1 a template failed, 2 wrong usage or a file that cannot be used.

The flags of `esoctl template` mean the same here. Unlike there, mergePolicy and the defaults
of the resource are applied: what is printed is what the controller would write.";

/// Flags of `tidegate template`.
///
/// Renders spec.target.template with the engine of the controller, over values from files or
/// from the command line. Nothing is sent anywhere. Values stay hidden without --reveal.
#[derive(Debug, Clone, Args)]
#[command(version, after_help = EXAMPLES)]
pub struct TemplateArgs {
    /// File with the ExternalSecret, ClusterExternalSecret or PushSecret.
    #[arg(long, value_name = "FILE")]
    pub source_templated_object: PathBuf,
    /// File with the values in base64, as the data of a Secret.
    #[arg(long, value_name = "FILE")]
    pub source_secret_data_file: Option<PathBuf>,
    /// File with the values as plain text.
    #[arg(long, value_name = "FILE")]
    pub values_file: Option<PathBuf>,
    /// One value; may be given again, and wins over the files.
    #[arg(long = "value", value_name = "KEY=TEXT")]
    pub values: Vec<KeyValue>,
    /// File with the ConfigMaps that templateFrom names; may be given again.
    #[arg(long, value_name = "FILE")]
    pub template_from_config_map: Vec<PathBuf>,
    /// File with the Secrets that templateFrom names; may be given again.
    #[arg(long, value_name = "FILE")]
    pub template_from_secret: Vec<PathBuf>,
    /// Write to this file, for its owner alone, instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// yaml or json for whole Secrets; raw for the bytes of one key.
    #[arg(long, value_enum, default_value = "yaml")]
    pub format: Format,
    /// The key that --format raw prints.
    #[arg(long, value_name = "KEY", required_if_eq("format", "raw"))]
    pub key: Option<String>,
    /// Print values, and errors as Go words them, which may quote values.
    #[arg(long)]
    pub reveal: bool,
    /// The time that templates see, such as 2026-01-31T12:00:00Z; without it, now.
    #[arg(long, value_name = "TIME")]
    pub now: Option<Timestamp>,
    /// How templates mark their actions.
    #[command(flatten)]
    pub delimiters: Delimiters,
}

/// How templates mark their actions; rewrites always use {{ and }}.
#[derive(Debug, Clone, Args)]
pub struct Delimiters {
    /// What opens an action of a template.
    #[arg(long, default_value = "{{", value_name = "TEXT", value_parser = delimiter)]
    pub template_left_delimiter: String,
    /// What closes an action of a template.
    #[arg(long, default_value = "}}", value_name = "TEXT", value_parser = delimiter)]
    pub template_right_delimiter: String,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Secrets as YAML documents.
    Yaml,
    /// Secrets as JSON, one per line.
    Json,
    /// The bytes of one key.
    Raw,
}

/// A value given on the command line.
#[derive(Clone)]
pub struct KeyValue {
    /// Its key.
    pub key: String,
    /// Its text.
    pub value: Zeroizing<String>,
}

impl FromStr for KeyValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self {
                key: key.to_owned(),
                value: Zeroizing::new(value.to_owned()),
            }),
            _ => Err("use KEY=TEXT".to_owned()),
        }
    }
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=<redacted>", self.key)
    }
}

fn delimiter(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("must not be empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
