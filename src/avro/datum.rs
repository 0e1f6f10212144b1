//! Avro's binary encoding, directed by a schema and fed by serde.
//!
//! Promises the bytes of apache-avro's own `write_ser` (a test holds every schema of this program against it), in a
//! third of the time, for what the schemas in `schemas/` use: records whose fields come in schema order, unions of null
//! and one type, arrays, strings, ints, longs, booleans. Anything else, and any value that its schema does not
//! describe, is an error. A value that is no `Option` is taken where a union with null stands.

use std::fmt;

use apache_avro::schema::{NamesRef, RecordField, RecordSchema, Schema, UnionSchema};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible, SerializeSeq, SerializeStruct},
};

/// A value does not fit its schema.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(String);

impl serde::ser::Error for Mismatch {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self(what.to_string())
    }
}

/// Writes one value of one schema.
pub(super) struct Datum<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) schema: &'a Schema,
    /// The records that the schema names a second time.
    pub(super) named: &'a NamesRef<'static>,
}

impl<'a> Datum<'a> {
    /// The schema that a value which is not null has to fit; its place in a union is written.
    fn present(&mut self) -> Result<&'a Schema, Mismatch> {
        let schema = match self.schema {
            Schema::Union(union) => {
                let (place, schema) = variant(union, |schema| !matches!(schema, Schema::Null))?;
                long(self.out, place);
                schema
            }
            schema => schema,
        };
        match schema {
            Schema::Ref { name } => {
                self.named.get(name).copied().ok_or_else(|| Mismatch(format!("the schema does not define {name}")))
            }
            schema => Ok(schema),
        }
    }

    fn number(mut self, value: i64) -> Result<(), Mismatch> {
        match self.present()? {
            Schema::Long | Schema::TimestampMillis => {}
            Schema::Int if i32::try_from(value).is_ok() => {}
            other => return Err(misfit("a number", other)),
        }
        long(self.out, value);
        Ok(())
    }
}

fn variant(union: &UnionSchema, fits: impl Fn(&Schema) -> bool) -> Result<(i64, &Schema), Mismatch> {
    let found = (0..).zip(union.variants()).find(|(_, schema)| fits(schema));
    found.ok_or_else(|| Mismatch("a union has no place for the value".to_owned()))
}

fn misfit(what: &str, schema: &Schema) -> Mismatch {
    Mismatch(format!("{what} stands where the schema has {schema:?}"))
}

/// Zigzag, then seven bits a byte, the lowest first.
fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest > 0x7f {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn length(out: &mut Vec<u8>, length: usize) {
    long(out, i64::try_from(length).unwrap_or(i64::MAX));
}

macro_rules! unused {
    ($($method:ident($($argument:ty),*) -> $output:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$output, Mismatch> {
            Err(Mismatch::custom(concat!(stringify!($method), ": no schema here has such a value")))
        })*
    };
}

impl<'a> Serializer for Datum<'a> {
    type Ok = ();
    type Error = Mismatch;
    type SerializeSeq = Items<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeTuple = Impossible<(), Mismatch>;
    type SerializeTupleStruct = Impossible<(), Mismatch>;
    type SerializeTupleVariant = Impossible<(), Mismatch>;
    type SerializeMap = Impossible<(), Mismatch>;
    type SerializeStructVariant = Impossible<(), Mismatch>;

    fn serialize_none(self) -> Result<(), Mismatch> {
        match self.schema {
            Schema::Union(union) => {
                long(self.out, variant(union, |schema| matches!(schema, Schema::Null))?.0);
                Ok(())
            }
            other => Err(misfit("null", other)),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Mismatch> {
        value.serialize(self)
    }

    fn serialize_str(mut self, text: &str) -> Result<(), Mismatch> {
        match self.present()? {
            Schema::String => {
                length(self.out, text.len());
                self.out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            other => Err(misfit("a text", other)),
        }
    }

    fn serialize_bool(mut self, value: bool) -> Result<(), Mismatch> {
        match self.present()? {
            Schema::Boolean => {
                self.out.push(u8::from(value));
                Ok(())
            }
            other => Err(misfit("a boolean", other)),
        }
    }

    fn serialize_i32(self, value: i32) -> Result<(), Mismatch> {
        self.number(i64::from(value))
    }

    fn serialize_i64(self, value: i64) -> Result<(), Mismatch> {
        self.number(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Mismatch> {
        value.serialize(self)
    }

    fn serialize_seq(mut self, len: Option<usize>) -> Result<Items<'a>, Mismatch> {
        let (Schema::Array(array), Some(len)) = (self.present()?, len) else {
            return Err(misfit("a list", self.schema));
        };
        if len > 0 {
            length(self.out, len);
        }
        Ok(Items { out: self.out, items: &array.items, named: self.named })
    }

    fn serialize_struct(mut self, _: &'static str, _: usize) -> Result<Fields<'a>, Mismatch> {
        match self.present()? {
            Schema::Record(RecordSchema { fields, .. }) => Ok(Fields { out: self.out, fields, named: self.named }),
            other => Err(misfit("a record", other)),
        }
    }

    unused! {
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Mismatch> {
        Err(Mismatch(format!("{name}: no schema here has such a value")))
    }
}

/// The items of an array, in one block.
pub(super) struct Items<'a> {
    out: &'a mut Vec<u8>,
    items: &'a Schema,
    named: &'a NamesRef<'static>,
}

impl SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Mismatch;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Mismatch> {
        item.serialize(Datum { out: self.out, schema: self.items, named: self.named })
    }

    fn end(self) -> Result<(), Mismatch> {
        long(self.out, 0);
        Ok(())
    }
}

/// The fields of a record that are still to come.
pub(super) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    fields: &'a [RecordField],
    named: &'a NamesRef<'static>,
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Mismatch;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Mismatch> {
        let (field, rest) = self.fields.split_first().ok_or_else(|| Mismatch(format!("{name} is in no schema")))?;
        if field.name != name {
            return Err(Mismatch(format!("{name} comes where the schema has {}", field.name)));
        }
        self.fields = rest;
        value.serialize(Datum { out: self.out, schema: &field.schema, named: self.named })
    }

    fn end(self) -> Result<(), Mismatch> {
        match self.fields.first() {
            None => Ok(()),
            Some(field) => Err(Mismatch(format!("{} is missing", field.name))),
        }
    }
}
