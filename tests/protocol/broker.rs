//! The broker: one transactional id, one `.state` log.
//!
//! Events, the `.syncs` record and state records of one sync share this log; `.syncs` is read from it at
//! another moment. Acknowledged records survive, markers are complete when init returns, and epochs
//! never go back. A second copy of a produce request does nothing (its sequence number is known), so the
//! model repeats only `EndTxn` and `InitProducerId`.

/// What the broker knows of KIP-890.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Version {
    /// Nothing: a late record is taken outside of any transaction.
    Old,
    /// Its first part: records outside of an ongoing transaction are rejected.
    Verifying,
    /// Its second part too: every transaction ends with a new epoch.
    EpochPerTransaction,
}

pub(crate) const VERSIONS: [Version; 3] = [Version::Old, Version::Verifying, Version::EpochPerTransaction];

/// One process start.
pub(crate) type WriterId = u8;
/// The next offset, or an offset, in `.state`.
pub(crate) type Offset = u8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Progress {
    pub(crate) sequence: u8,
    /// The cloud's value as published with this sequence.
    pub(crate) value: u8,
    /// Whose sync it was; with the sequence, this is its sync id.
    pub(crate) by: WriterId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// `None`: released.
    pub(crate) writer: Option<WriterId>,
    /// Who wrote it, also if it is a release. Only the judge looks at this and what follows.
    pub(crate) by: WriterId,
    /// The how manieth start, order, release or takeover of its writer made it.
    pub(crate) mandate: u8,
    /// The release or silent claim that it answers.
    pub(crate) answers: Option<Offset>,
    /// It claims, rather than heads a publication or releases.
    pub(crate) claims: bool,
    /// Without V13: progress as the claim copies it.
    pub(crate) copied: Option<Progress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Record {
    Claim(Claim),
    Events(Progress),
    Progress(Progress),
    Marker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Open,
    Committed,
    Aborted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Transaction {
    Empty,
    Ongoing,
    /// `EndTxn` was answered, the commit marker is not yet written.
    PrepareCommit,
    Complete {
        committed: bool,
    },
}

/// Why a request had no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Fenced,
    Rejected,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Broker {
    pub(crate) version: Version,
    /// The current epoch is 1 between two steps and all older ones are 0: nothing else matters of them.
    pub(crate) epoch: u8,
    pub(crate) transaction: Transaction,
    pub(crate) log: Vec<(Record, Fate)>,
}

impl Broker {
    pub(crate) fn new(version: Version) -> Self {
        Self { version, epoch: 1, transaction: Transaction::Empty, log: Vec::new() }
    }

    pub(crate) fn high_watermark(&self) -> Offset {
        Offset::try_from(self.log.len()).expect("bounds keep the log short")
    }

    pub(crate) fn last_stable_offset(&self) -> Offset {
        let open = self.log.iter().position(|(_, fate)| *fate == Fate::Open);
        open.map_or_else(|| self.high_watermark(), |open| Offset::try_from(open).expect("bounds keep the log short"))
    }

    /// The ends that the log had after its transactions so far, the current one left out: what a stale
    /// watermark may say.
    pub(crate) fn earlier_ends(&self) -> impl Iterator<Item = Offset> {
        let markers = self.log.iter().zip(1..).filter(|((record, _), _)| *record == Record::Marker);
        let stable = self.high_watermark();
        std::iter::once(0).chain(markers.map(|(_, end)| end)).filter(move |end| *end < stable)
    }

    /// What `read_committed` delivers below `position`.
    pub(crate) fn delivered(&self, position: Offset) -> impl DoubleEndedIterator<Item = (Offset, Record)> {
        let below = &self.log[..usize::from(position)];
        let placed = below.iter().enumerate().filter(|(_, (_, fate))| *fate == Fate::Committed);
        placed.map(|(offset, (record, _))| (Offset::try_from(offset).expect("below a position"), *record))
    }

    /// `InitProducerId`: ends the open transaction, one way or the other, and fences with a higher epoch.
    pub(crate) fn init_producer_id(&mut self) -> u8 {
        match self.transaction {
            Transaction::PrepareCommit => self.write_marker(Fate::Committed),
            Transaction::Ongoing => self.write_marker(Fate::Aborted),
            Transaction::Empty | Transaction::Complete { .. } => {}
        }
        self.transaction = Transaction::Empty;
        self.epoch += 1;
        self.epoch
    }

    /// `AddPartitionsToTxn`, with the first record of a transaction.
    pub(crate) fn add_partition(&mut self, epoch: u8) -> Result<(), Failure> {
        self.check(epoch)?;
        if self.transaction == Transaction::PrepareCommit {
            return Err(Failure::Rejected);
        }
        self.transaction = Transaction::Ongoing;
        Ok(())
    }

    /// `Produce`: the offset.
    pub(crate) fn produce(&mut self, epoch: u8, record: Record) -> Result<Offset, Failure> {
        self.check(epoch)?;
        if self.version != Version::Old && self.transaction != Transaction::Ongoing {
            return Err(Failure::Rejected);
        }
        self.log.push((record, Fate::Open));
        Ok(self.high_watermark() - 1)
    }

    /// `EndTxn`: the epoch to go on with. A commit is answered before its marker is written.
    pub(crate) fn end_transaction(&mut self, epoch: u8, commit: bool) -> Result<u8, Failure> {
        self.check(epoch)?;
        match self.transaction {
            Transaction::Ongoing if commit => self.transaction = Transaction::PrepareCommit,
            Transaction::Ongoing => self.write_marker(Fate::Aborted),
            Transaction::PrepareCommit if commit => {}
            Transaction::Complete { committed } if committed == commit => {}
            _ => return Err(Failure::Rejected),
        }
        if self.version == Version::EpochPerTransaction {
            self.epoch += 1;
        }
        Ok(self.epoch)
    }

    /// A marker ends whatever this producer id has open in the partition.
    pub(crate) fn write_marker(&mut self, fate: Fate) {
        for (_, open) in self.log.iter_mut().filter(|(_, fate)| *fate == Fate::Open) {
            *open = fate;
        }
        self.log.push((Record::Marker, fate));
        self.transaction = Transaction::Complete { committed: fate == Fate::Committed };
    }

    fn check(&self, epoch: u8) -> Result<(), Failure> {
        if epoch == self.epoch { Ok(()) } else { Err(Failure::Fenced) }
    }
}
