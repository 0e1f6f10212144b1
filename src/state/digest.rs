//! The digest that proves a folded state whole.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// Sum modulo 2^128 of the first 16 bytes (big-endian) of
/// SHA-256(u32 big-endian key length ‖ key ‖ value), over any set of records.
///
/// A sum, so that it can be kept while records come and go, in any order.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest(u128);

impl Digest {
    /// The digest of one record. Keys are far shorter than 4 GiB.
    #[must_use]
    pub fn of(key: &[u8], value: &[u8]) -> Self {
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
        let hash = Sha256::new().chain_update(length.to_be_bytes()).chain_update(key).chain_update(value).finalize();
        Self::head(&hash)
    }

    /// The digest of a text: the first 16 bytes of its SHA-256, and nothing else.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self::head(&Sha256::digest(text))
    }

    fn head(hash: &[u8]) -> Self {
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        Self(u128::from_be_bytes(first))
    }

    /// Puts a record (or a set of them) in.
    pub fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// Takes a record (or a set of them) out.
    pub fn subtract(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = u128::from_str_radix(&text, 16);
        number.map(Self).map_err(|_| de::Error::custom("a digest is 32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '\0\0\0\1kv' | sha256sum` begins with these 16 bytes.
    const KV: &str = "dcebe451747903d86e81a0c6769287a2";

    #[test]
    fn the_digest_of_a_record_is_the_head_of_its_sha256() {
        assert_eq!(Digest::of(b"k", b"v").to_string(), KV);
    }

    #[test]
    fn the_digest_of_a_text_is_the_head_of_its_sha256() {
        // `printf abc | sha256sum`, as FIPS 180-2 has it.
        assert_eq!(Digest::of_text("abc").to_string(), "ba7816bf8f01cfea414140de5dae2223");
    }

    #[test]
    fn the_order_of_records_means_nothing_and_what_is_taken_out_is_gone() {
        let (a, b) = (Digest::of(b"a", b"1"), Digest::of(b"b", b"2"));
        let mut left = Digest::default();
        left.add(a);
        left.add(b);
        left.subtract(a);
        assert_eq!(left, b);
    }

    #[test]
    fn it_is_written_as_hex_and_read_back() {
        let digest = Digest::of(b"a", b"1");
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"x\"").is_err());
    }
}
