//! The contract through its client, on every chain: what it accepts, what it refuses and why.

use crate::common::chains::on_every_chain;
use crate::common::setup::{deposit_request, final_deposits, Setup, FUNDS};
use crate::common::trapdoor::TrapdoorKey;
use alloy::eips::BlockId;
use alloy::primitives::aliases::{U24, U40};
use alloy::primitives::{Address, U256};
use alloy::sol_types::SolConstructor;
use novation_state::ledger::Deployment;
use novation_state::size::TINY;
use novation_verifier::groth16::{key_words, verify};
use novation_verifier::l1::bindings::Novation::{self, NovationErrors, NovationEvents};
use novation_verifier::l1::bindings::{ICircuitKeys, Lanes};
use novation_verifier::l1::{word, L1Error, Revert, Submission, L1};

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, L1Error>, expected: NovationErrors) {
    match result {
        Err(L1Error::Reverted(Revert::Contract(error))) => assert_eq!(*error, expected),
        other => panic!("{expected:?} expected: {other:?}"),
    }
}

async fn submit(setup: &Setup, submission: &Submission) -> Result<(), L1Error> {
    setup.l1.submit_batch(setup.operator, submission).await.map(|_| ())
}

#[tokio::test]
async fn deployment_is_bound_to_chain_and_contract() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let (l1, provider) = (&setup.l1, setup.chain.provider.clone());
        assert_eq!(l1.deployment(), Deployment::new(l1.chain(), l1.contract().into()).id);
        let again = L1::attach(provider.clone(), l1.contract()).await.expect("it is there");
        assert_eq!((again.contract(), again.collateral()), (l1.contract(), l1.collateral()));
        // A token and an account without code are no such contract.
        for address in [l1.collateral(), Address::repeat_byte(7)] {
            match L1::attach(provider.clone(), address).await {
                Err(L1Error::NotNovation { address: found, chain }) => {
                    assert_eq!((found, chain), (address, l1.chain()))
                }
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn key_without_a_second_phase_is_refused_at_deployment() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let words: Vec<U256> =
            key_words(&TrapdoorKey::from_seed(1, 3).key()).into_iter().map(U256::from_be_bytes).collect();
        let mut key: [U256; 22] = words.try_into().expect("a key of three inputs");
        let gamma: [U256; 4] = key[6..10].try_into().expect("four words");
        key[10..14].copy_from_slice(&gamma);
        let lanes = Lanes { accounts: 4, deposits: 2, commands: 2 };
        let spec = ICircuitKeys::KeySpec { circuitId: TINY.circuit_id(), activeUntil: U40::MAX, lanes, key };
        let arguments = Novation::constructorCall {
            collateral: setup.l1.collateral(),
            governance: governance(&setup).await,
            operator: setup.operator,
            oracle: setup.oracle,
            genesisRoot: U256::ZERO,
            keys: vec![spec],
        };
        let code = [Novation::BYTECODE.to_vec(), arguments.abi_encode()].concat();
        let equal = Novation::KeyPointsEqual { first: U256::from(6), second: U256::from(10) };
        let request = alloy::network::TransactionBuilder::with_deploy_code(Default::default(), code);
        let result = alloy::providers::Provider::estimate_gas(&setup.chain.provider, request).await;
        refused(result.map_err(L1Error::from), NovationErrors::KeyPointsEqual(equal));
    })
    .await;
}

/// The timelock: the deployer's contract before ours.
async fn governance(setup: &Setup) -> Address {
    let find = |nonce: &u64| setup.deployer.create(*nonce) == setup.l1.contract();
    let nonce = (0..100).find(find).expect("deployed a moment ago");
    setup.deployer.create(nonce - 1)
}

