//! Just enough of Avro's encoding to write records by hand, also wrong ones.

/// A whole number: zigzag, seven bits a byte.
pub(crate) fn long(number: i64) -> Vec<u8> {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// A text with its length.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [long(i64::try_from(text.len()).expect("short")), text.as_bytes().to_vec()].concat()
}

/// The first branch of a union, which is null in all of ours.
pub(crate) fn null() -> Vec<u8> {
    long(0)
}

/// The second branch of a union.
pub(crate) fn some(value: Vec<u8>) -> Vec<u8> {
    [long(1), value].concat()
}

/// With the five bytes of the framing in front.
pub(crate) fn framed(fields: &[Vec<u8>]) -> Vec<u8> {
    [&[0, 0, 0, 0, 1], &fields.concat()[..]].concat()
}
