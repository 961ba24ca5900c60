//! The client against the real service: engine, log in SQLite, REST and WebSocket. Proofs alone are left out; the clock is the test's.

use crate::client::account::perpetual;
use crate::client::kit::{operator, run, CHAIN, NOW};
use novation_api::client::events::{Events, Update};
use novation_api::client::verify::OnL1;
use novation_api::client::{ClientError, Http, Journal, NewOrder, Rest, Retry, Trader, Wallet};
use novation_api::rest::{serve, ApiState, Books, Limits, Metrics, Publication, Venue};
use novation_api::wire::{
    AccountEvent, Cadence, CommandState, Event as Heard, ExecutionName, OrderState, SideName, WhatIfOrder,
    WhatIfRequest,
};
use novation_sequencer::durable::{recover, Handle, Limits as WriterLimits, SqlStore, Writer};
use novation_sequencer::log::Head;
use novation_sequencer::{Config, Effect, Engine, Event};
use novation_state::crypto::viewing::ViewingKey;
use novation_state::ledger::{Deployment, Ledger};
use novation_state::markets::Markets;
use novation_state::message::Side;
use novation_state::size::TINY;
use novation_state::transition::Deposit;
use novation_state::units::{AccountSlot, Amount, Cash, Fee, InstrumentId, Lots, Ticks, Time};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;
use tokio::net::TcpListener;

const CONTRACT: [u8; 20] = [0xc0; 20];

/// The service, with the operator's side in the test's hands.
struct Service {
    handle: Handle,
    rest: Rest,
    clock: Arc<AtomicI64>,
    deposits: u64,
}

