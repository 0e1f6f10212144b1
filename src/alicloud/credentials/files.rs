//! An AccessKey in files, one per value, that something else may replace.
//!
//! Promises values that were read together: nobody gets the id of one key with the secret of another.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{fs, io};

use super::{Credentials, CredentialsError, Link};
use crate::secret::Secret;

/// One file per value. White space around a value is ignored.
#[derive(Debug)]
pub struct CredentialFiles {
    access_key_id: PathBuf,
    access_key_secret: PathBuf,
    security_token: Option<PathBuf>,
    held: Mutex<Option<(Stamps, Credentials)>>,
}

/// Modification times in the order id, secret, token.
type Stamps = Vec<SystemTime>;

/// Attempts to see all files unchanged while they are read.
const SETTLE_ATTEMPTS: u32 = 3;

impl CredentialFiles {
    /// Names the files; nothing is read yet.
    #[must_use]
    pub fn new(access_key_id: PathBuf, access_key_secret: PathBuf, security_token: Option<PathBuf>) -> Self {
        Self { access_key_id, access_key_secret, security_token, held: Mutex::new(None) }
    }

    pub(super) fn current(&self) -> Result<Credentials, CredentialsError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = self.stamps()?;
        if let Some((stamps, credentials)) = &*held
            && *stamps == before
        {
            return Ok(credentials.clone());
        }
        for _ in 0..SETTLE_ATTEMPTS {
            let credentials = self.read()?;
            let after = self.stamps()?;
            if before == after {
                *held = Some((after, credentials.clone()));
                return Ok(credentials);
            }
            before = after;
        }
        let what = format!("credentials file {} keeps changing while it is read", self.access_key_id.display());
        Err(CredentialsError::new(Link::Files, what, "replace the files less often"))
    }

    fn stamps(&self) -> Result<Stamps, CredentialsError> {
        [Some(&self.access_key_id), Some(&self.access_key_secret), self.security_token.as_ref()]
            .into_iter()
            .flatten()
            .map(|path| fs::metadata(path).and_then(|file| file.modified()).map_err(|source| unreadable(path, source)))
            .collect()
    }

    fn read(&self) -> Result<Credentials, CredentialsError> {
        Ok(Credentials {
            access_key_id: read_value(&self.access_key_id)?,
            access_key_secret: Secret::new(read_value(&self.access_key_secret)?),
            security_token: self.security_token.as_deref().map(read_value).transpose()?.map(Secret::new),
        })
    }
}

fn unreadable(path: &Path, source: io::Error) -> CredentialsError {
    let what = format!("cannot read credentials file {}: {source}", path.display());
    CredentialsError::new(Link::Files, what, "make sure that it exists and that this process may read it")
}

fn read_value(path: &Path) -> Result<String, CredentialsError> {
    let text = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    let value = text.trim();
    let malformed = |what: &str| {
        let what = format!("credentials file {} is {what}", path.display());
        CredentialsError::new(Link::Files, what, "write the bare value into it, one line without quotes")
    };
    if value.is_empty() {
        return Err(malformed("empty"));
    }
    // Values travel in HTTP headers: anything else would fail later, with a less helpful text.
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed("not one line of printable ASCII"));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::CredentialFiles;

    struct Directory(tempfile::TempDir);

    impl Directory {
        fn with_keys() -> Self {
            let directory = Self(tempfile::tempdir().unwrap());
            directory.write("id", "LTAI-one\n", 100);
            directory.write("secret", " hush \n", 100);
            directory
        }

        fn write(&self, name: &str, text: &str, modified_secs: u64) {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(modified_secs);
            File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
        }

        fn source(&self, token: Option<&str>) -> CredentialFiles {
            let path = |name: &str| self.0.path().join(name);
            CredentialFiles::new(path("id"), path("secret"), token.map(path))
        }
    }

    #[test]
    fn files_are_read_again_when_their_modification_time_changes() {
        let directory = Directory::with_keys();
        let source = directory.source(None);
        let first = source.current().unwrap();
        assert_eq!((first.access_key_id.as_str(), first.access_key_secret.expose()), ("LTAI-one", "hush"));

        directory.write("id", "LTAI-two", 200);
        directory.write("secret", "new", 200);
        let second = source.current().unwrap();
        assert_eq!((second.access_key_id.as_str(), second.access_key_secret.expose()), ("LTAI-two", "new"));
    }

    #[test]
    fn a_missing_file_is_named_with_the_mend() {
        let directory = Directory::with_keys();
        let text = directory.source(Some("token")).current().unwrap_err().to_string();
        assert!(text.contains("token") && text.contains("make sure that it exists"), "{text}");
    }

    #[test]
    fn an_empty_file_and_one_of_two_lines_are_refused_by_name_without_showing_the_value() {
        let directory = Directory::with_keys();
        directory.write("secret", "\n", 200);
        let text = directory.source(None).current().unwrap_err().to_string();
        assert!(text.contains("secret is empty"), "{text}");

        directory.write("secret", "hush\nhush", 300);
        let text = directory.source(None).current().unwrap_err().to_string();
        assert!(text.contains("not one line") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn debug_output_of_a_source_holds_no_secret() {
        let directory = Directory::with_keys();
        let source = directory.source(None);
        source.current().unwrap();
        assert!(!format!("{source:?}").contains("hush"));
    }
}
