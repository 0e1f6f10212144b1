//! What can be planted. The page about reliability says what catches each.

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal,)*) => {
        /// A bug that can be switched on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Bug {
            $($(#[doc = $doc])+ $bug,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// Its name in kebab-case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$bug => $name,)* }
            }

            /// What it does wrong, in a sentence.
            #[must_use]
            pub fn wrong(self) -> &'static str {
                match self { $(Self::$bug => concat!($($doc),+).trim_ascii(),)* }
            }
        }
    };
}

bugs! {
    /// A listing ends with its first page, whatever the page says.
    FirstPageOnly = "first-page-only",
    /// The items of a listing's last page are left out.
    SkipLastPage = "skip-last-page",
    /// A page that fails ends the listing, which counts as complete so far.
    FailedPageIsTheEnd = "failed-page-is-the-end",
    /// A child listing that failed counts as read and empty.
    FailureIsEmpty = "failure-is-empty",
    /// What may not be listed counts as read and empty.
    DeniedIsEmpty = "denied-is-empty",
    /// A detail that could not be read counts as read, and as none.
    UnreadDetailIsNone = "unread-detail-is-none",
    /// A detail that was read before the listing moved on is taken all the same.
    OldDetailTaken = "old-detail-taken",
    /// A listing older than one already seen is believed.
    StaleListingBelieved = "stale-listing-believed",
    /// An addition that should have been seen before is believed without a second listing.
    OldNewcomerBelieved = "old-newcomer-believed",
    /// What one listing lacks is removed without a second one.
    NoSecondListing = "no-second-listing",
    /// A removal is confirmed by the listing that suggested it.
    ConfirmedByItself = "confirmed-by-itself",
    /// What two listings lack is not asked for by itself.
    PointReadLeftOut = "point-read-left-out",
    /// The edges that much else seems to have gone with are not asked for by their second operation.
    SecondOperationLeftOut = "second-operation-left-out",
    /// Much seems to be gone, and nothing is said of it before it is published.
    SuspicionUntold = "suspicion-untold",
    /// What hangs on a removed entity is not removed with it.
    CascadeForgotten = "cascade-forgotten",
    /// An edge is published though one of its ends is not in the state.
    DanglingPublished = "dangling-published",
    /// A user's key is made of its name.
    KeyByName = "key-by-name",
    /// A baseline is published as additions.
    BaselineAsAdded = "baseline-as-added",
    /// A window begins where the previous reading ended.
    WindowBeginsLate = "window-begins-late",
    /// It is not kept since when a scope is unknown.
    ScopeRecordForgotten = "scope-record-forgotten",
    /// A sync that could not read everything says that it is complete.
    UnknownSaidComplete = "unknown-said-complete",
    /// What may not be read is named as unread for another reason.
    DenialSaidOtherwise = "denial-said-otherwise",
    /// Permission lost or regained is not told.
    CoverageUntold = "coverage-untold",
    /// A transaction's upserts come before its removals.
    UpsertsFirst = "upserts-first",
    /// Edges are published before what they hang on.
    EdgesFirst = "edges-first",
    /// The state is committed without its events.
    StateWithoutEvents = "state-without-events",
    /// The events are committed without their state.
    EventsWithoutState = "events-without-state",
    /// An updated entity keeps its revision in the state.
    RevisionNotRaised = "revision-not-raised",
    /// A removal leaves the removed record in the digest.
    DigestKeepsTombstones = "digest-keeps-tombstones",
    /// Progress stays at the sequence before its events.
    ProgressNotRaised = "progress-not-raised",
    /// Progress leaves a sequence out.
    ProgressSkips = "progress-skips",
    /// An event id leaves out the sequence, so that the same change later has the same one.
    EventIdReused = "event-id-reused",
    /// An event id is random.
    RandomEventId = "random-event-id",
    /// A record is not delivered, and counts as delivered.
    DeliveryErrorDropped = "delivery-error-dropped",
    /// A commit whose outcome is unknown counts as done: its reading becomes the state.
    UnknownIsCommitted = "unknown-is-committed",
    /// A reading is published on another state than the one that it began on (V11).
    ReadingOfAnotherState = "reading-of-another-state",
    /// The topic ends where committed reading stops, and the claim may land anywhere.
    EndsAtLastStable = "ends-at-last-stable",
    /// A copy that was superseded claims again (V4).
    SupersededGoesOn = "superseded-goes-on",
    /// A release is answered although somebody else has answered it (V8).
    ReleaseAnsweredTwice = "release-answered-twice",
    /// A parked copy answers no release (V2).
    ParkedForEver = "parked-for-ever",
    /// The last row of a replay is left out, and not counted.
    RowLeftOut = "row-left-out",
    /// The cursor passes a request that is still to be served.
    CursorPassesWaiting = "cursor-passes-waiting",
    /// A replay is served, and not put on record.
    ReplayNotOnRecord = "replay-not-on-record",
    /// A state that is gone is taken for a first run.
    MissingStateIsFirstRun = "missing-state-is-first-run",
    /// A state that moved while it was verified is judged all the same (V3).
    MovingPictureJudged = "moving-picture-judged",
}
