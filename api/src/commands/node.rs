//! `novation node`.

use super::{key_folder, log_to_stderr};
use crate::cli::NodeArgs;
use crate::demo::screen::Screen;
use crate::node::service::{Drive, Options, Service};
use crate::node::settings::Settings;
use crate::node::wall_clock;
use anyhow::Context;

/// Runs the node until it is told to stop, or until something needs a person.
pub fn run(args: &NodeArgs) -> anyhow::Result<()> {
    let settings = Settings::load(args.config.as_deref(), |name| std::env::var(name).ok())?;
    if args.print_config {
        print!("{}", toml::to_string(&settings).context("writing the settings")?);
        return Ok(());
    }
    log_to_stderr("info,alloy=warn,sqlx=warn");
    let options =
        Options { keys: key_folder(args.keys.keys.as_ref()), now: wall_clock(), drive: Drive::Clock, progress: None };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the async runtime")?;
    runtime.block_on(async {
        let mut service = Service::start(&settings, options, &Screen::detect()).await?;
        print!("{}", service.welcome());
        tokio::select! {
            signal = told_to_stop() => {
                tracing::info!(signal, "stopping: what was acknowledged is in the log");
                service.stop().await;
                Ok(())
            }
            reason = service.failed() => Err(anyhow::Error::from(reason).context("the node stopped; start it again once this is mended")),
        }
    })
}

/// Waits for Ctrl-C or, on Unix, for the signal that service managers send.
async fn told_to_stop() -> &'static str {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{signal, SignalKind};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = interrupt => "interrupt",
                _ = terminate.recv() => "terminate",
            };
        }
    }
    drop(interrupt.await);
    "interrupt"
}
