//! The rules that can be switched off, and the bounds of a run.

/// One switch per rule of the protocol. `false` is the mistake that the rule prevents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// V1: FENCED while claiming is a failure like any other. Off: it is taken for having been superseded.
    pub(crate) v1_fenced_is_any_failure: bool,
    /// V2: a parked copy leaves on a release, an order or a takeover. Off: never.
    pub(crate) v2_parked_may_leave: bool,
    /// V3: the state is verified on a still picture. Off: the watermark is not looked at again.
    pub(crate) v3_still_picture: bool,
    /// V4: own claim followed by a foreign one → park. Off: who is claiming claims again.
    pub(crate) v4_followed_claim_parks: bool,
    /// V5: back-off after any failure. Off: the new attempt begins at once.
    pub(crate) v5_back_off: bool,
    /// V6: the claim record's offset must be the position p of step 3. Off: it is not compared.
    pub(crate) v6_offset_must_be_p: bool,
    /// V7: the offset is compared before events are sent. Off: before the commit.
    pub(crate) v7_offset_before_events: bool,
    /// V8: back to parking if the claim that moved it is no longer last. Off: the mandate is unconditional.
    pub(crate) v8_mandate_while_last: bool,
    /// V9: one transaction per producer. Off: the producer of a successful attempt is used again.
    pub(crate) v9_one_transaction: bool,
    /// V10: never `abort_transaction`. Off: a failed attempt aborts before it drops the producer.
    pub(crate) v10_no_abort: bool,
    /// V11: a reading belongs to the state and the claim that it began on. Off: it is kept and renumbered.
    pub(crate) v11_reading_belongs: bool,
    /// V13: the claim has a key of its own. Off: it is a field of progress, so that claiming copies progress.
    pub(crate) v13_claim_key: bool,
}

impl Rules {
    /// The protocol.
    pub(crate) const KEPT: Self = Self {
        v1_fenced_is_any_failure: true,
        v2_parked_may_leave: true,
        v3_still_picture: true,
        v4_followed_claim_parks: true,
        v5_back_off: true,
        v6_offset_must_be_p: true,
        v7_offset_before_events: true,
        v8_mandate_while_last: true,
        v9_one_transaction: true,
        v10_no_abort: true,
        v11_reading_belongs: true,
        v13_claim_key: true,
    };
}

/// What may happen at most. All of it may happen at any moment, and any of it never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    /// Copies that there are.
    pub(crate) processes: u8,
    /// Starts and restarts of all copies together.
    pub(crate) starts: u8,
    /// Orderly ends.
    pub(crate) stops: u8,
    /// An operator's orders and takeovers of a silent owner's account.
    pub(crate) orders: u8,
    /// Changes in the cloud.
    pub(crate) changes: u8,
    /// Syncs: an owner begins no reading on this sequence.
    pub(crate) sequences: u8,
    /// Faults: a request late (or lost), a reply lost, a request delivered twice, a stale read, a crash,
    /// a transaction that the broker times out.
    pub(crate) faults: u8,
    /// Producers that are initialised; `None` only where back-off bounds them.
    pub(crate) inits: Option<u8>,
}

/// When a copy in back-off goes on, and when a blocked read times out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// At any moment: every order of events, for safety.
    Any,
    /// Not while another copy is within an attempt: back-off is longer than a claim. For liveness.
    Fair,
}
