//! The command line of `novation trade`.

use crate::calendar;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `trade`.
#[derive(Args, Clone, Debug)]
pub struct Trade {
    /// URL of the venue's public port.
    #[arg(long, value_name = "URL", env = "NOVATION_URL", default_value = "http://127.0.0.1:8080", global = true)]
    pub url: String,
    /// Wallet file [default: novation/wallet in the user's configuration folder].
    #[arg(long, value_name = "FILE", env = "NOVATION_WALLET", global = true)]
    pub wallet: Option<PathBuf>,
    /// Prints JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// Takes the time from the venue: for a node whose clock is simulated.
    #[arg(long, global = true)]
    pub venue_clock: bool,
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What a trader does.
#[derive(Subcommand, Clone, Debug)]
pub enum Action {
    /// Makes a wallet: a fresh seed in a file that only you can read.
    #[command(after_help = "Example: novation trade --wallet ann.wallet keygen")]
    Keygen {
        /// Reads the seed (0x and 64 hexadecimal digits) from standard input instead of drawing one.
        #[arg(long)]
        restore: bool,
    },
    /// Prints the viewing key, for the page or an auditor: whoever has it reads the account, past and future.
    #[command(after_help = "Example: novation trade viewing-key")]
    ViewingKey,
    /// Prints the header that private routes want, good for an hour at most: whoever has it reads the account for so long.
    #[command(
        after_help = "Example: curl -H \"Authorization: $(novation trade credential)\" http://127.0.0.1:8080/v1/account"
    )]
    Credential,
    /// Deposits collateral on L1, which opens an account the first time.
    #[command(after_help = "Examples:\n  novation trade deposit 25000 --dev 3\n  \
        NOVATION_L1_KEY=0x... novation trade deposit 25000 --l1 http://127.0.0.1:8545")]
    Deposit {
        /// Dollars.
        amount: String,
        /// L1.
        #[command(flatten)]
        l1: L1Args,
    },
    /// Sends a signed order into the next auctions.
    #[command(after_help = "Examples:\n  novation trade order buy BTC-27MAR26-100000-C 0.25 --limit 1250.5\n  \
        novation trade order sell BTC-PERP --lots 100 --limit 88000 --peg -2.5 --this-window")]
    Order {
        /// The order.
        #[command(flatten)]
        order: OrderArgs,
        /// Only in the open window.
        #[arg(long, conflicts_with_all = ["valid_for", "valid_until"])]
        this_window: bool,
        /// In every window for so many seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
        valid_for: i64,
        /// In every window until this moment, in UTC: 2026-03-27T08:00:00Z.
        #[arg(long, value_name = "TIME", conflicts_with = "valid_for", value_parser = moment)]
        valid_until: Option<i64>,
    },
    /// Ends one order.
    #[command(after_help = "Example: novation trade cancel 3:1774598400")]
    Cancel {
        /// SLOT:NONCE, as `order` and `orders` print it.
        #[arg(value_parser = order_id)]
        order: OrderId,
    },
    /// Ends every order of the account.
    #[command(after_help = "Example: novation trade cancel-all")]
    CancelAll,
    /// Has money paid out of the account, to be claimed on L1.
    #[command(after_help = "Example: novation trade withdraw 1250.50 --to 0x70997970c51812dc3a010c7d01b50e0d17dc79c8")]
    Withdraw {
        /// Dollars.
        amount: String,
        /// Who may claim it on L1.
        #[arg(long, value_name = "ADDRESS", value_parser = address)]
        to: [u8; 20],
    },
    /// Takes on L1 what withdrawals made claimable.
    #[command(after_help = "Example: novation trade claim --dev 3")]
    Claim {
        /// Who receives it [default: who claims].
        #[arg(long, value_name = "ADDRESS", value_parser = address)]
        to: Option<[u8; 20]>,
        /// L1.
        #[command(flatten)]
        l1: L1Args,
    },
    /// Replaces the key that signs by a fresh one. Every resting order ends.
    #[command(after_help = "Example: novation trade rotate")]
    Rotate,
    /// Sends again, byte for byte, what has no certain answer yet.
    #[command(after_help = "Example: novation trade resend")]
    Resend,
    /// Shows the account: opened with the viewing key, valued and compared with the venue's words.
    #[command(after_help = "Examples:\n  novation trade account\n  novation trade account --l1 http://127.0.0.1:8545")]
    Account {
        /// Also compares the roots with those that the contract on this L1 accepted.
        #[arg(long, value_name = "URL", env = "NOVATION_L1")]
        l1: Option<String>,
    },
    /// Lists the own orders, those without a certain answer included.
    #[command(after_help = "Example: novation trade orders")]
    Orders,
    /// Lists the own fills.
    #[command(after_help = "Example: novation trade fills --after 120 --json")]
    Fills {
        /// Only those after this number.
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: u64,
    },
    /// Lists what is traded, with marks.
    #[command(after_help = "Example: novation trade markets")]
    Markets,
    /// Says what happens until interrupted: windows, batches, own orders and fills.
    #[command(after_help = "Example: novation trade watch --public")]
    Watch {
        /// Without the own account: needs no wallet.
        #[arg(long)]
        public: bool,
    },
    /// Shows what an order would do to equity and margin, without sending it.
    #[command(after_help = "Example: novation trade what-if sell ETH-27MAR26-3000-P 10 --limit 80")]
    WhatIf {
        /// The order.
        #[command(flatten)]
        order: OrderArgs,
    },
}

