//! Deposits lane: the k-th entry of the L1 queue is credited exactly when it can be.
//!
//! Statement of entry i: if active, its outcome is "credited" if and only if both keys are valid (not the identity; they are
//! 8 times points of the curve, so they lie in the prime subgroup), they are the account's keys (an unopened account takes
//! these), and the cash bound holds. There is no freedom to refund: an operator cannot turn a depositor away.
//!
//! At most one deposit an account and batch (`account.one_deposit`), so the old leaf decides.

use super::accounts::old::Old;
use super::header::Header;
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::babyjub::SubgroupPoint;
use crate::gadgets::bits;
use ark_bn254::Fr;
use novation_state::crypto::babyjub::BASE8;
use novation_state::size::Size;
use novation_state::trace::{BatchTrace, DepositTrace};
use novation_state::units::{pow2, AMOUNT_BITS, CASH_BITS, SLOT_BITS};

/// Wires of a deposit.
pub struct Deposit {
    /// The five words of D.
    pub words: [Lc; 5],
    /// Per account entry: this deposit names it.
    pub at: Vec<Bit>,
    /// Per account entry: amount credited.
    pub amounts: Vec<Lc>,
    /// Per account entry: 1 if credited.
    pub credits: Vec<Lc>,
}

fn deposit(cs: &mut Cs, old: &[Old], slots: &[Lc], active: &Bit, input: Option<&DepositTrace>) -> Deposit {
    let of = |f: &dyn Fn(&DepositTrace) -> Fr| input.map(f).unwrap_or_default();
    let owner_eighth =
        (cs.alloc("deposit.key", || of(&|d| d.owner_eighth.x)), cs.alloc("deposit.key", || of(&|d| d.owner_eighth.y)));
    let viewing_eighth = (
        cs.alloc("deposit.key", || of(&|d| d.viewing_eighth.x)),
        cs.alloc("deposit.key", || of(&|d| d.viewing_eighth.y)),
    );
    let slot = cs.alloc("deposit.slot", || of(&|d| d.account.into()));
    let amount = cs.alloc("deposit.amount", || of(&|d| d.amount.into()));
    bits::range(cs, "deposit.slot_range", &slot, SLOT_BITS);
    bits::range(cs, "deposit.amount_range", &amount, AMOUNT_BITS);

    let idle = active.not();
    let packed = &slot + &amount * pow2(SLOT_BITS);
    for zero in [&owner_eighth.0, &owner_eighth.1, &viewing_eighth.0, &viewing_eighth.1, &packed] {
        cs.enforce("deposit.padding_is_zero", idle.lc(), zero, &Lc::zero());
    }
    // The contract has checked the curve equation as well, so every queued deposit can be processed.
    let key = |cs: &mut Cs, eighth: &(Lc, Lc)| {
        let x = cs.select("deposit.key", active, &eighth.0, &Lc::constant(BASE8.x));
        let y = cs.select("deposit.key", active, &eighth.1, &Lc::constant(BASE8.y));
        let key = SubgroupPoint::mul8(cs, &x, &y);
        (key.curve().x().clone(), key.curve().y().clone())
    };
    let owner = key(cs, &owner_eighth);
    let viewing = key(cs, &viewing_eighth);

    // SOUND: slots are distinct (account.sorted).
    let at = bits::one_hot(cs, "deposit.account", slots, &slot, active);
    let column = |cs: &mut Cs, f: &dyn Fn(&Old) -> &Lc| {
        bits::pick(cs, "deposit.pick", &at, &old.iter().map(|o| f(o).clone()).collect::<Vec<_>>())
    };
    let was = Bit::unchecked(column(cs, &|o| o.was.lc())); // SOUND: picked from proven bits.
    let cash = column(cs, &|o| &o.cash);
    let keys = [
        (column(cs, &|o| &o.owner.0), &owner.0),
        (column(cs, &|o| &o.owner.1), &owner.1),
        (column(cs, &|o| &o.viewing.0), &viewing.0),
        (column(cs, &|o| &o.viewing.1), &viewing.1),
    ];
    let mut equal = Lc::one();
    for (mine, theirs) in &keys {
        let same = bits::is_zero(cs, "deposit.same_keys", &(mine - *theirs));
        equal = cs.mul("deposit.same_keys", &equal, same.lc());
    }
    // In the prime subgroup only the identity has x = 0.
    let owner_valid = bits::is_zero(cs, "deposit.key_not_identity", &owner.0).not();
    let viewing_valid = bits::is_zero(cs, "deposit.key_not_identity", &viewing.0).not();
    let valid = cs.mul("deposit.key_not_identity", owner_valid.lc(), viewing_valid.lc());
    // |cash| < 2^106, amount < 2^96: the sum is within the bound if 2^106 - 1 - sum >= 0.
    let room = Lc::constant(pow2(CASH_BITS)) - Lc::one() - &cash - &amount;
    let fits = bits::is_nonnegative(cs, "deposit.fits", &room, CASH_BITS + 1);

    let known = cs.mul("deposit.outcome", &equal, fits.lc());
    let acceptable = cs.select("deposit.outcome", &was, &known, &Lc::one());
    let possible = cs.mul("deposit.outcome", active.lc(), &valid);
    let credited = cs.mul("deposit.outcome", &possible, &acceptable);
    // An account opened by this deposit takes its keys.
    cs.enforce("deposit.opens_with_its_keys", &credited, &(Lc::one() - &equal), &Lc::zero());

    let credited_amount = cs.mul("deposit.credit", &credited, &amount);
    let amounts = at.iter().map(|h| cs.mul("deposit.credit", h.lc(), &credited_amount)).collect();
    let credits = at.iter().map(|h| cs.mul("deposit.credit", h.lc(), &credited)).collect();
    let info = packed + &credited * pow2(120) + active.lc() * pow2(121);
    let words = [owner_eighth.0, owner_eighth.1, viewing_eighth.0, viewing_eighth.1, info];
    Deposit { words, at, amounts, credits }
}

/// All deposits; the header's count says how many are active.
pub fn deposits(cs: &mut Cs, size: &Size, header: &Header, old: &[Old], trace: Option<&BatchTrace>) -> Vec<Deposit> {
    cs.scope("deposits", 0);
    let active = bits::prefix(cs, "deposit.active", header.deposit_count(), size.deposits);
    let slots: Vec<Lc> = old.iter().map(|o| o.slot.clone()).collect();
    cs.parallel("deposits", size.deposits, |cs, i| {
        deposit(cs, old, &slots, &active[i], trace.and_then(|t| t.deposits.get(i)))
    })
}
