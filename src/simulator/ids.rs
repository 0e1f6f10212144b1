//! Ids of the services' shapes, each a function of one number: the same number, the same id.
//!
//! Numbers that differ give ids that differ (the mixing is a bijection, and its result is not cut shorter than the
//! shape allows); the seeded account and the operations draw their numbers from one counter.

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): a bijection that scatters neighbouring numbers.
#[must_use]
pub(super) fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// A user's or role's id: eighteen digits. The last seven are the number, so that no two collide.
#[must_use]
pub(super) fn numeric(number: u64) -> String {
    format!("2{:010}{:07}", scatter(number) % 10_000_000_000, number % 10_000_000)
}

/// A group's id as IMS shows it: nineteen digits in the vendor's example.
#[must_use]
pub(super) fn ims_group(number: u64) -> String {
    format!("7{:011}{:07}", scatter(number) % 100_000_000_000, number % 10_000_000)
}

/// A group's id as RAM shows it: `g-` and sixteen letters or digits.
#[must_use]
pub(super) fn ram_group(number: u64) -> String {
    format!("g-{}", alphanumeric(number, 16))
}

/// A resource group's id: `rg-` and fourteen lower-case letters or digits.
#[must_use]
pub(super) fn resource_group(number: u64) -> String {
    format!("rg-acfm{}", alphanumeric(number, 10).to_lowercase())
}

/// An access key's id: `LTAI5t` and eighteen letters or digits.
#[must_use]
pub(super) fn access_key(number: u64) -> String {
    format!("LTAI5t{}", alphanumeric(number, 18))
}

/// An instance's id: `i-` and twenty lower-case letters or digits, of which the last seven are the number.
#[must_use]
pub(super) fn instance(number: u64) -> String {
    format!("i-bp1{}{:07}", alphanumeric(number, 10).to_lowercase(), number % 10_000_000)
}

/// An account id: sixteen digits.
#[must_use]
pub(super) fn account(number: u64) -> String {
    format!("1{:015}", scatter(number) % 1_000_000_000_000_000)
}

/// `length` letters or digits.
#[must_use]
pub(super) fn alphanumeric(number: u64, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut bits = scatter(number);
    (0..length)
        .map(|_| {
            bits = scatter(bits);
            char::from(ALPHABET[(bits % 62) as usize])
        })
        .collect()
}
