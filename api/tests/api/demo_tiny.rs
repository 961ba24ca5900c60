//! The main job at the tiny size, with real proofs: deposit, trade, expire, settle, withdraw, claim, and what a stranger makes of it.

use novation_api::demo::report::{self, Report};
use novation_api::demo::screen::Screen;
use novation_api::demo::view::PositionView;
use novation_api::demo::world::World;
use novation_api::demo::{script, view, DemoError, Options, Play};
use novation_prover::batch::circuit;
use novation_prover::{CircuitId, KeyStore};
use novation_state::size::{CIRCUIT_VERSION, TINY};
use novation_verifier::groth16::VerifyError;
use novation_verifier::watch::chain::{ChainError, PublicChain};
use novation_verifier::watch::open::OpenError;
use std::path::PathBuf;

fn options() -> Options {
    // Beside the build, so that only the first run makes the key.
    let keys = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("keys");
    Options { size: TINY, seed: 1, keys, dump: None, port: 0, play: Play::Script }
}

/// One run serves all checks: each of its five proofs takes seconds.
#[test]
fn the_whole_job_runs_and_a_stranger_can_follow_it() {
    let mut world = World::open(&options(), &Screen::Quiet).unwrap();
    let shown = script::play(&mut world).unwrap();
    assert_eq!(shown, "alice");
    world.look().unwrap();

    another_key_opens_nothing(&world);
    another_root_or_key_verifies_nothing(&world);
    public_leaves_are_those_of_the_ledger(&world);
    money_claimed_has_left_the_vault(&mut world);

    let funding = funding_of_the_perpetual(&world);
    let report = report::finish(world, &shown).unwrap();
    the_report_counts_what_happened(&report);
    the_public_sees_amounts_and_ciphertext(&report);
    the_owner_sees_positions_and_margin(&report, funding);
    the_table_says_so(&report);
}

/// A key whose proofs do not verify, as a damaged card makes them: the demo says so soon, in the prover's words.
#[test]
fn a_batch_that_cannot_be_proven_ends_the_demo() {
    let r1cs = circuit(&TINY).unwrap();
    let id = CircuitId::new(CIRCUIT_VERSION, TINY.name, &r1cs);
    let (mut key, _) = KeyStore::new(options().keys).open_or_generate(&id, &r1cs, &()).unwrap();
    key.h[0] = -key.h[0];
    let folder = tempfile::tempdir().unwrap();
    KeyStore::new(folder.path()).install(&id, &r1cs, &key).unwrap();
    let options = Options { keys: folder.path().into(), ..options() };
    let error = novation_api::demo::run(&options, &Screen::Quiet).unwrap_err();
    let reason = "the finished proof does not verify: the pairing equation does not hold";
    assert_eq!(error.to_string(), format!("batch 1 could not be proven, 3 times; the last time: {reason}"));
    assert!(matches!(error, DemoError::Proving { batch: 1, failures: 3, .. }), "{error:?}");
}

fn another_key_opens_nothing(world: &World) {
    let (alice, bob) = (world.trader("alice"), world.trader("bob"));
    let account = alice.client.account();
    match world.chain.open(account, bob.client.wallet().viewing()).unwrap_err() {
        ChainError::Open(OpenError::Content { slot, .. } | OpenError::Hash { slot }) => assert_eq!(slot, account),
        other => panic!("{other}"),
    }
}

/// Calldata that is read on top of another genesis root, or with another verifying key, does not verify.
fn another_root_or_key_verifies_nothing(world: &World) {
    let (l1, root) = world.l1();
    let key = world.verifying_key();
    let refused = |root, key| {
        let mut chain = PublicChain::new(l1.clone(), 0, key, root);
        world.block_on(chain.advance()).unwrap_err()
    };
    let wrong_root = refused(root + ark_bn254::Fr::from(1), key.clone());
    assert!(matches!(wrong_root, ChainError::Proof { batch: 1, reason: VerifyError::Equation }), "{wrong_root}");
    let mut parts = key.parts().clone();
    parts.ic.swap(1, 2);
    let other_key = novation_verifier::groth16::VerifyingKey::new(parts, 3).expect("a well-formed key");
    let wrong_key = refused(root, other_key);
    assert!(matches!(wrong_key, ChainError::Proof { batch: 1, reason: VerifyError::Equation }), "{wrong_key}");
    let mut again = PublicChain::new(l1.clone(), 0, key.clone(), root);
    world.block_on(again.advance()).unwrap();
    assert_eq!(again.batches.len(), 5);
}

/// The markets that a stranger rebuilt from calldata are the oracle role's, leaf by leaf.
fn public_leaves_are_those_of_the_ledger(world: &World) {
    let public = world.chain.markets();
    let mut seen = 0;
    for (id, terms, leaf) in world.oracle().listed() {
        assert_eq!(public.get(id), Some(leaf), "{terms}");
        seen += 1;
    }
    assert_eq!((seen, public.iter().count()), (5, 5));
}