#[tokio::test]
async fn proven_batch_moves_the_root_and_pays() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let [alice, bob] = setup.depositors;
        let (l1, latest) = (&setup.l1, BlockId::latest());
        assert_eq!(setup.deposit(alice, 1, 600).await, (0, 1));
        assert_eq!(setup.deposit(bob, 2, 50).await, (1, 2));
        assert_eq!(l1.queue_state(latest).await.expect("answered"), (2, 3));
        setup.accept_markets().await;
        let deposits = final_deposits(&setup).await;
        assert_eq!(deposits.iter().map(|d| (d.index, d.slot, d.amount)).collect::<Vec<_>>(), [(0, 1, 600), (1, 2, 50)]);

        // Alice is credited, Bob refunded, and Alice withdraws some to Bob's address.
        let known = l1.known(latest).await.expect("answered");
        let submission = setup.next_batch(&deposits, Some((bob, 250))).await;
        let receipt = l1.submit_batch(setup.operator, &submission).await.expect("accepted");
        println!("{}: {} gas with two deposits and a withdrawal", setup.chain.name, receipt.gas_used);
        let head = l1.head(latest).await.expect("answered");
        assert_eq!(head.root, word(&submission.batch.header.new_root));
        assert_eq!((head.batch, head.depositsConsumed, head.logLast), (1, U40::from(2), 5));
        assert_eq!(l1.balances(latest).await.expect("answered"), (350, 300));
        assert_eq!(l1.claimable(bob, latest).await.expect("answered"), U256::from(300));
        assert_eq!(l1.claimable(alice, latest).await.expect("answered"), U256::ZERO);

        l1.claim(bob, alice).await.expect("paid");
        assert_eq!(l1.collateral_of(alice, latest).await.expect("answered"), U256::from(FUNDS - 600 + 300));
        assert_eq!(l1.collateral_of(l1.contract(), latest).await.expect("answered"), U256::from(350));
        refused(l1.claim(bob, bob).await, NovationErrors::NothingToClaim(Novation::NothingToClaim { account: bob }));

        // A stranger reads the batch from the chain and verifies it again.
        let read = l1.fetch_batch(receipt.transaction_hash, &known).await.expect("it is there");
        assert_eq!(read, submission);
        let data = read.public_data();
        assert_eq!(verify(&setup.trapdoor.key(), &read.proof, &data.inputs()), Ok(()));
        let mut belief = crate::common::setup::Belief::default();
        belief.apply(setup.follower().step().await.expect("a quiet chain"));
        let accepted = belief.events.iter().filter_map(|event| match &event.event {
            NovationEvents::BatchAccepted(batch) => Some(batch.clone()),
            _ => None,
        });
        let expected = Novation::BatchAccepted { batch: 1, root: head.root, z: word(&data.z) };
        assert_eq!(accepted.collect::<Vec<_>>(), [expected]);
    })
    .await;
}

#[tokio::test]
async fn second_batch_builds_on_the_first() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        setup.accept_markets().await;
        let first = setup.next_batch(&[], None).await;
        submit(&setup, &first).await.expect("accepted");
        setup.accept_markets().await;
        let second = setup.next_batch(&[], None).await;
        assert_eq!(second.batch.header.old_root, first.batch.header.new_root);
        submit(&setup, &second).await.expect("accepted");
        assert_eq!(setup.l1.head(BlockId::latest()).await.expect("answered").batch, 2);
        let stale = NovationErrors::BatchNumber(Novation::BatchNumber { given: 2, expected: 3 });
        refused(submit(&setup, &second).await, stale);
    })
    .await;
}

#[tokio::test]
async fn batch_that_its_proof_does_not_prove_is_rejected_with_its_challenge() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let [alice, bob] = setup.depositors;
        setup.deposit(alice, 1, 600).await;
        setup.accept_markets().await;
        let deposits = final_deposits(&setup).await;
        let good = setup.next_batch(&deposits, Some((bob, 250))).await;
        let change = |edit: &dyn Fn(&mut Submission)| {
            let mut changed = good.clone();
            edit(&mut changed);
            changed
        };
        let one = ark_bn254::Fr::from(1);
        for (what, changed) in [
            ("new root", change(&|s| s.batch.header.new_root += one)),
            ("last window", change(&|s| s.batch.header.window_last += 1)),
            ("log root", change(&|s| s.batch.header.log_root += one)),
            ("last log position", change(&|s| s.batch.header.log_last += 1)),
            ("R.x", change(&|s| s.batch.header.r_x += one)),
            ("R.y", change(&|s| s.batch.header.r_y += one)),
            ("commitment", change(&|s| s.c += one)),
            ("outcome of the deposit", change(&|s| s.batch.deposits[0].credited = false)),
            ("recipient", change(&|s| s.batch.withdrawals[0].recipient = alice.into())),
            ("amount withdrawn", change(&|s| s.batch.withdrawals[0].amount -= 1)),
            ("withdrawal's place", change(&|s| s.batch.withdrawals[0].command = 1)),
            ("withdrawal left out", change(&|s| s.batch.withdrawals.clear())),
            ("account slot", change(&|s| s.batch.accounts[3].slot += 1)),
            ("leaf", change(&|s| s.batch.accounts[0].sealed[0] += one)),
            ("ciphertext", change(&|s| s.batch.accounts[1].sealed[8] += one)),
            ("house", change(&|s| s.batch.house[3] += one)),
            ("proof of other inputs", change(&|s| s.proof = setup.trapdoor.simulate(&[one, one, one], 1))),
            (
                "proof of another key",
                change(&|s| {
                    s.proof = TrapdoorKey::from_seed(4, 3).simulate(&good.public_data().inputs(), 1);
                }),
            ),
        ] {
            // An outcome changed takes the withdrawal's cover away before the proof is looked at.
            let data = changed.public_data();
            let expected = if what == "outcome of the deposit" {
                let cover = Novation::WithdrawalsExceedCollateral { requested: U256::from(250), inside: U256::ZERO };
                NovationErrors::WithdrawalsExceedCollateral(cover)
            } else {
                NovationErrors::ProofRejected(Novation::ProofRejected { z: word(&data.z), y: word(&data.y) })
            };
            println!("{what}");
            refused(submit(&setup, &changed).await, expected);
        }
        submit(&setup, &good).await.expect("unchanged it is accepted");
    })
    .await;
}

