//! A service from a Rust program, without Python: `cargo run --example rust_client -- redis:7`.
//!
//! It uses the cluster of the current context, creates a service, waits for it, and deletes it.

use std::time::Duration;

use k8sdataservice::client::{Cleanup, Client, Place};
use k8sdataservice::error::Result;
use k8sdataservice::identity::owner::{Caller, Owner};
use k8sdataservice::lifecycle::Scope;
use k8sdataservice::platform::Platform;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<()> {
    let image = std::env::args().nth(1).unwrap_or_else(|| "redis:7".to_owned());
    let owner = Owner::new(format!("rust_client-{}", std::process::id()), "the example rust_client");
    let scope = Scope::OwnedBy(owner.id.clone());
    let caller = Caller {
        owner,
        labels: None,
        annotations: None,
        run: None,
    };
    let client = Client::new(Platform::default());
    let config = json!({"Image": image, "Port": 6379, "Requests": {"cpu": "100m", "mem": "64Mi"}});
    let request = client.prepare(config, "flyte", &caller)?;
    let created = client.create(request, Cleanup::Awaited).await?;
    if let Some(warning) = created.warning {
        eprintln!("{warning}");
    }
    let place = Place::new(created.value.name, created.value.namespace, None)?;
    let status = client.wait(&place, Duration::from_mins(5)).await;
    client.delete(&place, &scope, None).await?;
    println!("{}", status?.message);
    Ok(())
}