impl Service {
    async fn start(folder: &Path) -> Service {
        let deployment = Deployment::new(CHAIN, CONTRACT);
        let ledger = Ledger::genesis(deployment, ViewingKey::from_seed(&[77; 32]).public());
        let books = Books::new(&ledger, &Markets::new(), Publication::PricesAndLots);
        let root = Head::genesis(deployment.id).root;
        let config = Config { size: TINY, max_unproven: 1, secret: [5; 32], circuit: Box::new(|_: &_| Ok(())) };
        let engine = Engine::new(config, ledger, Markets::new(), root);
        let mut store = SqlStore::open(&format!("sqlite:{}", folder.join("log").display())).await.unwrap();
        let mut observer = books.observer();
        let recovered = recover(&mut store, engine, None, &mut observer).await.unwrap();
        let clock = Arc::new(AtomicI64::new(NOW));
        let now = |clock: &Arc<AtomicI64>| {
            let clock = clock.clone();
            move || Time::new(clock.load(Ordering::SeqCst)).unwrap()
        };
        let limits = WriterLimits::default();
        let (handle, _) = Writer::spawn(store, recovered, operator(), Box::new(now(&clock)), observer, limits);
        let venue = Venue {
            deployment,
            contract: CONTRACT,
            collateral: [0xdd; 20],
            l1_url: None,
            operator: operator().public(),
            size: TINY,
            verifying_key: [0; 32],
            cadence: Cadence { window: 5, batch: 60, markets: 300 },
            max_unproven: 1,
        };
        let metrics = Arc::new(Metrics::new());
        let state = ApiState::new(handle.clone(), books, venue, Arc::new(now(&clock)), Limits::default(), metrics);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, state, axum::Router::new(), std::future::pending()));
        let rest = Rest::new(Http::new(&url, Retry::default()).unwrap());
        let service = Service { handle, rest, clock, deposits: 0 };
        let listed = vec![(InstrumentId::new(1).unwrap(), perpetual())];
        service.handle.event(Event::Markets(listed)).await.unwrap();
        service
    }

    fn now(&self) -> Time {
        Time::new(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    /// 10,000 dollars into account `slot`, as if L1 had said so.
    async fn deposit(&mut self, wallet: &Wallet, slot: i64) {
        let [owner_eighth, viewing_eighth] = wallet.eighths();
        let amount = Amount::new(10_000_000_000).unwrap();
        let deposit = Deposit { account: AccountSlot::new(slot).unwrap(), owner_eighth, viewing_eighth, amount };
        self.handle.event(Event::Deposit { index: self.deposits, deposit }).await.unwrap();
        self.deposits += 1;
    }

    /// Ends the window, if orders are to meet, and makes a batch that L1 accepts at once.
    async fn batch(&self, window: bool) {
        self.clock.fetch_add(5, Ordering::SeqCst);
        if window {
            self.handle.event(Event::Window).await.unwrap();
        }
        let effects = self.handle.event(Event::Batch).await.unwrap();
        let Some(Effect::BatchReady(trace)) = effects.last() else { panic!("no batch: {effects:?}") };
        self.handle.event(Event::Proven { batch: trace.header.batch }).await.unwrap();
    }

    async fn trader(&self, wallet: Wallet) -> Trader {
        let venue = self.rest.venue().await.unwrap();
        let account =
            self.rest.account_of(&wallet.owner(), &wallet.viewing().public()).await.unwrap().expect("credited");
        Trader::new(self.rest.clone(), venue, wallet, Journal::in_memory(), account)
    }

    fn wish(&self, side: Side, lots: i64, limit: i64) -> NewOrder {
        NewOrder {
            instrument: InstrumentId::new(1).unwrap(),
            side,
            lots: Lots::new(lots).unwrap(),
            limit: Ticks::new(limit).unwrap(),
            peg_offset: None,
            valid_until: Time::new(self.now().get() + 600).unwrap(),
            fee_cap: Fee::new(40).unwrap(),
            reduce_only: false,
            execution: ExecutionName::UntilValid,
        }
    }
}

#[test]
fn two_traders_open_accounts_trade_and_verify_what_they_have() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Service::start(folder.path()).await;
        let (ann, ben) = (Wallet::in_memory([11; 32]), Wallet::in_memory([12; 32]));
        let keys = (ann.owner(), ann.viewing().public());
        assert_eq!(service.rest.account_of(&keys.0, &keys.1).await.unwrap(), None);
        service.deposit(&ann, 1).await;
        service.deposit(&ben, 2).await;
        assert_eq!(service.rest.account_of(&keys.0, &keys.1).await.unwrap(), None, "queued is not credited");
        service.batch(false).await;
        assert_eq!(
            service.rest.account_of(&keys.0, &ben.viewing().public()).await.unwrap(),
            None,
            "another viewing key"
        );
        let (mut ann, mut ben) = (service.trader(ann).await, service.trader(ben).await);
        assert_eq!((ann.account().get(), ben.account().get()), (1, 2));

        let mut events = Events::new(&service.rest);
        let credential = ann.credential(service.now());
        assert_eq!(events.next(Some(&credential)).await.unwrap(), Update::Connected);
        let Update::Event(Heard::Account(AccountEvent::Subscribed { account, .. })) =
            events.next(Some(&credential)).await.unwrap()
        else {
            panic!("subscribed first");
        };
        assert_eq!(account, 1);

        let bought = ann.order(&service.wish(Side::Buy, 100, 885_500), service.now()).await.unwrap();
        // The same bytes again are the same order.
        let sold = ben.order(&service.wish(Side::Sell, 60, 884_500), service.now()).await.unwrap();
        assert!(sold.receipt.receipt.position > bought.receipt.receipt.position);
        service.batch(true).await;

        let fill = loop {
            if let Update::Event(Heard::Account(AccountEvent::Fill { fill })) =
                events.next(Some(&credential)).await.unwrap()
            {
                break fill;
            }
        };
        assert_eq!((fill.lots, fill.side, fill.position), (60, SideName::Buy, bought.receipt.receipt.position));
        let fills = service.rest.fills(&ann.credential(service.now()), 0).await.unwrap();
        assert_eq!(fills, [fill]);

        let orders = ann.orders(service.now()).await.unwrap();
        let [order] = &orders[..] else { panic!("{orders:?}") };
        assert_eq!((order.order_slot, order.nonce, order.state), (bought.order_slot, bought.nonce, OrderState::Open));
        assert_eq!((order.filled, order.left), (60, 40));
        assert_eq!(ben.orders(service.now()).await.unwrap()[0].state, OrderState::Filled);

        for (trader, lots) in [(&mut ann, 60), (&mut ben, -60)] {
            let verified = trader.verified(service.now(), None).await.unwrap();
            assert_eq!((verified.leaf.positions[0].lots.get(), verified.on_l1), (lots, OnL1::NotAsked));
            assert_eq!((verified.batch, verified.markets_number), (2, 1));
            assert!(verified.standing.equity.0 > 0 && verified.standing.initial.0 > 0);
            assert_eq!(verified.standing, verified.view.standing);
        }

        let asked = WhatIfOrder {
            instrument: InstrumentId::new(1).unwrap(),
            side: SideName::Sell,
            lots: Lots::new(60).unwrap(),
            limit: Ticks::new(885_000).unwrap(),
            peg_offset: None,
            fee_cap: None,
            reduce_only: true,
        };
        let request = WhatIfRequest { orders: vec![asked] };
        // Ann's resting buy at 88,550 would meet her own sale.
        let answer = service.rest.what_if(&ann.credential(service.now()), &request).await.unwrap();
        assert!(!answer.orders[0].admitted, "{answer:?}");
        ann.cancel(bought.order_slot, bought.nonce, service.now()).await.unwrap();
        service.batch(false).await;
        let answer = service.rest.what_if(&ann.credential(service.now()), &request).await.unwrap();
        assert!(answer.orders[0].admitted && answer.after.initial.0 == 0, "{answer:?}");
    });
}

