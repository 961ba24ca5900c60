use super::*;

fn account() -> AccountSlot {
    AccountSlot::new(7).unwrap()
}

fn open(path: &Path) -> Journal {
    Journal::open(path, &Fr::from(9), account()).unwrap()
}

fn at(seconds: i64) -> Time {
    Time::new(seconds).unwrap()
}

/// An order; its hash is its nonce.
fn order(order_slot: u8, nonce: u32, valid_until: i64) -> Sent {
    Sent {
        hash: to_hex_word(&Fr::from(nonce)),
        order_slot,
        nonce,
        valid_until: Some(valid_until),
        time: 5,
        path: "/v1/orders".into(),
        body: format!("{{\"nonce\":{nonce},\"text\":\"line\\nline\"}}"),
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    (folder, path)
}

#[test]
fn a_crash_between_write_and_send_leaves_the_same_bytes_to_send_and_no_nonce_twice() {
    let (_folder, path) = folder();
    let mut journal = open(&path);
    let nonce = journal.next_nonce(at(100)).unwrap();
    assert_eq!(nonce, 100, "at least the time");
    let sent = order(journal.order_slot(at(100)).unwrap(), nonce, 400);
    journal.record(sent.clone()).unwrap();
    drop(journal);

    let mut journal = open(&path);
    assert_eq!(journal.pending(), std::slice::from_ref(&sent));
    assert_eq!(journal.next_nonce(at(100)).unwrap(), 101);
    assert_eq!(journal.order_slot(at(100)).unwrap(), 1, "the slot is taken: the order may be resting");
    journal.answer(&Fr::from(nonce), Outcome::Accepted).unwrap();
    drop(journal);

    let journal = open(&path);
    assert_eq!(journal.pending(), []);
    assert_eq!(journal.next_nonce(at(100)).unwrap(), 101);
    assert_eq!(journal.order_slot(at(400)).unwrap(), 1, "the order rests until 400");
    let free: Vec<u8> = (0..2).map(|_| journal.order_slot(at(401)).unwrap()).collect();
    assert_eq!(free, [1, 1], "slot 1 was never used, slot 0 was");
}

#[test]
fn a_file_torn_at_any_byte_of_its_last_line_opens_without_that_line() {
    let (_folder, path) = folder();
    let mut journal = open(&path);
    journal.record(order(0, 100, 400)).unwrap();
    let before = std::fs::read(&path).unwrap();
    journal.record(order(1, 101, 400)).unwrap();
    drop(journal);
    let after = std::fs::read(&path).unwrap();
    for torn in before.len()..after.len() {
        std::fs::write(&path, &after[..torn]).unwrap();
        let mut journal = open(&path);
        assert_eq!(journal.pending(), [order(0, 100, 400)], "torn at {torn}");
        // What is written next starts a line of its own.
        journal.record(order(2, 102, 500)).unwrap();
        drop(journal);
        assert_eq!(open(&path).pending(), [order(0, 100, 400), order(2, 102, 500)], "torn at {torn}");
    }
}

#[test]
fn a_damaged_line_in_the_middle_is_refused_with_its_number() {
    let (_folder, path) = folder();
    open(&path).record(order(0, 100, 400)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("order_slot", "order_slit", 1)).unwrap();
    let refused = Journal::open(&path, &Fr::from(9), account()).unwrap_err();
    assert!(matches!(refused, JournalError::Content { line: 2, .. }), "{refused}");
    std::fs::write(&path, text.lines().nth(1).unwrap().to_owned() + "\n").unwrap();
    let refused = Journal::open(&path, &Fr::from(9), account()).unwrap_err();
    let first = "a journal has its header first, and once";
    assert!(matches!(&refused, JournalError::Content { line: 1, reason, .. } if reason == first), "{refused}");
}

#[test]
fn the_journal_of_another_account_or_deployment_is_refused() {
    let (_folder, path) = folder();
    drop(open(&path));
    for (deployment, slot) in [(9, 8), (10, 7)] {
        let slot = AccountSlot::new(slot).unwrap();
        let refused = Journal::open(&path, &Fr::from(deployment), slot).unwrap_err();
        assert!(matches!(refused, JournalError::Foreign { found: 7, .. }), "{refused}");
    }
}

#[test]
fn two_processes_cannot_use_one_journal() {
    let (_folder, path) = folder();
    let first = open(&path);
    let refused = Journal::open(&path, &Fr::from(9), account()).unwrap_err();
    assert!(matches!(refused, JournalError::Locked(at) if at == path));
    drop(first);
    open(&path);
}

#[test]
fn refused_orders_free_their_slot_and_keep_their_nonce() {
    let (_folder, path) = folder();
    let mut journal = open(&path);
    for slot in 0..COMMAND_SLOT {
        journal.record(order(slot, 100 + u32::from(slot), 400)).unwrap();
    }
    assert!(matches!(journal.order_slot(at(400)), Err(JournalError::NoFreeSlot)));
    journal.answer(&Fr::from(117), Outcome::Refused).unwrap();
    assert_eq!(journal.order_slot(at(400)).unwrap(), 17);
    journal.answer(&Fr::from(120), Outcome::Accepted).unwrap();
    assert_eq!(journal.order_slot(at(400)).unwrap(), 17, "an accepted order rests");
    journal.over(18, 999).unwrap();
    journal.over(19, 119).unwrap();
    drop(journal);
    let mut journal = open(&path);
    let nonce = journal.next_nonce(at(1)).unwrap();
    assert_eq!(nonce, 355);
    journal.record(order(17, nonce, 400)).unwrap();
    assert_eq!(
        journal.order_slot(at(400)).unwrap(),
        19,
        "the one that is over; a nonce that is not held frees nothing"
    );
}

#[test]
fn a_cancellation_shares_its_orders_nonce_and_does_not_answer_for_it() {
    let mut journal = Journal::in_memory();
    journal.record(order(3, 100, 400)).unwrap();
    let cancel = Sent { hash: to_hex_word(&Fr::from(77)), valid_until: None, ..order(3, 100, 0) };
    journal.record(cancel.clone()).unwrap();
    journal.answer(&Fr::from(77), Outcome::Accepted).unwrap();
    assert_eq!(journal.pending(), [order(3, 100, 400)]);
}

#[test]
fn what_the_venue_has_seen_is_never_signed_again() {
    let (_folder, path) = folder();
    let mut journal = open(&path);
    journal.seen(COMMAND_SLOT, 5_000).unwrap();
    journal.seen(COMMAND_SLOT, 4_000).unwrap();
    drop(journal);
    let mut journal = open(&path);
    assert_eq!(journal.next_nonce(at(10)).unwrap(), 5_001);
    journal.seen(0, u32::MAX).unwrap();
    assert!(matches!(journal.next_nonce(at(10)), Err(JournalError::NoncesUsed)));
}

#[test]
fn a_long_journal_is_rewritten_and_says_the_same() {
    let (_folder, path) = folder();
    let mut journal = open(&path);
    // An accepted order that rests, a pending one, and a pending cancellation; then a long past in one slot.
    journal.record(order(1, 100, 9_000)).unwrap();
    journal.answer(&Fr::from(100), Outcome::Accepted).unwrap();
    journal.record(order(2, 101, 9_000)).unwrap();
    let cancel = Sent { hash: to_hex_word(&Fr::from(1)), valid_until: None, ..order(1, 100, 0) };
    journal.record(cancel.clone()).unwrap();
    // Written at once: a sync a line would take this test a minute.
    let mut file = journal.file.take().unwrap();
    let mut past = Vec::new();
    for nonce in 200..200 + MAX_LINES as u32 {
        past.extend(bytes(&Line::Sent(order(0, nonce, 300))));
        past.extend(bytes(&Line::Done { hash: to_hex_word(&Fr::from(nonce)), outcome: Outcome::Accepted }));
    }
    file.write_all(&past).unwrap();
    drop((file, journal));

    let last = 200 + MAX_LINES as u32 - 1;
    for _ in 0..2 {
        let journal = open(&path);
        assert_eq!(journal.pending(), [order(2, 101, 9_000), cancel.clone()]);
        assert_eq!(journal.next_nonce(at(0)).unwrap(), last + 1);
        let slots = &journal.slots;
        assert_eq!((slots[&1].order, slots[&2].order), (Some((100, 9_000)), Some((101, 9_000))));
        drop(journal);
        assert!(std::fs::read_to_string(&path).unwrap().lines().count() < 12);
    }
}

#[test]
fn after_a_failed_write_nothing_more_is_recorded() {
    let (_folder, path) = folder();
    let mut journal = open(&path);
    // A handle that cannot write stands for a full disk.
    journal.file = Some(File::open(&path).unwrap());
    assert!(matches!(journal.record(order(0, 100, 400)), Err(JournalError::Io { .. })));
    assert_eq!(journal.pending(), [], "what was not written is not sent");
    assert!(matches!(journal.record(order(0, 101, 400)), Err(JournalError::Broken(_))));
}
