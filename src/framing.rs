//! Confluent framing, and a datum's bytes as they may be given to the Avro library: what every reader of records
//! needs, whatever it makes of them. Pure.

use std::io;

/// Schema id and datum of a framed record: a zero byte, the id in four bytes big-endian, the datum. `None` = not framed.
pub(crate) fn unframed(framed: &[u8]) -> Option<(u32, &[u8])> {
    match framed.split_first_chunk::<5>() {
        Some((&[0, a, b, c, d], datum)) => Some((u32::from_be_bytes([a, b, c, d]), datum)),
        _ => None,
    }
}

/// Bytes of which none may lack. The Avro library takes the end of its input for a null, or for as many empty records
/// as an array says that it has: a cut event would look like a removal, and a few bytes could fill the memory.
pub(crate) struct Whole<'a>(pub(crate) &'a [u8]);

impl io::Read for Whole<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() && !out.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the record ends too early"));
        }
        self.0.read(out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_id_stands_behind_a_zero_byte_and_a_datum_may_be_empty() {
        assert_eq!(unframed(&[0, 0, 0, 1, 2, 7]), Some((258, &[7][..])));
        assert_eq!(unframed(&[0, 0, 0, 0, 9]), Some((9, &[][..])));
        for none in [&[][..], &[0, 0, 0, 0], &[1, 0, 0, 0, 9, 7]] {
            assert_eq!(unframed(none), None, "{none:?}");
        }
    }

    #[test]
    fn asking_for_more_than_there_is_is_an_error_and_no_end() {
        let mut bytes = Whole(&[7]);
        let mut one = [0];
        bytes.read_exact(&mut one).unwrap();
        assert_eq!(bytes.read(&mut one).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
