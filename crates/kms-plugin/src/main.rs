//! Shell. `tidegate-kms`: the plugin alone, for control-plane nodes.

use std::process::ExitCode;

use clap::Parser;
use tidegate_kms_plugin::KmsArgs;

/// A KMS v2 plugin for kube-apiserver that survives outages of its key service.
#[derive(Debug, Parser)]
#[command(name = "tidegate-kms", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    args: KmsArgs,
}

fn main() -> ExitCode {
    tidegate_kms_plugin::main(&Cli::parse().args)
}