/// An order in a trader's terms.
#[derive(Args, Clone, Debug)]
pub struct OrderArgs {
    /// buy or sell.
    #[arg(value_parser = ["buy", "sell"])]
    pub side: String,
    /// BTC-PERP, BTC-27MAR26 or BTC-27MAR26-100000-C.
    pub instrument: String,
    /// Coins.
    #[arg(required_unless_present = "lots")]
    pub quantity: Option<String>,
    /// Lots instead of coins: 0.001 BTC or 0.01 ETH each.
    #[arg(long, value_name = "N", conflicts_with = "quantity", value_parser = clap::value_parser!(i64).range(1..(1 << 40)))]
    pub lots: Option<i64>,
    /// Worst price, in dollars a coin.
    #[arg(long, value_name = "USD")]
    pub limit: String,
    /// Also not worse than the mark plus so many dollars.
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub peg: Option<String>,
    /// May only shrink the position.
    #[arg(long)]
    pub reduce_only: bool,
    /// Most fee, in dollars a lot [default: twice what the market takes now].
    #[arg(long, value_name = "USD")]
    pub max_fee: Option<String>,
}

/// Which L1, and who pays there.
#[derive(Args, Clone, Debug)]
pub struct L1Args {
    /// JSON-RPC of an L1 node [default: the venue's embedded one].
    // Not `url`: that is the venue's, and clap would take one for the other.
    #[arg(id = "l1_url", long = "l1", value_name = "URL", env = "NOVATION_L1")]
    pub url: Option<String>,
    /// File with the private key of the paying account: 0x and 64 hexadecimal digits. NOVATION_L1_KEY holds the key itself.
    #[arg(long, value_name = "FILE", conflicts_with = "dev")]
    pub l1_key: Option<PathBuf>,
    /// Pays with this account of a development L1, for which collateral is minted. The node itself uses 0 to 2.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(..1_000))]
    pub dev: Option<u16>,
}

/// An order's name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderId {
    /// Order slot.
    pub order_slot: u8,
    /// Nonce.
    pub nonce: u32,
}

fn order_id(text: &str) -> Result<OrderId, String> {
    let parse = || {
        let (slot, nonce) = text.split_once(':')?;
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let both = plain(slot) && plain(nonce);
        both.then_some(OrderId { order_slot: slot.parse().ok()?, nonce: nonce.parse().ok()? })
    };
    parse().ok_or_else(|| "not SLOT:NONCE, like 3:1774598400".to_owned())
}

fn address(text: &str) -> Result<[u8; 20], String> {
    let wrong = || "not an L1 address: 0x and 40 hexadecimal digits".to_owned();
    let mut bytes = [0; 20];
    hex::decode_to_slice(text.strip_prefix("0x").ok_or_else(wrong)?, &mut bytes).map_err(|_| wrong())?;
    let mixed = text[2..].bytes().any(|b| b.is_ascii_uppercase()) && text[2..].bytes().any(|b| b.is_ascii_lowercase());
    // A typing error in a checksummed address (EIP-55) would send money to nobody.
    if mixed && alloy::primitives::Address::from(bytes).to_checksum(None) != text {
        return Err("the address's checksum of upper and lower case (EIP-55) does not hold".to_owned());
    }
    Ok(bytes)
}

