//! `novation trade`: a trader's commands.

pub mod args;
mod session;
mod show;

use crate::client::events::{Events, Update};
use crate::client::verify::{instrument_of, Verified};
use crate::client::wallet::parse_hex;
use crate::client::{decimal, l1, ClientError, NewOrder, Placed, Trader, Wallet};
use crate::wire::{ExecutionName, InstrumentView, Micro, Receipt, WhatIfOrder, WhatIfRequest};
use alloy::eips::BlockId;
use alloy::primitives::{Address, U256};
use anyhow::{bail, Context};
use args::{Action, OrderArgs, Trade};
use novation_state::message::Side;
use novation_state::units::{AccountSlot, Cash, Fee, InstrumentId, Lots, Time};
use serde_json::{json, Value};
use session::{wallet_path, Session};
use show::Names;
use std::io::Read;
use zeroize::Zeroizing;

/// Runs a trader's command.
///
/// # Errors
/// Whatever stopped it, with what to do about it.
pub fn run(args: &Trade) -> anyhow::Result<()> {
    match &args.action {
        Action::Keygen { restore } => keygen(args, *restore),
        Action::ViewingKey => viewing_key(args),
        _ => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(online(args))
        }
    }
}

async fn online(args: &Trade) -> anyhow::Result<()> {
    let session = Session::open(args).await?;
    match &args.action {
        Action::Keygen { .. } | Action::ViewingKey => unreachable!("need no venue"),
        Action::Markets => {
            let instruments = session.rest.instruments().await?;
            print(args, || json!(instruments), || show::markets(&instruments))
        }
        Action::Watch { public } => watch(args, &session, *public).await,
        Action::Deposit { amount, l1 } => deposit(args, &session, amount, l1).await,
        Action::Claim { to, l1 } => claim(args, &session, to.map(Address::from), l1).await,
        _ => account_command(args, &session).await,
    }
}

async fn account_command(args: &Trade, session: &Session) -> anyhow::Result<()> {
    let mut trader = session.trader(args).await?;
    let now = session.now()?;
    match &args.action {
        Action::Order { order, this_window, valid_for, valid_until } => {
            let instruments = session.rest.instruments().await?;
            let (execution, valid_until) = match (this_window, valid_until) {
                (true, _) => (ExecutionName::ThisWindow, now.get() + valid_for),
                (false, Some(moment)) => (ExecutionName::UntilValid, *moment),
                (false, None) => (ExecutionName::UntilValid, now.get() + valid_for),
            };
            let order = read_order(order, &instruments, Time::new(valid_until)?, execution)?;
            placed(args, &trader.order(&order, now).await?, "order")
        }
        Action::Cancel { order } => {
            placed(args, &trader.cancel(order.order_slot, order.nonce, now).await?, "cancellation")
        }
        Action::CancelAll => placed(args, &trader.cancel_all(now).await?, "end of every order"),
        Action::Withdraw { amount, to } => {
            if *to == [0; 20] {
                bail!("address 0 cannot claim anything: name your own with --to");
            }
            let amount = Cash::try_from(decimal::amount(amount)?)?;
            placed(args, &trader.withdraw(amount, *to, now).await?, "withdrawal")
        }
        Action::Rotate => {
            let outcome = trader.rotate(now).await?;
            placed(args, &outcome, "rotation")?;
            if !args.json {
                println!("both keys are in the wallet until a batch has carried it out; back it up now");
            }
            Ok(())
        }
        Action::Resend => resend(args, &mut trader).await,
        Action::Account { l1 } => {
            let l1 = match l1 {
                Some(url) => Some(session.l1_to_read(url).await?),
                None => None,
            };
            let verified = trader.verified(now, l1.as_ref()).await?;
            print(args, || account_json(&verified), || show::account(&verified))
        }
        Action::Orders => {
            let orders = trader.orders(now).await?;
            let instruments = session.rest.instruments().await?;
            let pending = trader.journal().pending();
            let text = || show::orders(&orders, pending, &Names(&instruments));
            print(args, || json!({ "orders": orders, "pending": pending }), text)
        }
        Action::Fills { after } => {
            let credential = trader.credential(now);
            let fills = session.rest.fills(&credential, *after).await?;
            let instruments = session.rest.instruments().await?;
            print(args, || json!(fills), || show::fills(&fills, &Names(&instruments)))
        }
        Action::Credential => {
            let credential = trader.credential(now);
            let json = || json!({ "authorization": credential.header, "expires": credential.expires });
            print(args, json, || format!("{}\n", credential.header))
        }
        Action::WhatIf { order } => {
            let instruments = session.rest.instruments().await?;
            let order = read_order(order, &instruments, Time::MAX, ExecutionName::UntilValid)?;
            let asked = WhatIfOrder {
                instrument: order.instrument,
                side: order.side.into(),
                lots: order.lots,
                limit: order.limit,
                peg_offset: order.peg_offset,
                fee_cap: Some(Micro(order.fee_cap.wide())),
                reduce_only: order.reduce_only,
            };
            let credential = trader.credential(now);
            let view = session.rest.what_if(&credential, &WhatIfRequest { orders: vec![asked] }).await?;
            print(args, || json!(view), || show::what_if(&view))
        }
        _ => unreachable!("matched before"),
    }
}