#[tokio::test]
async fn batch_that_contradicts_the_contract_is_refused_whatever_is_proven() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let [alice, bob] = setup.depositors;
        setup.deposit(alice, 1, 600).await;
        setup.accept_markets().await;
        let deposits = final_deposits(&setup).await;
        let good = setup.next_batch(&deposits, None).await;
        let proven = |edit: &dyn Fn(&mut Submission)| {
            let mut changed = good.clone();
            edit(&mut changed);
            setup.prove_again(changed)
        };
        let now = good.batch.header.time;
        let mismatch = || NovationErrors::DepositMismatch(Novation::DepositMismatch { index: U256::ZERO });
        for (changed, expected) in [
            (
                proven(&|s| s.batch.header.batch = 2),
                NovationErrors::BatchNumber(Novation::BatchNumber { given: 2, expected: 1 }),
            ),
            (
                proven(&|s| s.batch.header.circuit += 1),
                NovationErrors::KeyUnknown(Novation::KeyUnknown { circuitId: TINY.circuit_id() + 1 }),
            ),
            (
                proven(&|s| s.batch.header.window_first = 0),
                NovationErrors::WindowRange(Novation::WindowRange {
                    first: U40::ZERO,
                    last: U40::from(3),
                    previous: U40::ZERO,
                }),
            ),
            (proven(&|s| s.batch.deposits[0].amount += 1), mismatch()),
            (proven(&|s| s.batch.deposits[0].slot += 1), mismatch()),
            (proven(&|s| s.batch.deposits[0].owner_eighth.reverse()), mismatch()),
            (proven(&|s| s.depositors[0] = bob), mismatch()),
        ] {
            refused(submit(&setup, &changed).await, expected);
        }
        let future = proven(&|s| s.batch.header.time = now + 1_000_000);
        match submit(&setup, &future).await {
            Err(L1Error::Reverted(Revert::Contract(error))) => match *error {
                NovationErrors::TimeInFuture(error) => assert_eq!(error.time, U40::from(now + 1_000_000)),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
        // Only the operator submits.
        match setup.l1.submit_batch(bob, &good).await {
            Err(L1Error::Reverted(Revert::Contract(error))) => match *error {
                NovationErrors::AccessControlUnauthorizedAccount(error) => assert_eq!(error.account, bob),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
        submit(&setup, &good).await.expect("unchanged it is accepted");
    })
    .await;
}

#[tokio::test]
async fn deposits_that_the_vault_refuses_name_the_reason() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let [alice, _] = setup.depositors;
        let l1 = &setup.l1;
        let nothing = NovationErrors::DepositOfNothing(Novation::DepositOfNothing {});
        refused(l1.deposit(alice, &deposit_request(1, 0)).await, nothing);
        let mut foreign = deposit_request(1, 5);
        foreign.slot = Some(1);
        let unassigned = Novation::SlotNotAssigned { slot: U24::from(1), nextSlot: 1 };
        refused(l1.deposit(alice, &foreign).await, NovationErrors::SlotNotAssigned(unassigned));
        // Once a slot is assigned, anybody may pay into it.
        assert_eq!(setup.deposit(alice, 1, 5).await, (0, 1));
        assert_eq!(l1.deposit(alice, &foreign).await.map(|(index, slot, _)| (index, slot)).expect("queued"), (1, 1));
        let mut off_curve = deposit_request(1, 5);
        off_curve.owner_eighth[0] += ark_bn254::Fr::from(1);
        match l1.deposit(alice, &off_curve).await {
            Err(error) => assert!(error.contract_error().is_some(), "{error}"),
            Ok(_) => panic!("a key off the curve was queued"),
        }
        // More than was approved: the token's own error, passed through.
        match l1.deposit(alice, &deposit_request(1, FUNDS)).await {
            Err(L1Error::Reverted(Revert::Other(data))) => assert_eq!(data[..4], [0xfb, 0x8f, 0x41, 0xb2]),
            other => panic!("{other:?}"),
        }
    })
    .await;
}