fn moment(text: &str) -> Result<i64, String> {
    calendar::parse_stamp(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn parse(line: &str) -> Result<Action, String> {
        let words = ["novation", "trade"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words) {
            Ok(Cli { command: Command::Trade(trade) }) => Ok(trade.action),
            Ok(other) => panic!("another command: {other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn an_order_is_read_with_a_negative_peg() {
        let Ok(Action::Order { order, this_window, valid_for, valid_until }) =
            parse("order sell BTC-PERP --lots 100 --limit 88000 --peg -2.5 --reduce-only --this-window")
        else {
            panic!("an order");
        };
        assert_eq!((order.side.as_str(), order.instrument.as_str(), order.lots), ("sell", "BTC-PERP", Some(100)));
        assert_eq!((order.limit.as_str(), order.peg.as_deref(), order.reduce_only), ("88000", Some("-2.5"), true));
        assert_eq!((this_window, valid_for, valid_until), (true, 3_600, None));
        let Ok(Action::Order { valid_until, .. }) =
            parse("order buy BTC-27MAR26 0.25 --limit 1 --valid-until 2026-03-27T08:00:00Z")
        else {
            panic!("an order");
        };
        assert_eq!(valid_until, Some(1_774_598_400));
    }

    #[test]
    fn contradictions_and_gaps_are_refused_with_their_names() {
        for (line, named) in [
            ("order buy BTC-PERP --limit 1", "<QUANTITY>"),
            ("order buy BTC-PERP 1", "--limit"),
            ("order buy BTC-PERP 1 --lots 2 --limit 1", "--lots"),
            ("order buy BTC-PERP --lots 0 --limit 1", "0 is not in 1..1099511627776"),
            ("order hold BTC-PERP 1 --limit 1", "[possible values: buy, sell]"),
            ("order buy BTC-PERP 1 --limit 1 --this-window --valid-for 5", "--valid-for"),
            ("order buy BTC-PERP 1 --limit 1 --valid-for 0", "0 is not in 1..=31536000"),
            ("order buy BTC-PERP 1 --limit 1 --valid-until tomorrow", "is not a time like"),
            ("deposit 5 --dev 3 --l1-key key", "--l1-key"),
            ("cancel 3", "not SLOT:NONCE"),
            ("cancel 256:1", "not SLOT:NONCE"),
            ("cancel 3:+1", "not SLOT:NONCE"),
            ("withdraw 5", "--to"),
            ("withdraw 5 --to 0x00", "not an L1 address"),
            // The last letter's case is wrong.
            ("withdraw 5 --to 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "(EIP-55) does not hold"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn addresses_are_checked_by_their_checksum_where_they_have_one() {
        // The first example of EIP-55.
        let right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        let bytes = [
            0x5a, 0xae, 0xb6, 5, 0x3f, 0x3e, 0x94, 0xc9, 0xb9, 0xa0, 0x9f, 0x33, 0x66, 0x94, 0x35, 0xe7, 0xef, 0x1b,
            0xea, 0xed,
        ];
        assert_eq!(address(right), Ok(bytes));
        assert_eq!(address(&right.to_lowercase()), address(right));
        let checksum = "the address's checksum of upper and lower case (EIP-55) does not hold";
        assert_eq!(address(&right.replace('F', "f")), Err(checksum.into()));
        for text in ["", "0x", &right[2..], "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "0xzz"] {
            assert_eq!(address(text), Err("not an L1 address: 0x and 40 hexadecimal digits".into()), "{text}");
        }
    }

    #[test]
    fn every_command_has_an_example() {
        use clap::CommandFactory;
        let cli = Cli::command();
        let trade = cli.find_subcommand("trade").unwrap();
        for command in trade.get_subcommands() {
            let help =
                command.get_after_help().unwrap_or_else(|| panic!("{} has none", command.get_name())).to_string();
            assert!(help.contains(&format!(" {}", command.get_name())), "{help}");
        }
    }
}