fn keygen(args: &Trade, restore: bool) -> anyhow::Result<()> {
    let path = wallet_path(args);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let wallet = if restore {
        let mut text = Zeroizing::new(String::with_capacity(256));
        std::io::stdin().take(255).read_to_string(&mut text).context("cannot read the seed")?;
        let seed = parse_hex(text.trim()).context("a seed is 0x and 64 hexadecimal digits")?;
        Wallet::create_from(&path, *seed)?
    } else {
        Wallet::create(&path)?
    };
    let owner = crate::wire::PointJson::from(wallet.owner());
    let viewing = crate::wire::PointJson::from(wallet.viewing().public());
    print(
        args,
        || json!({ "wallet": path, "owner": owner, "viewing": viewing }),
        || format!("{}: back it up, whoever has it has the account\nowner key {}\n", path.display(), owner.x),
    )
}

fn viewing_key(args: &Trade) -> anyhow::Result<()> {
    let wallet = Wallet::open(&wallet_path(args))?;
    let key = Zeroizing::new(format!("0x{}", hex::encode(wallet.viewing().to_bytes())));
    print(args, || json!({ "viewing_key": *key }), || format!("{}\n", *key))
}

async fn deposit(args: &Trade, session: &Session, amount: &str, l1_args: &args::L1Args) -> anyhow::Result<()> {
    let amount = u128::try_from(decimal::amount(amount)?)?;
    let (wallet, mut pin, pinned) = session.wallet(args)?;
    let (chain, from) = session.l1(l1_args).await?;
    if l1_args.dev.is_some() {
        let minted =
            novation_verifier::devnet::mint(chain.provider(), from, chain.collateral(), from, U256::from(amount)).await;
        minted.context("this L1's collateral cannot be minted: it is no development L1")?;
    }
    let slot = pin.account.map(|account| u32::try_from(account.get())).transpose()?;
    let deposited = l1::deposit(&chain, from, &wallet, slot, amount).await?;
    let account = AccountSlot::new(deposited.account.into())?;
    pin.account = Some(account);
    pin.save(&pinned)?;
    print(
        args,
        || json!({ "account": account, "index": deposited.index }),
        || {
            let index = deposited.index;
            format!("account {account}, deposit {index} of L1: credited by a batch once its block is final\n")
        },
    )
}

async fn claim(args: &Trade, session: &Session, to: Option<Address>, l1_args: &args::L1Args) -> anyhow::Result<()> {
    let (chain, from) = session.l1(l1_args).await?;
    let owed = chain.claimable(from, BlockId::latest()).await?;
    if owed.is_zero() {
        bail!("nothing is claimable by {from} yet: a withdrawal is once L1 has accepted its batch");
    }
    let to = to.unwrap_or(from);
    let receipt = chain.claim(from, to).await?;
    let micro = i128::try_from(owed).ok().context("L1 owes more than there is")?;
    let transaction = receipt.transaction_hash;
    print(
        args,
        || json!({ "amount": micro.to_string(), "to": to, "transaction": transaction }),
        || format!("{} paid to {to}\n", decimal::dollars(micro)),
    )
}

