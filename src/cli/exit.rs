//! Exit codes: what a supervisor or a cron job learns without reading.

use std::process::ExitCode;

use crate::{config::Refused, sync::LifeError};

/// How a command ended. 64, 69, 75 and 77 are those of BSD's `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Complete = 0,
    /// It went wrong; trying again may help.
    Failed = 1,
    /// Two snapshots were compared, and something differs. Not 1, as `diff` has it: that is for what went wrong.
    Different = 2,
    /// Done, but something could not be read and is unknown.
    Partial = 3,
    /// The configuration or the command line is wrong.
    Usage = 64,
    /// The cloud, the brokers or the registry cannot be reached.
    Unavailable = 69,
    /// Another copy has taken over the account.
    Superseded = 75,
    /// The published state, or the account of the credentials, is not what it must be; a person has to look.
    Refused = 77,
}

impl Exit {
    /// The code for `error`: by what is at its root, otherwise [`Exit::Failed`].
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        if error.is::<Refused>() { Self::Usage } else { Self::Failed }
    }

    /// The code for what stands against working with the published state.
    pub(super) fn of_life(error: &LifeError) -> Self {
        if matches!(error, LifeError::Refused(_)) { Self::Refused } else { Self::Unavailable }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::Exit;
    use crate::config::Refused;

    #[test]
    fn a_refused_configuration_is_told_apart_also_under_context() {
        let refused = || Refused { read_from: String::new(), problems: Vec::new(), account_unknown: None };
        let under_context = Err::<(), _>(refused()).context("starting").expect_err("it is an error");
        assert_eq!(Exit::of(&refused().into()), Exit::Usage);
        assert_eq!(Exit::of(&under_context), Exit::Usage);
        assert_eq!(Exit::of(&anyhow!("something else")), Exit::Failed);
    }
}
