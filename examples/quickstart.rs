//! Shell. The main job on real servers of one's own: API server, etcd, Vault, controller.

#![allow(clippy::print_stdout, reason = "this program talks to its user")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tidegate::cli::{Cli, Command};
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions, Http, Vault, VaultOptions};
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn Error + Send + Sync>;

/// Tries Tidegate on servers of its own: nothing outside this machine, nothing left behind.
#[derive(Debug, Parser)]
struct Quickstart {
    /// Keep everything running until Ctrl-C, to look around with kubectl.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Quickstart::parse();
    tidegate::run::install_crypto();
    println!("starting API server, etcd and Vault (built into the cache at the first run)");
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let vault = Vault::start(VaultOptions::default()).await?;
    let admin = plane.api(ADMIN)?;
    fill(&vault).await?;
    install(&admin, &vault).await?;
    println!("applied manifests/crds and manifests/samples/quickstart.yaml\n");

    let stop = CancellationToken::new();
    let kubeconfig = plane.kubeconfig_path(ADMIN)?;
    let controller = tidegate::run::controller::run(*flags(&kubeconfig)?, stop.clone());
    let show = async {
        let outcome = show(&admin).await;
        if outcome.is_ok() && options.keep {
            println!(
                "\nlook around: kubectl --kubeconfig {} get es,ss,secrets",
                kubeconfig.display()
            );
            println!("Vault: VAULT_ADDR={}; Ctrl-C ends it all", vault.addr());
            tokio::signal::ctrl_c().await?;
        }
        stop.cancel();
        outcome
    };
    let (controller, shown) = tokio::join!(controller, show);
    controller?;
    shown
}

/// Values that the quickstart refers to.
async fn fill(vault: &Vault) -> Result<(), Failure> {
    vault.enable_kv("secret", 2).await?;
    let database = json!({ "user": "app", "password": "correct horse", "host": "db.internal" });
    vault.put("secret", "team-a/database", &database).await?;
    let web = json!({ "tokens": { "api": "t0ken", "metrics": "m3trics" } });
    vault.put("secret", "team-a/web", &web).await?;
    Ok(())
}

/// Applies the CRDs and the quickstart, with Vault's address and token filled in.
async fn install(admin: &Http, vault: &Vault) -> Result<(), Failure> {
    let crds: Vec<Value> = serde_saphyr::from_multiple(&tidegate_api::crd::crds_yaml())?;
    for crd in &crds {
        admin.apply(crd).await?;
    }
    let served = "/apis/external-secrets.io/v1/externalsecrets";
    while admin.get(served).await?.status != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/samples/quickstart.yaml");
    let text = std::fs::read_to_string(samples)?;
    let text = text
        .replace("VAULT_ADDR", vault.addr())
        .replace("VAULT_TOKEN", vault.root_token());
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    for object in &objects {
        admin.apply(object).await?;
    }
    Ok(())
}

fn flags(kubeconfig: &Path) -> Result<Box<tidegate::cli::ControllerArgs>, Failure> {
    let file = kubeconfig
        .to_str()
        .ok_or("the temporary folder has no UTF-8 name")?;
    let args = [
        "tidegate",
        "controller",
        "--kubeconfig",
        file,
        "--admin-addr",
        "127.0.0.1:0",
    ];
    match Cli::try_parse_from(args)?.command {
        Command::Controller(args) => Ok(args),
        Command::Crds => Err("not the controller's flags".into()),
    }
}

/// Waits until every object has said something, then prints objects and Secrets.
async fn show(admin: &Http) -> Result<(), Failure> {
    let path = "/apis/external-secrets.io/v1/namespaces/default/externalsecrets";
    let mut objects = Vec::new();
    for _ in 0..600 {
        let list = admin.get(path).await?.ok()?;
        objects = list["items"].as_array().cloned().unwrap_or_default();
        if objects
            .iter()
            .all(|object| object["status"]["conditions"][0].is_object())
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "{:<16} {:<16} {:<7} {:<18} MESSAGE",
        "EXTERNALSECRET", "TARGET", "READY", "REASON"
    );
    for object in &objects {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or("-")
        };
        let name = text("/metadata/name");
        let target = object
            .pointer("/spec/target/name")
            .and_then(Value::as_str)
            .unwrap_or(name);
        let condition = |field: &str| text(&format!("/status/conditions/0/{field}")).to_owned();
        let (ready, reason) = (condition("status"), condition("reason"));
        println!(
            "{name:<16} {target:<16} {ready:<7} {reason:<18} {}",
            condition("message")
        );
    }
    secrets(admin).await
}

/// Prints the managed Secrets, values by their length alone.
async fn secrets(admin: &Http) -> Result<(), Failure> {
    let selector = "labelSelector=reconcile.external-secrets.io%2Fmanaged%3Dtrue";
    let path = format!("/api/v1/namespaces/default/secrets?{selector}");
    let list = admin.get(&path).await?.ok()?;
    println!();
    for secret in list["items"].as_array().into_iter().flatten() {
        println!(
            "Secret {}",
            secret["metadata"]["name"].as_str().unwrap_or("-")
        );
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            let bytes = value
                .as_str()
                .map_or(0, |text| text.trim_end_matches('=').len() * 3 / 4);
            println!("  {key:<16} {bytes} bytes");
        }
    }
    Ok(())
}