async fn resend(args: &Trade, trader: &mut Trader) -> anyhow::Result<()> {
    let outcomes = trader.resend().await?;
    let said = |outcome: &Result<Placed, ClientError>| match outcome {
        Ok(placed) => format!("taken in at log position {}", placed.receipt.receipt.position),
        Err(error) => error.to_string(),
    };
    let row = |(sent, outcome): &(crate::client::Sent, _)| json!({ "order_slot": sent.order_slot, "nonce": sent.nonce, "outcome": said(outcome) });
    print(
        args,
        || outcomes.iter().map(row).collect(),
        || match outcomes.is_empty() {
            true => "every message has its answer\n".to_owned(),
            false => outcomes.iter().map(|(s, o)| format!("{}:{}  {}\n", s.order_slot, s.nonce, said(o))).collect(),
        },
    )
}

async fn watch(args: &Trade, session: &Session, public: bool) -> anyhow::Result<()> {
    let mut trader = if public { None } else { Some(session.trader(args).await?) };
    let instruments = session.rest.instruments().await?;
    let mut events = Events::new(&session.rest);
    loop {
        let credential = match &mut trader {
            Some(trader) => Some(trader.credential(session.now()?)),
            None => None,
        };
        match events.next(credential.as_ref()).await {
            Ok(Update::Connected) => eprintln!("connected to {}", args.url),
            Ok(Update::Quiet) => {}
            Ok(Update::Event(event)) if args.json => println!("{}", serde_json::to_string(&event)?),
            Ok(Update::Event(event)) => println!("{}", show::event(&event, &Names(&instruments))),
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// The order that was asked for: by name, on the grids of its asset.
fn read_order(
    args: &OrderArgs,
    instruments: &[InstrumentView],
    valid_until: Time,
    execution: ExecutionName,
) -> anyhow::Result<NewOrder> {
    let (view, terms) = instrument_of(instruments, &args.instrument)?;
    let lots = match (&args.quantity, args.lots) {
        (Some(coins), _) => decimal::coins(terms.asset, coins)?,
        (None, Some(lots)) => Lots::new(lots)?,
        (None, None) => bail!("how many? a quantity in coins, or --lots"),
    };
    let fee_cap = match &args.max_fee {
        Some(fee) => decimal::fee(fee)?,
        // The fee follows the mark: a cap at today's would keep the order out as soon as the market rises.
        None => Fee::try_from((2 * view.fee.0).min(Fee::MAX.wide()))?,
    };
    Ok(NewOrder {
        instrument: InstrumentId::new(view.id)?,
        side: if args.side == "buy" { Side::Buy } else { Side::Sell },
        lots,
        limit: decimal::price(terms.asset, &args.limit)?,
        peg_offset: args.peg.as_ref().map(|peg| decimal::offset(terms.asset, peg)).transpose()?,
        valid_until,
        fee_cap,
        reduce_only: args.reduce_only,
        execution,
    })
}

fn placed(args: &Trade, placed: &Placed, what: &str) -> anyhow::Result<()> {
    let Placed { order_slot, nonce, receipt, .. } = placed;
    print(
        args,
        || json!({ "order_slot": order_slot, "nonce": nonce, "receipt": Receipt::from(*receipt) }),
        || {
            let position = receipt.receipt.position;
            format!(
                "{what} {order_slot}:{nonce} is in the log at position {position}; the receipt is signed and checked\n"
            )
        },
    )
}

fn account_json(verified: &Verified) -> Value {
    json!({
        "account": verified.view,
        "batch": verified.batch,
        "root": crate::wire::Word(verified.root),
        "computed": verified.standing,
        "on_l1": format!("{:?}", verified.on_l1),
        "markets_on_l1": format!("{:?}", verified.markets_on_l1),
    })
}

fn print(args: &Trade, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    if args.json {
        println!("{}", serde_json::to_string_pretty(&json())?);
    } else {
        print!("{}", text());
    }
    Ok(())
}
