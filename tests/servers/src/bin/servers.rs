//! Shell. Builds the real servers ahead of the tests, and tells where they are.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tidegate_testservers::{
    ADMIN, Cache, ControlPlane, ControlPlaneOptions, RECIPES, Recipe, ServerError, Vault,
    VaultOptions, find,
};
use tokio::signal::unix::{SignalKind, signal};

/// Real servers for Tidegate's tests.
///
/// They are built from source once per machine and kept in $TIDEGATE_SERVERS, or in
/// tidegate/servers below the user's cache folder.
#[derive(Parser)]
#[command(name = "servers")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds what is missing of the servers named, or of all.
    Build {
        /// Names, as `list` shows them.
        names: Vec<String>,
    },
    /// Prints where a server's binary is, and builds it first if it is missing.
    Path {
        /// Name, as `list` shows it.
        name: String,
    },
    /// Runs a control plane and a Vault until it is interrupted, and prints how to reach them as
    /// lines for a shell.
    Run,
    /// Lists the servers: name, version, `built` or `missing`, and the path.
    List,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "servers: {error}");
            let usage = matches!(error, ServerError::Unknown { .. } | ServerError::Usage(_));
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

fn run(command: Command) -> Result<(), ServerError> {
    let cache = Cache::of_user()?;
    match command {
        Command::Build { names } if names.is_empty() => RECIPES
            .iter()
            .try_for_each(|recipe| cache.ensure(recipe).map(drop)),
        Command::Build { names } => {
            let recipes: Vec<_> = names
                .iter()
                .map(|name| find(name))
                .collect::<Result<_, _>>()?;
            recipes
                .into_iter()
                .try_for_each(|recipe| cache.ensure(recipe).map(drop))
        }
        Command::Path { name } => {
            let path = cache.ensure(find(&name)?)?;
            print(format_args!("{}", path.display()))
        }
        Command::Run => tokio::runtime::Runtime::new()
            .map_err(|source| ServerError::Io {
                what: "start a runtime".to_owned(),
                source,
            })?
            .block_on(serve()),
        Command::List => RECIPES.iter().try_for_each(|recipe| list(&cache, recipe)),
    }
}

async fn serve() -> Result<(), ServerError> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let vault = Vault::start(VaultOptions::default()).await?;
    for (name, pid) in plane
        .pids()
        .await
        .into_iter()
        .chain(vault.pid().await.map(|p| ("vault", p)))
    {
        print(format_args!("# {name} is process {pid}"))?;
    }
    print(format_args!(
        "export KUBECONFIG={}",
        plane.kubeconfig_path(ADMIN)?.display()
    ))?;
    print(format_args!("export VAULT_ADDR={}", vault.addr()))?;
    print(format_args!("export VAULT_TOKEN={}", vault.root_token()))?;
    let failed = |source| ServerError::Io {
        what: "wait for a signal".to_owned(),
        source,
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    print(format_args!("# ready; interrupt to end"))?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn list(cache: &Cache, recipe: &Recipe) -> Result<(), ServerError> {
    let path = cache.path(recipe);
    let state = if path.is_file() { "built" } else { "missing" };
    let (name, version) = (recipe.name, recipe.version);
    print(format_args!(
        "{name:<24} {version:<8} {state:<8} {}",
        path.display()
    ))
}

fn print(line: std::fmt::Arguments<'_>) -> Result<(), ServerError> {
    writeln!(std::io::stdout(), "{line}").map_err(|source| ServerError::Io {
        what: "write to stdout".to_owned(),
        source,
    })
}
