//! No core dumps: they would hold every secret of the process, in a file that outlives it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids them before a secret is read: to the kernel by a limit of 0, and to handlers that a dump is piped to, which
/// the limit does not bind, by marking the process as not dumpable. That also keeps its memory and its environment from
/// other processes of the same user.
pub(super) fn forbid() {
    let limited = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let marked = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Some(error) = limited.err().or(marked.err()) {
        eprintln!("ramstream: core dumps cannot be forbidden ({error}): a crash may leave secrets in a file");
    }
}