#[test]
fn a_raised_epoch_a_withdrawal_and_a_rotation_go_through_and_the_client_keeps_up() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Service::start(folder.path()).await;
        let path = folder.path().join("wallet");
        let wallet = Wallet::create_from(&path, [13; 32]).unwrap();
        let (old, viewing) = (wallet.owner(), wallet.viewing().public());
        service.deposit(&wallet, 1).await;
        service.batch(false).await;
        let mut trader = service.trader(wallet).await;

        let order = trader.order(&service.wish(Side::Buy, 5, 885_000), service.now()).await.unwrap();
        trader.cancel_all(service.now()).await.unwrap();
        let early = trader.order(&service.wish(Side::Buy, 5, 885_000), service.now()).await.unwrap_err();
        assert!(matches!(&early, ClientError::Refused(refusal) if refusal.detail.code == "epoch_ends"), "{early}");
        service.batch(false).await;
        // Signed for the new epoch, in another order slot than the order that the venue still shows.
        let next = trader.order(&service.wish(Side::Buy, 5, 885_000), service.now()).await.unwrap();
        assert!(next.nonce > order.nonce);
        trader.cancel(next.order_slot, next.nonce, service.now()).await.unwrap();
        service.batch(false).await;

        let before = trader.verified(service.now(), None).await.unwrap();
        assert_eq!((before.leaf.epoch, before.standing.equity.0), (1, 10_000_000_000));
        trader.withdraw(Cash::new(250_000_000).unwrap(), [0xab; 20], service.now()).await.unwrap();
        service.batch(false).await;
        assert_eq!(trader.verified(service.now(), None).await.unwrap().standing.equity.0, 9_750_000_000);
        let credential = trader.credential(service.now());
        let commands = service.rest.commands(&credential).await.unwrap();
        assert!(commands.iter().all(|command| command.state == CommandState::Executed), "{commands:?}");
        assert_eq!(commands.len(), 3);

        trader.rotate(service.now()).await.unwrap();
        assert!(!trader.settle_rotation().await.unwrap(), "no batch has it yet");
        assert_eq!(trader.wallet().owner(), old);
        service.batch(false).await;
        assert!(trader.settle_rotation().await.unwrap());
        assert_ne!(trader.wallet().owner(), old);
        assert_eq!(Wallet::open(&path).unwrap().owner(), trader.wallet().owner());
        trader.order(&service.wish(Side::Sell, 5, 885_000), service.now()).await.unwrap();
        let verified = trader.verified(service.now(), None).await.unwrap();
        assert_eq!((verified.leaf.viewing, verified.leaf.epoch), (viewing, 2));
    });
}

#[test]
fn a_client_without_its_journal_goes_on_behind_the_nonces_that_the_service_knows() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Service::start(folder.path()).await;
        service.deposit(&Wallet::in_memory([14; 32]), 1).await;
        service.batch(false).await;
        let mut trader = service.trader(Wallet::in_memory([14; 32])).await;
        let first = trader.order(&service.wish(Side::Buy, 5, 885_000), service.now()).await.unwrap();
        let second = trader.order(&service.wish(Side::Buy, 5, 885_000), service.now()).await.unwrap();
        assert_eq!((first.order_slot, second.order_slot), (0, 1));
        // The file is gone; the clock went back, so that the time does not help.
        let mut again = service.trader(Wallet::in_memory([14; 32])).await;
        let past = Time::new(service.now().get() - 60).unwrap();
        let third = again.order(&service.wish(Side::Buy, 5, 885_000), past).await.unwrap();
        assert!(third.nonce > second.nonce, "{third:?}");
        assert_eq!(third.order_slot, 2, "it replaces none of the orders that rest");
        let open = again.orders(service.now()).await.unwrap();
        assert_eq!(open.iter().filter(|order| order.state == OrderState::Open).count(), 3);
    });
}
