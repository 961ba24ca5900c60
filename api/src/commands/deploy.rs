//! `novation deploy`.

use super::key_folder;
use crate::cli::Deploy;
use crate::demo::screen::Screen;
use crate::node::deploy::{deploy_by_url, Choice};
use crate::node::secrets::Secrets;
use crate::node::settings::Settings;
use anyhow::{ensure, Context};
use novation_gpu::choose;
use novation_prover::batch::BatchProver;
use novation_prover::KeyStore;

/// Deploys, and prints what the settings of the node have to say.
pub fn run(args: &Deploy) -> anyhow::Result<()> {
    let settings = Settings::load(args.config.as_deref(), |name| std::env::var(name).ok())?;
    ensure!(
        !settings.l1.url.is_empty(),
        "l1.url is not set: name the L1 in the settings or by NOVATION_L1_URL; on the embedded L1 `novation node` deploys by itself"
    );
    if let Some(contract) = settings.l1.contract {
        anyhow::bail!("l1.contract is {contract} already: take it out of the settings if you want another venue");
    }
    let screen = Screen::detect();
    let data = &settings.data;
    std::fs::create_dir_all(data).with_context(|| data.display().to_string())?;
    let (secrets, made) = Secrets::open(&data.join("operator.secret"))?;
    if made {
        screen.say(format!("secrets: {}/operator.secret was made; the node needs it", data.display()));
    }
    let size = settings.circuit()?;
    let prover = {
        let watch = screen.watch(format!("{} key", size.name));
        let store = KeyStore::new(key_folder(args.keys.keys.as_ref()));
        BatchProver::open(size, &store, choose(&settings.prover.backend)?.backend, &watch)?
    };
    let choice = Choice {
        collateral: args.collateral,
        proposers: args.proposer.clone(),
        executors: args.executor.clone(),
        key_seconds: args.key_days * 86_400,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the async runtime")?;
    let key = prover.prover().verifying_key();
    let (l1, from_block) = runtime.block_on(deploy_by_url(&settings.l1, choice, size, key, &secrets))?;
    screen.say(format!("deployed on chain {}, collateral {}; the settings of the node:", l1.chain(), l1.collateral()));
    println!("[l1]\nurl = \"{}\"\ncontract = \"{}\"\nfrom_block = {from_block}", settings.l1.url, l1.contract());
    Ok(())
}