fn money_claimed_has_left_the_vault(world: &mut World) {
    match world.claim("alice").unwrap_err() {
        DemoError::L1(error) => {
            let error = format!("{:?}", error.contract_error());
            assert!(error.contains("NothingToClaim"), "{error}");
        }
        other => panic!("{other}"),
    }
}

/// Micro-units a lot that longs have paid; it depends on the second in which a block of the oracle role fell.
fn funding_of_the_perpetual(world: &World) -> i128 {
    let funding = world.market(&"BTC-PERP".parse().unwrap()).unwrap().index.0;
    // Premia of 0.06 to 0.09 % of 88,500 to 89,650 USD, one in full every eight hours, for fourteen hours: by 0.001 BTC.
    assert!((92_000..142_000).contains(&funding), "{funding}");
    funding
}

fn the_report_counts_what_happened(report: &Report) {
    let batches = &report.records.batches;
    let counts: Vec<_> = batches.iter().map(|b| (b.windows, b.orders, b.deposits, b.commands, b.accounts)).collect();
    assert_eq!(counts, [(0, 0, 2, 0, 2), (2, 4, 1, 0, 3), (2, 4, 0, 0, 3), (1, 2, 0, 0, 3), (0, 0, 0, 1, 3)]);
    assert!(batches.iter().all(|b| b.constraints == report.records.constraints && b.gas > 200_000));
    let totals = &report.totals;
    assert_eq!((totals.batches, totals.windows, totals.orders, totals.fills), (5, 5, 10, 10));
    assert_eq!(totals.gas_per_order, totals.gas / 10);

    // The audit line, term by term: nothing but deposits came in and nothing but the withdrawal went out.
    let audit = &report.audit;
    assert_eq!(audit.cash_of_accounts + audit.house, audit.vault);
    assert_eq!(audit.vault, 3 * 60_000_000_000 - 28_949_000_000);
    assert_eq!((audit.clearing, audit.unrolled), (0, 0), "everybody has rolled");
    let live: Vec<_> = audit.series.iter().map(|(id, s)| (*id, s.net, s.settled)).collect();
    assert_eq!(live, [(1, 0, false)], "only the perpetual is held");

    // The auditor, who has only messages, announcements and L1, comes to the same.
    let auditor = &report.auditor;
    assert_eq!((auditor.batches, auditor.accounts, auditor.fills, auditor.commands), (5, 3, 10, 1));
    assert_eq!((auditor.cash_of_accounts, auditor.house), (audit.cash_of_accounts, audit.house));
    assert_eq!(i128::try_from(auditor.vault), Ok(audit.vault));
    assert_eq!(auditor.open_interest, [(1, audit.series[&1].long)].into());
}

fn the_public_sees_amounts_and_ciphertext(report: &Report) {
    let public = &report.account.public;
    assert_eq!((public.slot, public.deposits.as_slice()), (1, &[60_000_000_000][..]));
    assert_eq!(public.withdrawals, [(28_949_000_000, public.depositor.clone())]);
    assert_eq!(public.rewritten_in, [1, 2, 3, 4, 5]);
    assert_eq!(public.ciphertext.len(), 8);
    let text = serde_json::to_string(public).unwrap();
    for secret in ["BTC", "ETH", "158", "lots", "equity"] {
        assert!(!text.contains(&format!("\"{secret}")), "{secret} is in {text}");
    }
}

fn the_owner_sees_positions_and_margin(report: &Report, funding: i128) {
    let private = &report.account.private;
    let position = PositionView {
        instrument: "BTC-PERP".into(),
        lots: 158,
        mark: "89712.8".into(),
        // 158 lots of 897,128 ticks at 100 micro-units a tick, less the funding.
        value: 158 * (897_128 * 100 - funding),
        settled: false,
    };
    assert_eq!(private.positions, [position]);
    // 158 lots of 0.001 BTC at a scan range of 12 % and a charge of 0.3 %, by hand from the mark: each per lot, rounded.
    let (scan, charge) = (10_765_536, 269_138);
    assert_eq!(private.initial, 158 * (scan + charge));
    assert_eq!(private.maintenance, (private.initial * 3 + 3) / 4);
    assert!(private.withdrawable <= private.equity - private.initial);
    assert_eq!(view::usd(private.withdrawable), "28950.24");
}

fn the_table_says_so(report: &Report) {
    let table = report::table(report);
    for part in [
        "a future and a perpetual",
        "what everybody sees",
        "158 lots BTC-PERP at 89712.8",
        "net to zero: holds",
        "3 accounts, 10 fills, open interest and collateral agree",
    ] {
        assert!(table.contains(part), "`{part}` is missing in\n{table}");
    }
}
